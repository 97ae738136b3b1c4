"""Client and server transactions as tables of states (RFC 3261 §17, corrected by RFC 6026). No clock, no socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.message import Headers, Received, Request, Response
from edge_agent.drivers.sip.settings import Transport


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds (RFC 3261 §17.1.1.1, table 4): estimated round trip, longest retransmission, longest life in the net."""

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0

    @property
    def patience(self) -> float:
        """64*T1: timers B, F, H, J, L and M."""
        return 64 * self.t1


class Kind(StrEnum):
    INVITE_CLIENT = "invite client"
    CLIENT = "client"
    INVITE_SERVER = "invite server"
    SERVER = "server"


class State(StrEnum):
    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    ACKNOWLEDGED = "acknowledged"
    """Accepted, and the ACK of the 2xx has come: it is sent no more by itself."""
    TERMINATED = "terminated"


class Input(StrEnum):
    """What happens to a transaction: a message comes, its user answers, or a timer fires."""

    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "3xx to 6xx"
    REQUEST = "the request again"
    ACK = "ACK"
    AGAIN = "timer A, E or G"
    GIVE_UP = "timer B, F or H"
    LINGER = "timer D, I, J, K, L or M"


class Do(StrEnum):
    TELL = "tell the user"
    REPEAT = "send the last message again"
    ACK = "send an ACK of the failure"
    FAIL = "tell the user that nobody answered"
    SLOWER = "timer again, twice as long"
    SLOWEST = "timer again, after T2"


K, S, I = Kind, State, Input  # noqa: E741

TABLES: Mapping[Kind, Mapping[tuple[State, Input], tuple[State, tuple[Do, ...]]]] = {
    K.INVITE_CLIENT: {
        (S.CALLING, I.PROVISIONAL): (S.PROCEEDING, (Do.TELL,)),
        (S.CALLING, I.SUCCESS): (S.ACCEPTED, (Do.TELL,)),
        (S.CALLING, I.FAILURE): (S.COMPLETED, (Do.ACK, Do.TELL)),
        (S.CALLING, I.AGAIN): (S.CALLING, (Do.REPEAT, Do.SLOWER)),
        (S.CALLING, I.GIVE_UP): (S.TERMINATED, (Do.FAIL,)),
        (S.PROCEEDING, I.PROVISIONAL): (S.PROCEEDING, (Do.TELL,)),
        (S.PROCEEDING, I.SUCCESS): (S.ACCEPTED, (Do.TELL,)),
        (S.PROCEEDING, I.FAILURE): (S.COMPLETED, (Do.ACK, Do.TELL)),
        (S.COMPLETED, I.FAILURE): (S.COMPLETED, (Do.ACK,)),
        (S.COMPLETED, I.LINGER): (S.TERMINATED, ()),
        (S.ACCEPTED, I.SUCCESS): (S.ACCEPTED, (Do.TELL,)),
        (S.ACCEPTED, I.LINGER): (S.TERMINATED, ()),
    },
    K.CLIENT: {
        (S.TRYING, I.PROVISIONAL): (S.PROCEEDING, (Do.TELL,)),
        (S.TRYING, I.SUCCESS): (S.COMPLETED, (Do.TELL,)),
        (S.TRYING, I.FAILURE): (S.COMPLETED, (Do.TELL,)),
        (S.TRYING, I.AGAIN): (S.TRYING, (Do.REPEAT, Do.SLOWER)),
        (S.TRYING, I.GIVE_UP): (S.TERMINATED, (Do.FAIL,)),
        (S.PROCEEDING, I.PROVISIONAL): (S.PROCEEDING, (Do.TELL,)),
        (S.PROCEEDING, I.SUCCESS): (S.COMPLETED, (Do.TELL,)),
        (S.PROCEEDING, I.FAILURE): (S.COMPLETED, (Do.TELL,)),
        (S.PROCEEDING, I.AGAIN): (S.PROCEEDING, (Do.REPEAT, Do.SLOWEST)),
        (S.PROCEEDING, I.GIVE_UP): (S.TERMINATED, (Do.FAIL,)),
        (S.COMPLETED, I.LINGER): (S.TERMINATED, ()),
    },
    K.INVITE_SERVER: {
        (S.PROCEEDING, I.REQUEST): (S.PROCEEDING, (Do.REPEAT,)),
        (S.PROCEEDING, I.PROVISIONAL): (S.PROCEEDING, (Do.REPEAT,)),
        (S.PROCEEDING, I.SUCCESS): (S.ACCEPTED, (Do.REPEAT,)),
        (S.PROCEEDING, I.FAILURE): (S.COMPLETED, (Do.REPEAT,)),
        (S.COMPLETED, I.REQUEST): (S.COMPLETED, (Do.REPEAT,)),
        (S.COMPLETED, I.AGAIN): (S.COMPLETED, (Do.REPEAT, Do.SLOWER)),
        (S.COMPLETED, I.ACK): (S.CONFIRMED, ()),
        (S.COMPLETED, I.GIVE_UP): (S.TERMINATED, ()),
        (S.CONFIRMED, I.LINGER): (S.TERMINATED, ()),
        (S.ACCEPTED, I.REQUEST): (S.ACCEPTED, (Do.REPEAT,)),
        (S.ACCEPTED, I.AGAIN): (S.ACCEPTED, (Do.REPEAT, Do.SLOWER)),
        (S.ACCEPTED, I.ACK): (S.ACKNOWLEDGED, ()),
        (S.ACCEPTED, I.LINGER): (S.TERMINATED, (Do.FAIL,)),
        (S.ACKNOWLEDGED, I.REQUEST): (S.ACKNOWLEDGED, (Do.REPEAT,)),
        (S.ACKNOWLEDGED, I.LINGER): (S.TERMINATED, ()),
    },
    K.SERVER: {
        (S.TRYING, I.PROVISIONAL): (S.PROCEEDING, (Do.REPEAT,)),
        (S.TRYING, I.SUCCESS): (S.COMPLETED, (Do.REPEAT,)),
        (S.TRYING, I.FAILURE): (S.COMPLETED, (Do.REPEAT,)),
        (S.PROCEEDING, I.REQUEST): (S.PROCEEDING, (Do.REPEAT,)),
        (S.PROCEEDING, I.PROVISIONAL): (S.PROCEEDING, (Do.REPEAT,)),
        (S.PROCEEDING, I.SUCCESS): (S.COMPLETED, (Do.REPEAT,)),
        (S.PROCEEDING, I.FAILURE): (S.COMPLETED, (Do.REPEAT,)),
        (S.COMPLETED, I.REQUEST): (S.COMPLETED, (Do.REPEAT,)),
        (S.COMPLETED, I.LINGER): (S.TERMINATED, ()),
    },
}
"""State, input → next state and what is done on the way; what is absent is ignored. A 2xx is sent again until its ACK
comes, which RFC 3261 §13.3.1.4 leaves to the user of the transaction: here the transaction does it for him."""

