"""A call of the box on its SIP side, once there is a dialog: keys, hold, the end (RFC 3261 §12 to §15)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Protocol

from simulator.sip import sdp
from simulator.sip.agent import Headers, UserAgent
from simulator.sip.dialog import Dialog
from simulator.sip.manner import Manner
from simulator.sip.media import Media
from simulator.sip.message import Message
from simulator.sip.sdp import Description, SdpError
from simulator.sip.sockets import HOST, Datagrams, Received
from simulator.sip.transactions import ServerTransaction
from simulator.timing import Handle, Timers

LOOK_EVERY_S = 1.0
KEY_MS = 160
RELAY = "application/dtmf-relay"


class LegState(StrEnum):
    """`trying`: INVITE sent or received; `early`: 18x; `leaving`: CANCEL sent, or to be sent after a 1xx."""

    TRYING = "trying"
    EARLY = "early"
    LEAVING = "leaving"
    TALKING = "talking"
    OVER = "over"


NEXT_STATE: dict[tuple[LegState, str], LegState] = {
    (LegState.TRYING, "progress"): LegState.EARLY,
    (LegState.EARLY, "progress"): LegState.EARLY,
    (LegState.TRYING, "answer"): LegState.TALKING,
    (LegState.EARLY, "answer"): LegState.TALKING,
    (LegState.TRYING, "leave"): LegState.LEAVING,
    (LegState.EARLY, "leave"): LegState.LEAVING,
    (LegState.TRYING, "end"): LegState.OVER,
    (LegState.EARLY, "end"): LegState.OVER,
    (LegState.LEAVING, "end"): LegState.OVER,
    (LegState.TALKING, "end"): LegState.OVER,
}


class LegOwner(Protocol):
    """The GSM side of the call."""

    def progressed(self, status: int) -> None:
        """A call of ours got a 18x."""

    def answered(self) -> None:
        """A call of ours got a 200."""

    def over(self, status: int) -> None:
        """The far end ended it, or it failed: the status of the response, 200 for BYE and 487 for CANCEL."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What every call of a box stands on."""

    timers: Timers
    manner: Manner
    media: Callable[[Received], Datagrams]
    random: Random


