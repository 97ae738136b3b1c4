"""How much may lie unacknowledged in the kernel before items and bulk must wait.

Nothing that was handed to the kernel can be overtaken, so bulk may fill the line but not the queues along it. As in
LEDBAT (RFC 6817) the measure is delay: what bytes take to be acknowledged now, above the least they ever took.
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

    def wrote(self, count: int, now: float) -> None:
        """So many bytes were handed to the kernel."""
        self._written += count
        if self._mark is None:
            self._mark = (self._written, now)

    def seen(self, unacked: int, now: float) -> bool:
        """So many are not acknowledged. Whether more may be written."""
        if now - self._looked > BLIND_S:
            self._mark = None
        elif self._mark is not None and self._written - unacked >= self._mark[0]:
            self._learn(now - self._mark[1], now)
            self._mark = None
        self._looked = now
        return unacked < self.limit

    def _learn(self, delay: float, now: float) -> None:
        if now - self._since > MEMORY_S:
            self._least_before, self._least, self._since = self._least, delay, now
        self._least = min(self._least, delay)
        base = min(self._least, self._least_before)
        target, added = max(TARGET_S, base / 2), delay - base
        self._rising = self._rising and added < target / 2
        if added > target:
            self.limit = max(LOWEST, self.limit * 3 // 4)
        elif self._rising:
            self.limit = min(HIGHEST, self.limit * 5 // 4)
        else:
            self.limit = min(HIGHEST, self.limit + max(STEP, self.limit // 16))