START = {
    K.INVITE_CLIENT: S.CALLING, K.CLIENT: S.TRYING, K.INVITE_SERVER: S.PROCEEDING, K.SERVER: S.TRYING,
}  # fmt: skip

_LATER = {(K.CLIENT, S.PROCEEDING), (K.INVITE_SERVER, S.ACKNOWLEDGED)}
"""States that are entered with the timers of the one before still running."""


def timers_on_entry(kind: Kind, state: State, intervals: Intervals, *, reliable: bool) -> dict[Input, float]:
    """Which timers begin with a state, in seconds. Over TLS nothing is repeated nor waited for (§17.1.1.2)."""
    linger = 0.0 if reliable else intervals.patience
    short = 0.0 if reliable else intervals.t4
    again = {} if reliable else {I.AGAIN: intervals.t1}
    match kind, state:
        case (K.INVITE_CLIENT, S.CALLING) | (K.CLIENT, S.TRYING):
            return {**again, I.GIVE_UP: intervals.patience}
        case K.INVITE_CLIENT, S.COMPLETED:
            return {I.LINGER: linger}
        case K.INVITE_CLIENT, S.ACCEPTED:
            return {I.LINGER: intervals.patience}
        case (K.CLIENT, S.COMPLETED) | (K.INVITE_SERVER, S.CONFIRMED):
            return {I.LINGER: short}
        case K.SERVER, S.COMPLETED:
            return {I.LINGER: linger}
        case K.INVITE_SERVER, S.COMPLETED:
            return {**again, I.GIVE_UP: intervals.patience}
        case K.INVITE_SERVER, S.ACCEPTED:
            return {I.AGAIN: intervals.t1, I.LINGER: intervals.patience}
    return {}


