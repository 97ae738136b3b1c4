"""How much may lie unacknowledged in the kernel before items, bulk or sound must wait.

Nothing that was handed to the kernel can be overtaken, so bulk may fill the line but not the queues along it. As in
LEDBAT (RFC 6817) the measure is delay: what bytes take to be acknowledged now, above the least they ever took. Sound
itself may not build a queue either: on a line that carries less than it needs, what waits would only come too late,
and keep all else from coming.
"""

from __future__ import annotations

LOWEST = 4096
HIGHEST = 4 << 20
STEP = 1400
TARGET_S = 0.004
"""Delay that bulk may add; on a long line half of the line's own, which sound has to bear anyway."""
MEMORY_S = 60.0
"""The least delay is forgotten after one or two of these: routes change."""
BLIND_S = 0.1
"""When nobody looked for so long, the moment of an acknowledgement is not known."""
UNSENT_HIGH = 8192
"""Bytes that were not even sent, above which sound waits at any rate."""
SOUND_S = 0.25
"""Delay that sound may add by itself."""
BULK_S = 0.2
"""On a slow line bulk holds no more than the line carries in this time, and one piece."""
PATIENCE_S = 0.5
"""An item that waited so long behind sound goes all the same."""


class _Rate:
    """What the line carries while something waits for it, in bytes a second."""

    def __init__(self) -> None:
        self._bytes = self._busy_s = 0.0
        self._last: tuple[float, int, bool] | None = None

    def looked(self, acked: int, unacked: int, now: float) -> None:
        if self._last is not None and self._last[2] and (self._bytes or acked > self._last[1]):
            # Not before the first answer: until then nothing is known but that the line is long.
            self._bytes += acked - self._last[1]
            self._busy_s += now - self._last[0]
            if self._busy_s > 1.0:
                self._bytes, self._busy_s = self._bytes / 2, self._busy_s / 2
        self._last = now, acked, unacked > 0

    @property
    def value(self) -> float | None:
        return self._bytes / self._busy_s if self._busy_s >= 0.2 and self._bytes > 0 else None


class Gate:
    """Fed with every write and every look at the queue; all moments in seconds of one clock."""

    def __init__(self) -> None:
        self.limit = LOWEST
        """Unacknowledged bytes below which more may be written."""
        self._written = 0
        self._mark: tuple[int, float] | None = None
        self._least = self._least_before = float("inf")
        self._since = self._looked = 0.0
        self._rising = True
        self._rate = _Rate()
        self._refused_since: float | None = None

    def wrote(self, count: int, now: float) -> None:
        """So many bytes were handed to the kernel."""
        self._written += count
        if self._mark is None:
            self._mark = (self._written, now)

    def seen(self, unacked: int, now: float, *, items: bool = False) -> bool:
        """So many are not acknowledged. Whether more may be written; ``items``: not only bulk waits."""
        self._look(unacked, now)
        if unacked < (max(self.limit, LOWEST) if items else self.limit):
            self._refused_since = None
            return True
        if self._refused_since is None:
            self._refused_since = now
        if items and now - self._refused_since >= PATIENCE_S:
            self._refused_since = now
            return True
        return False

    def may_speak(self, unsent: int, unacked: int, now: float) -> bool:
        """Whether sound written now leaves soon; ``unsent`` of the unacknowledged bytes were not even sent."""
        self._look(unacked, now)
        rate = self._rate.value
        if unsent >= UNSENT_HIGH:
            return False
        return rate is None or unacked / rate < self._base() + SOUND_S

    def _look(self, unacked: int, now: float) -> None:
        self._rate.looked(self._written - unacked, unacked, now)
        if now - self._looked > BLIND_S:
            self._mark = None
        elif self._mark is not None and self._written - unacked >= self._mark[0]:
            self._learn(now - self._mark[1], now)
            self._mark = None
        self._looked = now

    def _learn(self, delay: float, now: float) -> None:
        if now - self._since > MEMORY_S:
            self._least_before, self._least, self._since = self._least, delay, now
        self._least = min(self._least, delay)
        base = min(self._least, self._least_before)
        target, added = max(TARGET_S, base / 2), delay - base
        self._rising = self._rising and added < target / 2
        if added > target:
            self.limit = max(self._floor(), self.limit * 3 // 4)
        elif self._rising:
            self.limit = min(HIGHEST, self.limit * 5 // 4)
        else:
            self.limit = min(HIGHEST, self.limit + max(STEP, self.limit // 16))

    def _floor(self) -> int:
        rate = self._rate.value
        return LOWEST if rate is None else min(LOWEST, max(STEP // 4, round(rate * BULK_S)))

    def _base(self) -> float:
        base = min(self._least, self._least_before)
        return base if base < float("inf") else 0.0
