"""Time of day that does not jump: it runs with the monotonic clock, and follows the system's only in small steps.

A board without a battery wakes in 1970; a time server, or somebody, sets a clock by years while messages wait whose
validity ends tomorrow. The system's clock is never set from here, and a step of it is believed once the peer says so
(``told``), or after it has lasted ``hold_s``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

STEP_S = 60.0
"""A difference above this is a step and no drift."""
BEFORE_S = 24 * 3600.0
AFTER_S = 400 * 24 * 3600.0
"""How far a clock may be before and after its last known moment to be believed at a start."""
EARLIEST = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
LATEST = datetime(2100, 1, 1, tzinfo=UTC).timestamp()


def plausible(at: float, last_known: float | None) -> bool:
    """Whether a clock that says ``at`` may be right, given when this place was last alive."""
    if last_known is None or not EARLIEST <= last_known < LATEST:
        return EARLIEST <= at < LATEST
    return last_known - BEFORE_S <= at <= last_known + AFTER_S


class SteadyClock:
    """Seconds since 1970. ``wall`` and ``monotonic`` are the system's; ``hold_s`` None: a step is never believed by
    itself, unless the clock was implausible before it and is plausible after it."""

    def __init__(
        self, wall: Callable[[], float], monotonic: Callable[[], float], *, hold_s: float | None = None
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._hold_s = hold_s
        self._offset = wall() - monotonic()
        self._since: float | None = None
        self._seen_off = 0.0
        self._last_known: float | None = None
        self.guessed = not plausible(wall(), None)
        """Whether the time is only as good as the last moment that was known."""
        self.confirmed = False
        """Whether the peer has said what time it is."""

    def now(self) -> float:
        system, elapsed = self._wall(), self._monotonic()
        off = system - elapsed - self._offset
        if abs(off) <= STEP_S:
            self._offset, self._since = system - elapsed, None
        elif self._believes(system, off, elapsed):
            self._offset, self._since, self.guessed = system - elapsed, None, False
        return elapsed + self._offset

    def date(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    @property
    def off_s(self) -> float:
        """By how much the system's clock is ahead of this one."""
        return self._wall() - self.now()

    def last_known(self, at: float | None) -> None:
        """This place was last alive then, by a clock of this kind; a system's clock that does not fit is not believed.

        For the start, before anything was told.
        """
        self._last_known = at
        if plausible(self._wall(), at):
            self.guessed = False
            return
        self.guessed = True
        if at is not None and EARLIEST <= at < LATEST:
            self._offset = at - self._monotonic()

    def told(self, peer: float) -> float:
        """The peer says what time it is. By how many seconds this clock was behind; 0 when it was near enough."""
        before = self.now()
        self.confirmed, self.guessed = True, False
        if abs(peer - before) <= STEP_S:
            return 0.0
        elapsed, system = self._monotonic(), self._wall()
        right = system if abs(system - peer) <= STEP_S else peer
        self._offset, self._since = right - elapsed, None
        return right - before

    def _believes(self, system: float, off: float, elapsed: float) -> bool:
        if self.guessed and not self.confirmed and plausible(system, self._last_known):
            return True
        if self._since is None or abs(off - self._seen_off) > STEP_S:
            self._since, self._seen_off = elapsed, off
        return self._hold_s is not None and elapsed - self._since >= self._hold_s
