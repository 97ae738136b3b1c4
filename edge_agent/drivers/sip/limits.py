"""How much of whom is listened to: rates by source address, and a list of strangers. Bounded, no clock of its own."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

_REMEMBERED = 2048
TELL_EVERY_S = 60.0


class Rates:
    """A token bucket for each address: ``per_s`` on average, twice that (10 at least) at once."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._burst = max(10.0, 2 * per_s)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, address: str, now: float) -> bool:
        left, at = self._buckets.get(address, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_s)
        allowed = left >= 1.0
        self._buckets[address] = (left - 1.0 if allowed else left, now)
        self._buckets.move_to_end(address)
        while len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        return allowed


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody who is none of our far ends. ``last``: what it tried last; ``at``: when, on the stack's clock."""

    address: str
    count: int
    last: str
    at: float


class Strangers:
    """Those seen lately, a bounded number."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, Stranger] = OrderedDict()
        self._told: OrderedDict[str, float] = OrderedDict()
        self.total = 0

    def note(self, address: str, tried: str, now: float) -> bool:
        """Whether it is time to tell somebody of this one."""
        self.total += 1
        known = self._seen.pop(address, Stranger(address, 0, tried, now))
        self._seen[address] = replace(known, count=known.count + 1, last=tried, at=now)
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        if now - self._told.get(address, -TELL_EVERY_S) < TELL_EVERY_S:
            return False
        self._told[address] = now
        self._told.move_to_end(address)
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return True

    def recent(self, most: int = 50) -> tuple[Stranger, ...]:
        """The most recent first."""
        return tuple(list(self._seen.values())[-most:][::-1])
