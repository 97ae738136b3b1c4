"""How many edges may be on their way in at a time: after a restart all of them come at once.

Those let in are answered; the others are told when to come again, each at another moment, by how fast edges get in. So
the hub never works for edges that have given up waiting, and whoever is in already is served meanwhile.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable

MOST = 400
"""Between the door and the greeting. At some 500 a second nobody waits longer than a second behind them."""
ENTER_S = 20.0
"""Who is not greeted by then has gone."""
MOST_WAIT_S = 60
_RECENT_S = 5.0
_LEAST_RATE = 50.0


class Crowd:
    """``clock`` in seconds. ``turned_away`` counts."""

    def __init__(
        self, clock: Callable[[], float], most: int = MOST, chance: Callable[[], float] = random.random
    ) -> None:
        self._clock = clock
        self._most = most
        self._chance = chance
        self._entering: dict[str, float] = {}
        """Since when, the longest first."""
        self._greeted: deque[float] = deque()
        self._waiting = 0.0
        self._turned_at = 0.0
        self.turned_away = 0

    def enters(self, edge: str) -> int:
        """0: come in. Otherwise seconds after which to come again."""
        now = self._clock()
        self._forget(now)
        if self._entering.pop(edge, None) is not None or len(self._entering) < self._most:
            self._entering[edge] = now
            return 0
        if now - self._turned_at > MOST_WAIT_S:
            self._waiting = 0.0  # whoever was told to come again has been back
        self._turned_at = now
        self.turned_away += 1
        self._waiting += 1
        rate = max(_LEAST_RATE, len(self._greeted) / _RECENT_S)
        spread = (len(self._entering) + self._waiting) / rate
        return min(MOST_WAIT_S, math.ceil(1 + self._chance() * spread))

    def greeted(self, edge: str) -> None:
        """It is in."""
        self._entering.pop(edge, None)
        self._greeted.append(self._clock())
        self._waiting = max(0.0, self._waiting - 1)

    def gone(self, edge: str) -> None:
        """It is out again."""
        self._entering.pop(edge, None)

    def _forget(self, now: float) -> None:
        while self._greeted and now - self._greeted[0] > _RECENT_S:
            self._greeted.popleft()
        while self._entering:
            first = next(iter(self._entering))
            if now - self._entering[first] <= ENTER_S:
                return
            del self._entering[first]
