"""One SMPP session seen from the ESME: bind, window, time limits, enquire_link, unbind (SMPP 3.4 §2; sans-I/O).

Octets and the time go in, octets and what happened come out. It owns no clock, no socket and no task.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edge_agent.drivers.gateway.smpp_pdu import (
    BindRequest,
    Command,
    Frames,
    Pdu,
    ShortMessage,
    decode,
    encode,
    encode_bind,
    encode_submit,
    read_header,
)
from telecore.errors import LocalProtocolError, RemoteProtocolError

ESME_ROK, ESME_RINVMSGLEN, ESME_RINVCMDID, ESME_RINVBNDSTS = 0x00, 0x01, 0x03, 0x04
ESME_RX_T_APPN, ESME_RX_P_APPN = 0x64, 0x65
_LAST_SEQUENCE = 0x7FFFFFFF


class LinkState(StrEnum):
    """SMPP 3.4 §2.2, the bound ones in one: which of them it is the bind says."""

    OPEN = "open"
    BINDING = "binding"
    BOUND = "bound"
    UNBINDING = "unbinding"
    CLOSED = "closed"


class Step(StrEnum):
    BIND = "bind"
    BIND_TAKEN = "bind_taken"
    BIND_REFUSED = "bind_refused"
    UNBIND = "unbind"
    UNBIND_ANSWERED = "unbind_answered"
    UNBIND_ASKED = "unbind_asked"
    LOST = "lost"


NEXT_STATE: Mapping[tuple[LinkState, Step], LinkState] = {
    (LinkState.OPEN, Step.BIND): LinkState.BINDING,
    (LinkState.OPEN, Step.UNBIND_ASKED): LinkState.CLOSED,
    (LinkState.BINDING, Step.BIND_TAKEN): LinkState.BOUND,
    (LinkState.BINDING, Step.BIND_REFUSED): LinkState.CLOSED,
    (LinkState.BINDING, Step.UNBIND_ASKED): LinkState.CLOSED,
    (LinkState.BOUND, Step.UNBIND): LinkState.UNBINDING,
    (LinkState.BOUND, Step.UNBIND_ASKED): LinkState.CLOSED,
    (LinkState.UNBINDING, Step.UNBIND_ANSWERED): LinkState.CLOSED,
    (LinkState.UNBINDING, Step.UNBIND_ASKED): LinkState.CLOSED,
    **{(state, Step.LOST): LinkState.CLOSED for state in LinkState},
}


@dataclass(frozen=True, slots=True)
class Bound:
    """The SMSC took the bind. ``system_id`` is its own name."""

    system_id: str


@dataclass(frozen=True, slots=True)
class BindRefused:
    status: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a submit; ``sequence`` as ``submit`` gave it."""

    sequence: int
    status: int
    message_id: str


