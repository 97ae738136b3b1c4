"""IP to mobile: a call that the agent asks for (RFC 3261 §13.3)."""

from __future__ import annotations

from simulator.sip import sdp
from simulator.sip.agent import PHRASES, Headers, UserAgent
from simulator.sip.dialog import accepted
from simulator.sip.leg import Ground, Leg, LegOwner, LegState
from simulator.sip.manner import Early
from simulator.sip.message import Message, parameter
from simulator.sip.transactions import ServerTransaction


class LegIn(Leg):
    """`dialling`, `ringing` and `answered` are told to it as the GSM side goes on."""

    def __init__(
        self, agent: UserAgent, ground: Ground, owner: LegOwner, *, transaction: ServerTransaction, user: str
    ) -> None:
        super().__init__(agent, ground, owner)
        self._transaction = transaction
        self._request = transaction.request
        self._late_offer = not self._request.body
        self.dialog = accepted(self._request, transaction.source, user)
        agent.dialogs[self.dialog.key] = self
        transaction.cancelled = self._cancelled
        transaction.unacknowledged = self._unacknowledged

    def negotiate(self) -> None:
        """Take their offer. Raises SdpError."""
        if not self._late_offer:
            self.accept(sdp.parse(self._request.body))

    def dialling(self) -> None:
        """GSM dials: some say 183 now."""
        if self.manner.early is not Early.RINGING:
            self._progress(183, with_sdp=True)

    def ringing(self) -> None:
        """It rings at the called side, or the box says so."""
        if self.manner.alerted:
            self.answered()
        elif self.manner.early is not Early.PROGRESS:
            self._progress(180, with_sdp=False)

    def answered(self) -> None:
        """The called side answered; twice is once."""
        if self.step("answer"):
            body = self.offer() if self._late_offer else self.describe()
            self._respond(200, more=[("Content-Type", sdp.TYPE), self.agent.allow()], body=body)
            self.talk()

    @property
    def early_sound(self) -> bool:
        """Whether the far end expects sound already."""
        early = self.state is LegState.EARLY and self.manner.early is not Early.RINGING and not self._late_offer
        return early or self.state is LegState.TALKING

    def hang_up(self, cause: int) -> None:
        """The GSM side ended it."""
        if self.state is LegState.TALKING:
            self.bye(cause)
        else:
            status = self.manner.statuses.get(cause, self.manner.status)
            self.refuse(status, more=self.reason(cause), phrase=self.manner.phrase)

    def refuse(self, status: int, *, more: Headers | None = None, phrase: str = "") -> None:
        """A final response that refuses."""
        self._respond(status, more=more, phrase=phrase)
        self.finish()

    def _progress(self, status: int, *, with_sdp: bool) -> None:
        if self.step("progress"):
            body = self.describe() if with_sdp and not self._late_offer else b""
            self._respond(status, more=[("Content-Type", sdp.TYPE)] if body else [], body=body)

    def _respond(self, status: int, *, more: Headers | None = None, body: bytes = b"", phrase: str = "") -> None:
        dialog = self.dialog
        if dialog is None:
            return
        contact: Headers = [("Contact", self.agent.contact(dialog.user))] if status < 300 else []
        tag = parameter(dialog.local, "tag")
        response = self.agent.response(self._request, status, tag, more=[*contact, *(more or [])], body=body)
        self._transaction.respond(_renamed(response, phrase or PHRASES.get(status, "Failure")))

    def _cancelled(self) -> None:
        self._respond(487)
        self.finish()
        self.owner.over(487)

    def _unacknowledged(self) -> None:
        if self.state is LegState.TALKING:
            self.bye(102)  # Q.850: recovery on timer expiry
            self.owner.over(408)


def _renamed(response: Message, reason: str) -> Message:
    return Message(response.headers, response.body, status=response.status, reason=reason)
