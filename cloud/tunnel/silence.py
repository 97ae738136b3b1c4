"""Finds lines that are dead without a word: one task for all of them, and no ping where the peer speaks by itself."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from contextlib import suppress
from typing import Protocol

log = logging.getLogger(__name__)


class Heard(Protocol):
    """A line that is listened to. ``heard``, ``said``: when something came and went last, by the loop's clock.

    ``quiet``: whether the peer has to save data, so that as long as we have nothing to say it is left in peace.
    ``held``: whether we do not read for the moment, so that nothing can be heard.
    """

    heard: float
    said: float
    quiet: bool
    held: bool

    @property
    def is_open(self) -> bool: ...
    def poke(self) -> None: ...
    def abort(self) -> None: ...


class Watch:
    """Seconds: after ``ping`` without a word the peer is poked, and after ``pong`` more the line is cut.

    ``quiet``: in place of ``ping``, for one that is to be left in peace.
    """

    def __init__(self, ping: float, pong: float, quiet: float = 0.0) -> None:
        self._ping = ping
        self._pong = pong
        self._quiet = max(ping, quiet)
        self._count = itertools.count()
        self._due: list[tuple[float, int, Heard, float | None]] = []

    def add(self, line: Heard) -> None:
        """It is open; it is forgotten when it is no more."""
        self._look_at(line.heard + self._ping, line, None)

    async def run(self) -> None:
        """Until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(min(1.0, self._ping / 8, self._pong / 8))
            self.look(clock())

    def look(self, now: float) -> None:
        """See to those whose time has come."""
        while self._due and self._due[0][0] <= now:
            _, _, line, poked_at = heapq.heappop(self._due)
            try:
                self._see_to(line, poked_at, now)
            except (OSError, RuntimeError):  # what transports raise; the others are watched all the same
                log.exception("a line of the tunnel cannot be watched, and is cut")
                with suppress(OSError, RuntimeError):
                    line.abort()

    def _see_to(self, line: Heard, poked_at: float | None, now: float) -> None:
        if not line.is_open:
            return
        if line.held:
            line.poke()  # for the peer, whose own pings we do not see, to know that we are here
            self._look_at(now + self._ping, line, None)
            return
        if poked_at is not None and line.heard <= poked_at:
            line.abort()
        elif now - line.heard < self._ping:
            self._look_at(line.heard + self._ping, line, None)
        elif line.quiet and line.said <= line.heard and now - line.heard < self._quiet:
            self._look_at(now + self._ping, line, None)  # as ever: it may be quiet no more by then
        else:
            line.poke()
            self._look_at(now + self._pong, line, now)

    def _look_at(self, when: float, line: Heard, poked_at: float | None) -> None:
        heapq.heappush(self._due, (when, next(self._count), line, poked_at))
