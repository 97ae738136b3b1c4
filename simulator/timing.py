"""Clocks and timers, handed to everything that waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Protocol


class Handle(Protocol):
    """A timer that can be called off."""

    def cancel(self) -> None:
        """Call it off; harmless when it has fired."""


class Timers(Protocol):
    """Time as the simulator sees it."""

    def now(self) -> float:
        """Seconds since 1970, for stamps."""

    def monotonic(self) -> float:
        """Seconds on a clock that never steps."""

    def after(self, seconds: float, call: Callable[[], None]) -> Handle:
        """Call once, that many real seconds from now."""

    def network(self, seconds: float, call: Callable[[], None]) -> Handle:
        """Call once after a delay of the network: some jitter is added, and --speed divides it."""


class LoopTimers:
    """Timers on an event loop; `wall` tells the seconds since 1970, for a loop whose time is not the world's."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, speed: float, random: Random, wall: Callable[[], float] = time.time
    ) -> None:
        self._loop = loop
        self._speed = speed
        self._random = random
        self._wall = wall

    def now(self) -> float:
        """Seconds since 1970."""
        return self._wall()

    def monotonic(self) -> float:
        """The loop's own clock."""
        return self._loop.time()

    def after(self, seconds: float, call: Callable[[], None]) -> Handle:
        """Call once, that many real seconds from now."""
        return self._loop.call_later(max(0.0, seconds), call)

    def network(self, seconds: float, call: Callable[[], None]) -> Handle:
        """Call once after a scaled delay, 15 % more or less."""
        return self._loop.call_later(seconds * self._random.uniform(0.85, 1.15) / self._speed, call)


def iso(moment: float | None) -> str | None:
    """A stamp as the HTTP interface shows it: ISO 8601, UTC, milliseconds."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
