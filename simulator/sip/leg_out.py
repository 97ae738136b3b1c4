"""Mobile to IP: a call that the box brings to the agent (RFC 3261 §13.2, §9.1)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from simulator.sip import sdp
from simulator.sip.agent import Asking, Headers, UserAgent, new_tag
from simulator.sip.dialog import confirmed
from simulator.sip.digest import Account
from simulator.sip.leg import Ground, Leg, LegOwner, LegState
from simulator.sip.manner import CallerIn
from simulator.sip.message import Address, Message
from simulator.sip.sdp import SdpError
from simulator.sip.sockets import HOST

ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Invitation:
    """`caller`: the GSM caller's number, empty when hidden; `to`: where the agent listens."""

    account: Account
    caller: str
    to: Address


class LegOut(Leg):
    """Sends its INVITE at once."""

    def __init__(self, agent: UserAgent, ground: Ground, owner: LegOwner, *, invitation: Invitation) -> None:
        super().__init__(agent, ground, owner)
        self._to = invitation.to
        self._user = invitation.account.user
        self._heard = False  # whether a 1xx came, before which no CANCEL may go out
        self._asking: Asking = agent.ask(self._invite(invitation), self._to, self._answered, invitation.account)

    def hang_up(self, cause: int) -> None:
        """The caller gave up, or the call is over."""
        if self.state is LegState.TALKING:
            self.bye(cause)
        elif self.step("leave"):
            self.media.close()
            if self._heard:
                self._cancel()

    def _invite(self, invitation: Invitation) -> Message:
        agent, user = self.agent, self._user
        host, port = invitation.to
        uri = f"sip:{user}@{host}:{port}"
        sender, more = addressed(self.manner.caller_in, user, invitation.caller, f"{HOST}:{agent.port}")
        headers: Headers = [agent.via(), ("Max-Forwards", "70"), ("From", f"{sender};tag={new_tag()}")]
        headers += [("To", f"<{uri}>"), ("Call-ID", secrets.token_hex(10)), ("CSeq", "1 INVITE")]
        headers += [("Contact", agent.contact(user)), *more, agent.allow()]
        headers += [("User-Agent", self.manner.product), ("Content-Type", sdp.TYPE)]
        return Message(tuple(headers), self.offer(), method="INVITE", uri=uri)

    def _answered(self, response: Message | None) -> None:
        if response is None:
            self._failed(408)
        elif response.status < 200:
            self._provisional(response)
        elif response.status >= 300:
            self._failed(response.status)
        else:
            self._accepted(response)

    def _provisional(self, response: Message) -> None:
        first, self._heard = not self._heard, True
        if self.state is LegState.LEAVING:
            if first:
                self._cancel()
        elif response.status > 100 and self.step("progress"):
            if response.body:
                self._take(response)
            self.owner.progressed(response.status)

    def _accepted(self, response: Message) -> None:
        """A 200, perhaps again, perhaps of a call that was cancelled: then it is acknowledged and ended."""
        dialog = confirmed(self._asking.request, response, self._to, self._user)
        number = dialog.cseq
        if self.dialog is not None:
            self.agent.send(self.dialog.request(self.agent, "ACK", number=number), self.dialog.destination())
            return
        self.agent.send(dialog.request(self.agent, "ACK", number=number), dialog.destination())
        self.dialog = dialog
        if not self.step("answer"):
            self.bye(16)
            return
        self.agent.dialogs[dialog.key] = self
        if not self._take(response):
            self.bye(88)
            self.owner.over(488)
            return
        self.talk()
        self.owner.answered()

    def _take(self, response: Message) -> bool:
        if not response.body and self.media.agreed:
            return True  # a 183 had it already
        try:
            self.accept(sdp.parse(response.body), answer_needed=False)
        except SdpError:
            return False
        return True

    def _failed(self, status: int) -> None:
        told = self.state is LegState.LEAVING
        self.finish()
        if not told:
            self.owner.over(status)

    def _cancel(self) -> None:
        request = self._asking.request
        kept = [(name, value) for name, value in request.headers if name in ("From", "To", "Call-ID", "Route")]
        headers = [("Via", request.get("via")), ("Max-Forwards", "70"), *kept, ("CSeq", f"{request.cseq[0]} CANCEL")]
        cancel = Message(tuple(headers), method="CANCEL", uri=request.uri)
        self.agent.ask(cancel, self._to, lambda response: None)


def addressed(caller_in: CallerIn, user: str, caller: str, host: str) -> tuple[str, Headers]:
    """From, and what else names the caller."""
    number = caller or ANONYMOUS
    line = f"<sip:{user}@{host}>"
    if caller_in is CallerIn.FROM:
        return (f'"{caller}" <sip:{number}@{host}>' if caller else f'"Anonymous" <sip:{ANONYMOUS}@{host}>'), []
    if caller_in is CallerIn.DISPLAY:
        return f'"{number}" {line}', []
    if caller_in is CallerIn.RPID:
        privacy = "off" if caller else "full"
        return line, [("Remote-Party-ID", f"<sip:{number}@{host}>;party=calling;screen=yes;privacy={privacy}")]
    return line, [("P-Asserted-Identity", f"<sip:{number}@{host}>"), *([] if caller else [("Privacy", "id")])]
