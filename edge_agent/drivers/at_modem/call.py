"""One call on a modem's line: its state as a table, and the handle the core holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol

from edge_agent.contracts import PcmStream, VoiceEvent, VoiceEventKind
from edge_agent.drivers.at_modem.audio import CallPcm


class CallState(StrEnum):
    DIALLING = "dialling"
    ALERTING = "alerting"
    OFFERED = "offered"
    ACTIVE = "active"
    ENDING = "ending"
    ENDED = "ended"


class News(StrEnum):
    """What URCs, +CLCC and final results tell of a call, and what we do to it."""

    ALERTED = "alerted"
    CONNECTED = "connected"
    GONE = "gone"
    HANG_UP = "hang up"


S, N = CallState, News
CALLS: Mapping[tuple[CallState, News], CallState] = {
    (S.DIALLING, N.ALERTED): S.ALERTING,
    (S.DIALLING, N.CONNECTED): S.ACTIVE,
    (S.ALERTING, N.CONNECTED): S.ACTIVE,
    (S.OFFERED, N.CONNECTED): S.ACTIVE,
    **{(state, N.HANG_UP): S.ENDING for state in (S.DIALLING, S.ALERTING, S.OFFERED, S.ACTIVE)},
    **{(state, N.GONE): S.ENDED for state in (S.DIALLING, S.ALERTING, S.OFFERED, S.ACTIVE, S.ENDING)},
}
"""State, news → next state. URC and poll tell the same thing twice; what is absent is no news any more."""


class CallActions(Protocol):
    """What the line does for its call."""

    async def answer(self, call: AtCall) -> None: ...
    async def hang_up(self, call: AtCall, cause: int) -> None: ...
    async def send_digits(self, call: AtCall, digits: str) -> None: ...


class AtCall:
    """A VoiceCall. Events are held back until ``release``, so that none comes before the caller has the handle.

    ``cause`` is why we hang up, ``hint`` why the network may have; ``seen``: +CLCC has shown it;
    ``announced``: the core knows of it; ``named``: the modem has told its number among the line's calls (``id``);
    ``dialling``: the ATD that waits for the answer, where it does.
    """

    def __init__(
        self,
        line: CallActions,
        state: CallState,
        pcm: CallPcm | None,
        began_at: float,
        *,
        outgoing: bool,
        detects_dtmf: bool,
    ) -> None:
        self.pcm: PcmStream | None = pcm
        self.stream = pcm
        self.detects_dtmf = detects_dtmf
        self.on_event: Callable[[VoiceEvent], None] = _ignore
        self.state = state
        self.began_at = began_at
        self.outgoing = outgoing
        self.announced = outgoing
        self.number: str | None = None
        self.id = 1
        self.named = False
        self.dialling: asyncio.Task[None] | None = None
        self.cause: int | None = None
        self.hint: int | None = None
        self.answered = False
        self.seen = False
        self._line = line
        self._held: list[VoiceEvent] | None = []

    async def answer(self) -> None:
        await self._line.answer(self)

    async def hang_up(self, cause: int = 16) -> None:
        await self._line.hang_up(self, cause)

    async def send_digits(self, digits: str) -> None:
        await self._line.send_digits(self, digits)

    def name(self, id_: int | None) -> None:
        """The modem calls it this."""
        if id_ is not None:
            self.id, self.named = id_, True

    def learn(self, news: News) -> bool:
        """Apply news; whether it changed the state."""
        to = CALLS.get((self.state, news))
        if to is None:
            return False
        self.state = to
        self.answered = self.answered or to is CallState.ACTIVE
        return True

    def tell(self, kind: VoiceEventKind, *, cause: int | None = None, digit: str = "") -> None:
        event = VoiceEvent(kind, cause, digit)
        if self._held is None:
            self.on_event(event)
        else:
            self._held.append(event)

    def release(self) -> None:
        """Somebody listens now."""
        held, self._held = self._held or [], None
        for event in held:
            self.on_event(event)


def _ignore(event: VoiceEvent) -> None:
    del event