class ClientUser(Protocol):
    """Who sent a request."""

    def on_response(self, received: Received) -> None:
        """Each 1xx, and the final one; for an INVITE each 2xx, repeated ones too."""

    def on_timeout(self) -> None:
        """Nobody answered within 64*T1."""


class ServerUser(Protocol):
    """Who answers an INVITE."""

    def on_unacknowledged(self) -> None:
        """No ACK of our 2xx came within 64*T1."""

    def on_cancel(self, received: Received) -> None:
        """A CANCEL of it came, and was answered."""


class Transaction:
    """One request and its responses. ``layer.TransactionLayer`` drives it.

    ``last``: what is sent when it must be again: the request of a client, the newest response of a server.
    ``timers``: input → when, on the layer's clock. ``merge_key``: what it shares with copies that came another way.
    """

    __slots__ = (
        "client",
        "hop",
        "interval",
        "key",
        "kind",
        "last",
        "merge_key",
        "request",
        "server",
        "state",
        "timers",
    )

    def __init__(
        self, kind: Kind, key: tuple[object, ...], request: Request, hop: Hop, client: ClientUser | None = None
    ) -> None:
        self.kind = kind
        self.key = key
        self.request = request
        self.hop = hop
        self.client = client
        self.server: ServerUser | None = None
        self.state = START[kind]
        self.last: bytes | None = None
        self.merge_key: tuple[object, ...] | None = None
        self.timers: dict[Input, float] = {}
        self.interval = 0.0

    @property
    def reliable(self) -> bool:
        return self.hop.transport is not Transport.UDP

    def take(self, what: Input) -> tuple[bool, tuple[Do, ...]]:
        """Go on by the table: whether the state changed, and what is to be done."""
        found = TABLES[self.kind].get((self.state, what))
        if found is None:
            return False, ()
        changed = found[0] is not self.state
        self.state = found[0]
        return changed, found[1]

    def begin_timers(self, intervals: Intervals, now: float) -> None:
        """Those of the state just entered."""
        if (self.kind, self.state) in _LATER:
            if self.state is S.ACKNOWLEDGED:
                self.timers.pop(I.AGAIN, None)
            return
        wanted = timers_on_entry(self.kind, self.state, intervals, reliable=self.reliable)
        self.timers = {what: now + seconds for what, seconds in wanted.items()}
        self.interval = intervals.t1

    def slow_down(self, intervals: Intervals, now: float, *, to_t2: bool) -> None:
        """Timer A doubles without bound, E and G up to T2."""
        doubled = self.interval * 2
        bounded = doubled if self.kind is K.INVITE_CLIENT else min(doubled, intervals.t2)
        self.interval = intervals.t2 if to_t2 else bounded
        self.timers[I.AGAIN] = now + self.interval


def input_of(status: int) -> Input:
    if status < 200:
        return Input.PROVISIONAL
    return Input.SUCCESS if status < 300 else Input.FAILURE


def ack_of_failure(request: Request, response: Response) -> Request:
    """RFC 3261 §17.1.1.3: the INVITE's own Via, Route and Call-ID, and the To of the response."""
    headers = request.headers
    copied = [("via", headers.all("via")[0]), *(("route", route) for route in headers.all("route"))]
    copied += [("max-forwards", "70"), ("from", headers.get("from") or ""), ("to", response.headers.get("to") or "")]
    copied += [("call-id", headers.get("call-id") or ""), ("cseq", _cseq_of(request, "ACK"))]
    return Request("ACK", request.uri, Headers(copied))


def cancel_of(request: Request) -> Request:
    """RFC 3261 §9.1: like the INVITE, its Via and so its branch too."""
    headers = request.headers
    copied = [("via", headers.all("via")[0]), *(("route", route) for route in headers.all("route"))]
    copied += [(name, headers.get(name) or "") for name in ("max-forwards", "from", "to", "call-id")]
    return Request("CANCEL", request.uri, Headers([*copied, ("cseq", _cseq_of(request, "CANCEL"))]))


def _cseq_of(request: Request, method: str) -> str:
    number = (request.headers.get("cseq") or "1").split()[0]
    return f"{number} {method}"