@dataclass(frozen=True, slots=True)
class Silent:
    """No answer came to this submit in its time: whether it was taken nobody knows."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message or a receipt; it waits for ``answer``. ``command`` is deliver_sm or data_sm."""

    command: int
    sequence: int
    message: ShortMessage


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is over, with the reason."""

    reason: str


LinkEvent = Bound | BindRefused | Answered | Silent | Delivered | Ended

_TRANSMITS = (Command.BIND_TRANSMITTER, Command.BIND_TRANSCEIVER)


@dataclass(slots=True)
class _Asked:
    command: int
    until: float


class SmppLink:
    """``enquire_s``, ``answer_s``: see SmppSettings. ``answered``: the highest request of ours that was answered."""

    def __init__(self, bind: BindRequest, *, enquire_s: float, answer_s: float, now: float) -> None:
        self.state = LinkState.OPEN
        self.sequence = 0
        self._bind = bind
        self._enquire_s = enquire_s
        self._answer_s = answer_s
        self._frames = Frames()
        self._asked: dict[int, _Asked] = {}
        self._out: list[bytes] = []
        self._heard_at = now
        self._enquiry: int | None = None
        self.submits = 0
        self.strays = 0

    def bind(self, now: float) -> None:
        """Ask to be let in."""
        self._step(Step.BIND)
        self._ask(self._bind.command, encode_bind(self._bind, self._next_sequence()), now)

    def submit(self, message: ShortMessage, now: float) -> int:
        """Hand a message in; its sequence number. Raises LocalProtocolError: not bound to send, or no such message."""
        if self.state is not LinkState.BOUND or self._bind.command not in _TRANSMITS:
            raise LocalProtocolError(f"a submit while {self.state} as {self._bind.command.name.lower()}")
        frame = encode_submit(message, self._next_sequence())
        self.submits += 1
        return self._ask(Command.SUBMIT_SM, frame, now)

    def answer(self, delivered: Delivered, status: int) -> None:
        """Say what became of what was delivered."""
        self._out.append(encode(delivered.command | 0x80000000, delivered.sequence, status))

    def unbind(self, now: float) -> None:
        """Take leave; Ended follows."""
        if self.state is LinkState.BOUND:
            self._step(Step.UNBIND)
            self._ask(Command.UNBIND, encode(Command.UNBIND, self._next_sequence()), now)

    def lost(self, reason: str) -> list[LinkEvent]:
        """The connection is gone: what becomes of the submits under way."""
        return self._end(Step.LOST, reason)

    def data_to_send(self) -> bytes:
        data = b"".join(self._out)
        self._out.clear()
        return data

    def receive(self, data: bytes, now: float) -> list[LinkEvent]:
        """Octets came. Never raises: a stream that makes no sense ends the session."""
        self._heard_at = now
        events: list[LinkEvent] = []
        for frame in self._frames.feed(data):
            if self.state is not LinkState.CLOSED:
                events += self._frame(frame)
        if self._frames.broken:
            events += self._end(Step.LOST, f"the SMSC spoke nonsense: {self._frames.broken}")
        return events

    def tick(self, now: float) -> list[LinkEvent]:
        """Time passed: late answers, and a question whether the SMSC is there."""
        events: list[LinkEvent] = []
        while self._asked and (first := next(iter(self._asked.items())))[1].until <= now:
            sequence, asked = first
            del self._asked[sequence]
            if asked.command != Command.SUBMIT_SM:
                what = Command(asked.command).name.lower()
                return events + self._end(Step.LOST, f"no answer to {what} within {self._answer_s:g} s")
            self.submits -= 1
            events.append(Silent(sequence))
        if self.state is LinkState.BOUND and self._enquiry is None and now - self._heard_at >= self._enquire_s:
            self._enquiry = self._next_sequence()
            self._ask(Command.ENQUIRE_LINK, encode(Command.ENQUIRE_LINK, self._enquiry), now)
        return events

    def next_tick(self) -> float:
        """When ``tick`` has something to do at the earliest."""
        times = [next(iter(self._asked.values())).until] if self._asked else []
        if self.state is LinkState.BOUND and self._enquiry is None:
            times.append(self._heard_at + self._enquire_s)
        return min(times, default=self._heard_at + self._enquire_s)

    def _frame(self, frame: bytes) -> list[LinkEvent]:
        try:
            pdu = decode(frame)
        except RemoteProtocolError as error:
            return self._undecodable(frame, error)
        if pdu.is_response:
            return self._response(pdu)
        return self._request(pdu)

    def _undecodable(self, frame: bytes, error: RemoteProtocolError) -> list[LinkEvent]:
        """Refused for good, or the SMSC would send it again for ever."""
        command, _, sequence = read_header(frame)
        self._out.append(encode(command | 0x80000000, sequence, ESME_RINVMSGLEN))
        self.strays += 1
        return []

    def _request(self, pdu: Pdu) -> list[LinkEvent]:
        if pdu.command in (Command.DELIVER_SM, Command.DATA_SM) and pdu.message is not None:
            return self._delivered(pdu, pdu.message)
        if pdu.command == Command.ENQUIRE_LINK:
            self._out.append(encode(Command.ENQUIRE_LINK_RESP, pdu.sequence))
        elif pdu.command == Command.UNBIND:
            self._out.append(encode(Command.UNBIND_RESP, pdu.sequence))
            return self._end(Step.UNBIND_ASKED, "the SMSC took leave (unbind)")
        elif pdu.command != Command.ALERT_NOTIFICATION:  # which has no response (SMPP 3.4 §4.12.1)
            self._out.append(encode(Command.GENERIC_NACK, pdu.sequence, ESME_RINVCMDID))
        return []

    def _delivered(self, pdu: Pdu, message: ShortMessage) -> list[LinkEvent]:
        if self.state not in (LinkState.BOUND, LinkState.UNBINDING):
            self._out.append(encode(pdu.command | 0x80000000, pdu.sequence, ESME_RINVBNDSTS))
            return []
        return [Delivered(pdu.command, pdu.sequence, message)]

    def _response(self, pdu: Pdu) -> list[LinkEvent]:
        asked = self._asked.get(pdu.sequence)
        if asked is None or pdu.command not in (asked.command | 0x80000000, Command.GENERIC_NACK):
            self.strays += 1
            return []
        del self._asked[pdu.sequence]
        if asked.command == Command.SUBMIT_SM:
            self.submits -= 1
            status = pdu.status or (ESME_RINVCMDID if pdu.command == Command.GENERIC_NACK else ESME_ROK)
            return [Answered(pdu.sequence, status, pdu.message_id)]
        if asked.command == Command.UNBIND:
            return self._end(Step.UNBIND_ANSWERED, "we took leave")
        if asked.command == Command.ENQUIRE_LINK:
            self._enquiry = None  # a generic_nack is a sign of life as well
            return []
        return self._bind_answered(pdu)

    def _bind_answered(self, pdu: Pdu) -> list[LinkEvent]:
        if pdu.status == ESME_ROK and pdu.command != Command.GENERIC_NACK:
            self._step(Step.BIND_TAKEN)
            return [Bound(pdu.system_id)]
        self._step(Step.BIND_REFUSED)
        return [BindRefused(pdu.status or ESME_RINVCMDID)]

    def _end(self, step: Step, reason: str) -> list[LinkEvent]:
        if self.state is LinkState.CLOSED:
            return []
        self._step(step)
        silent = [Silent(number) for number, asked in self._asked.items() if asked.command == Command.SUBMIT_SM]
        self._asked.clear()
        self.submits = 0
        return [*silent, Ended(reason)]

    def _ask(self, command: int, frame: bytes, now: float) -> int:
        self._asked[self.sequence] = _Asked(command, now + self._answer_s)
        self._out.append(frame)
        return self.sequence

    def _next_sequence(self) -> int:
        self.sequence = self.sequence % _LAST_SEQUENCE + 1
        return self.sequence

    def _step(self, step: Step) -> None:
        state = NEXT_STATE.get((self.state, step))
        if state is None:
            raise LocalProtocolError(f"{step} while {self.state}")
        self.state = state