class Leg:
    """Either direction; the two kinds set the call up in their own ways."""

    def __init__(self, agent: UserAgent, ground: Ground, owner: LegOwner) -> None:
        self.agent = agent
        self.manner = ground.manner
        self.owner = owner
        self.state = LegState.TRYING
        self.dialog: Dialog | None = None
        self.media = Media(ground.media, ground.timers, ground.manner, ground.random)
        self.media.keyed = self._key_by_info
        self._timers = ground.timers
        self._version = ground.random.randrange(1000, 9000)
        self._their_version = ""
        self._formats: tuple[int, ...] = ()
        self._names: dict[int, str] = {}
        self._direction = "sendrecv"
        self._talking_since = 0.0
        self._watch: Handle | None = None
        self._methods = {
            "BYE": self._bye,
            "INVITE": self._change,
            "UPDATE": self._change,
            "INFO": self._info,
            "OPTIONS": self._fine,
            "MESSAGE": self._fine,
            "NOTIFY": self._fine,
        }

    def step(self, event: str) -> bool:
        """Go to the next state; False when the event means nothing now."""
        state = NEXT_STATE.get((self.state, event))
        if state is None:
            return False
        self.state = state
        return True

    def hang_up(self, cause: int) -> None:
        """The GSM side ended it, with a Q.850 cause; the owner is not told."""
        raise NotImplementedError

    def vanish(self) -> None:
        """The box lost its power: nothing is sent."""
        self.step("leave")
        self.finish()

    # ------------------------------------------------------------------------------------ description

    def offer(self) -> bytes:
        """Everything we can."""
        manner = self.manner
        self._formats, self._names = sdp.offered(manner.codecs, manner.payload, extra=manner.extra_codecs)
        return self.describe()

    def accept(self, theirs: Description, *, answer_needed: bool = True) -> None:
        """Their offer, or their answer to ours: raises SdpError."""
        agreement = sdp.agree(theirs, self.manner.codecs, self.manner.ptime_ms)
        self.media.agree(agreement)
        self._their_version = theirs.version
        if answer_needed:
            names = {} if agreement.dtmf is None else {agreement.dtmf: "telephone-event/8000"}
            self._formats, self._names = (sdp.PAYLOADS[agreement.encoding], *names), names
            held = theirs.address == "0.0.0.0"
            self._direction = "recvonly" if held else sdp.ANSWERS[theirs.direction]

    def describe(self) -> bytes:
        """Our SDP, as of now."""
        ours = Description(
            HOST, self.media.port, self._formats, self._names, self._direction, self.manner.ptime_ms, str(self._version)
        )
        return sdp.render(ours, self.manner.product)

    # -------------------------------------------------------------------------------------- talking

    def talk(self) -> None:
        """The call is answered: from now on silence of the far end is noticed."""
        if self.manner.new_ssrc:
            self.media.new_source()
        self._talking_since = self._timers.monotonic()
        self._look()

    def _look(self) -> None:
        """A box hangs up when no RTP comes for a while."""
        if self.state is not LegState.TALKING:
            return
        last = max(self._talking_since, self.media.heard_at or 0.0)
        if self._timers.monotonic() - last >= self.manner.waits.rtp_dead:
            self.bye(41)
            self.owner.over(408)
        else:
            self._watch = self._timers.after(LOOK_EVERY_S, self._look)

    def _key_by_info(self, key: str) -> None:
        if self.dialog is not None and self.state is LegState.TALKING:
            body = f"Signal={key}\r\nDuration={KEY_MS}\r\n".encode()
            request = self.dialog.request(self.agent, "INFO", more=[("Content-Type", RELAY)], body=body)
            self.agent.ask(request, self.dialog.destination(), lambda response: None)

    # -------------------------------------------------------------------------------------- the end

    def bye(self, cause: int) -> None:
        """End an answered call."""
        if self.dialog is not None:
            request = self.dialog.request(self.agent, "BYE", more=self.reason(cause))
            self.agent.ask(request, self.dialog.destination(), lambda response: None)
        self.finish()

    def reason(self, cause: int) -> Headers:
        """RFC 3326, of boxes that tell it."""
        return [("Reason", f"Q.850;cause={cause}")] if self.manner.reason else []

    def finish(self) -> None:
        """Nothing is left of it."""
        self.step("end")
        if self._watch is not None:
            self._watch.cancel()
        if self.dialog is not None:
            self.agent.dialogs.pop(self.dialog.key, None)
        self.media.close()

    # ------------------------------------------------------------------------------ requests within

    def requested(self, request: Message, transaction: ServerTransaction) -> None:
        """A request within the dialog."""
        dialog = self.dialog
        handler = self._methods.get(request.method)
        if dialog is None or handler is None or request.method not in (*self.manner.allow, "MESSAGE"):
            transaction.respond(self.agent.response(request, 405, more=[self.agent.allow()]))
        elif request.cseq[0] < dialog.remote_cseq:
            transaction.respond(self.agent.response(request, 500))
        else:
            dialog.remote_cseq = request.cseq[0]
            dialog.address = transaction.source
            handler(request, transaction)

    def acknowledged(self, request: Message) -> None:
        """The ACK of a 2xx, which has the answer when the offer was ours."""
        if request.body:
            try:
                self.accept(sdp.parse(request.body), answer_needed=False)
            except SdpError:
                self.bye(88)  # Q.850: incompatible destination
                self.owner.over(488)

    def _fine(self, request: Message, transaction: ServerTransaction) -> None:
        transaction.respond(self.agent.response(request, 200, more=[self.agent.allow()]))

    def _bye(self, request: Message, transaction: ServerTransaction) -> None:
        transaction.respond(self.agent.response(request, 200))
        self.finish()
        self.owner.over(200)

    def _info(self, request: Message, transaction: ServerTransaction) -> None:
        transaction.respond(self.agent.response(request, 200))
        if "dtmf" in request.get("content-type").lower():
            self.media.press(read_key(request.body))

    def _change(self, request: Message, transaction: ServerTransaction) -> None:
        """A new offer: hold, another address. Without one (or with an old version, to some) nothing changes."""
        status, more, body = 200, [("Contact", self.agent.contact(self.dialog.user if self.dialog else ""))], b""
        try:
            offer = sdp.parse(request.body) if request.body else None
            stale = offer is not None and self.manner.versions and offer.version == self._their_version
            if offer is not None and not stale:
                self.accept(offer)
                self._version += 1
        except SdpError:
            status = 488
        if status == 200 and (request.body or request.method == "INVITE"):
            more.append(("Content-Type", sdp.TYPE))
            body = self.describe() if request.body else self.offer()
        transaction.respond(self.agent.response(request, status, more=more, body=body))


def read_key(body: bytes) -> str:
    """The key of application/dtmf-relay or application/dtmf, an empty string when it is none."""
    for line in body.decode("ascii", errors="replace").replace("\r", "").split("\n"):
        name, equals, value = line.partition("=")
        if equals and name.strip().lower() == "signal":
            return _key(value)
    return _key(body.decode("ascii", errors="replace"))


def _key(text: str) -> str:
    key = text.strip().upper()
    key = {"10": "*", "11": "#"}.get(key, key)
    return key if len(key) == 1 and key in "0123456789*#ABCD" else ""
