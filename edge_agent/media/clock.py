"""The one 20 ms clock: whatever sends or mixes sound is ticked here, and how late is measured."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

TICK_S = 0.02
GIVE_UP_S = 1.0
"""Later than this, the missed ticks are not made up for: the listener has heard the gap already."""
_REMEMBERED = 3000


def ticks(seconds: float) -> int:
    """How many ticks a duration takes."""
    return round(seconds / TICK_S)


class Ticked(Protocol):
    def tick(self) -> None:
        """20 ms have passed. Never blocks."""


class Handle(Protocol):
    def cancel(self) -> None: ...


class Timer(Protocol):
    """What the clock needs of an event loop."""

    def time(self) -> float: ...
    def call_at(self, when: float, callback: Callable[[], None], /) -> Handle: ...


class MediaClock:
    """Ticks at monotonic deadlines that do not drift, one callback per tick.

    A late tick is made up for, and between two such ticks the loop runs whoever was woken by the first, so that a verb
    that ended in it starts the next one in time. The clock runs only while something is registered.
    """

    def __init__(self, timer: Timer | None = None) -> None:
        self._timer = timer
        self._mixers: dict[Ticked, None] = {}
        self._legs: dict[Ticked, None] = {}
        self._handle: Handle | None = None
        self._deadline = 0.0
        self._lateness: deque[float] = deque(maxlen=_REMEMBERED)
        self.count = 0
        self.resyncs = 0

    def add(self, ticked: Ticked, *, first: bool = False) -> None:
        """Tick this from now on; ``first``: ahead of those added without it (a mixer before the legs it feeds)."""
        (self._mixers if first else self._legs)[ticked] = None
        if self._handle is None:
            self._deadline = self._loop().time() + TICK_S
            self._arm()

    def remove(self, ticked: Ticked) -> None:
        """Stop ticking it; harmless when it is not registered."""
        self._mixers.pop(ticked, None)
        self._legs.pop(ticked, None)
        if self._handle is not None and not self.registered:
            self._handle.cancel()
            self._handle = None

    @property
    def registered(self) -> int:
        """How many are ticked."""
        return len(self._mixers) + len(self._legs)

    def lateness_p99(self) -> float:
        """Seconds by which 99 of 100 ticks of the last minute were late at most."""
        ordered = sorted(self._lateness)
        return ordered[len(ordered) * 99 // 100] if ordered else 0.0

    def tick(self) -> None:
        """One tick of everything. Whoever raises is ticked no more; the others are not disturbed."""
        self.count += 1
        self._run([*self._mixers, *self._legs])

    def _run(self, due: list[Ticked], start: int = 0) -> None:
        at = start
        try:
            for at in range(start, len(due)):
                due[at].tick()
            at = len(due)
        finally:
            if at < len(due):
                self.remove(due[at])
                self._run(due, at + 1)

    def _fire(self) -> None:
        self._handle = None
        late = self._loop().time() - self._deadline
        self._lateness.append(max(0.0, late))
        if late > GIVE_UP_S:
            self.resyncs += 1
            self._deadline += late
        self._deadline += TICK_S
        try:
            self.tick()
        finally:
            if self.registered and self._handle is None:
                self._arm()

    def _arm(self) -> None:
        self._handle = self._loop().call_at(self._deadline, self._fire)

    def _loop(self) -> Timer:
        if self._timer is None:
            self._timer = asyncio.get_running_loop()
        return self._timer
