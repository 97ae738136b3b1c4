"""How fast an SMSC may be given submits: what the contract allows, and less while it says "not so fast" (sans-I/O)."""

from __future__ import annotations

from telecore.backoff import Policy, ceiling

PAUSE = Policy(first=1.0, factor=2.0, cap=30.0)
"""After ESME_RTHROTTLED or ESME_RMSGQFUL: nothing for so long, and longer each time nothing has got through since."""
_BURST_S = 0.25


class Pace:
    """``per_s``: submits a second; 0: no limit. Times are of one monotonic clock."""

    def __init__(self, per_s: float, pause: Policy = PAUSE) -> None:
        self._per_s = per_s
        self._pause = pause
        self._spent_until = 0.0
        self._paused_until = 0.0
        self._refusals = 0

    @property
    def at_once(self) -> int | None:
        """How many are a quarter of a second's worth; None: no limit."""
        return max(1, round(self._per_s * _BURST_S)) if self._per_s else None

    def wait_s(self, now: float) -> float:
        """Seconds until another one may go."""
        free_at = self._paused_until
        if self._per_s:
            free_at = max(free_at, self._spent_until - (_BURST_S if self._per_s * _BURST_S >= 1 else 0.0))
        return max(0.0, free_at - now)

    def pause_s(self, now: float) -> float:
        """Seconds that the SMSC is left alone for its own sake."""
        return max(0.0, self._paused_until - now)

    def spent(self, now: float) -> None:
        """One goes."""
        if self._per_s:
            self._spent_until = max(self._spent_until, now) + 1.0 / self._per_s

    def accepted(self) -> None:
        """One was taken: whatever it was, it is over."""
        self._refusals = 0

    def throttled(self, now: float) -> None:
        """It asked for less. What was under way meanwhile and is refused too counts once."""
        if now >= self._paused_until:
            self._refusals += 1
            self._paused_until = now + ceiling(self._pause, self._refusals)
