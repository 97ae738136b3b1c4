"""How often somebody may try: a bucket of tokens for each of them, and a bound on how many are remembered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress

from cloud.web.errors import TooMany

REMEMBERED = 10_000


class RateLimit:
    """``burst`` tries at once, then one each ``every_s`` seconds, counted for each key apart."""

    def __init__(self, burst: int, every_s: float, clock: Callable[[], float]) -> None:
        self._burst = burst
        self._every_s = every_s
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str) -> None:
        """Count a try. Raises TooMany with the seconds until the next one is allowed."""
        now = self._clock()
        full_at = max(self._full_at.pop(key, now), now) + self._every_s
        too_soon = full_at - now - self._burst * self._every_s
        if too_soon > 0:
            self._full_at[key] = full_at - self._every_s
            raise TooMany("Too many requests", too_soon)
        self._full_at[key] = full_at
        if len(self._full_at) > REMEMBERED:
            self._full_at.popitem(last=False)

    def look(self, key: str) -> None:
        """Count nothing. Raises TooMany when ``take`` would."""
        now = self._clock()
        too_soon = max(self._full_at.get(key, now), now) + self._every_s - now - self._burst * self._every_s
        if too_soon > 0:
            raise TooMany("Too many requests", too_soon)

    def add(self, key: str) -> None:
        """Count a try that has been made; what is beyond the limit counts no further."""
        with suppress(TooMany):
            self.take(key)

    def forgive(self, key: str) -> None:
        """Forget this key's tries."""
        self._full_at.pop(key, None)
