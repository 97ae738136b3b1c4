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
RATE_AT_FIRST = 400.0
"""So many a second are taken to get in until it is seen how many do."""
_RECENT_S = 5.0
_SEEN_S = 1.0
_LEAST_RATE = 50.0


class Crowd:
    """``clock`` in seconds. ``turned_away`` counts.

    Who is turned away gets an appointment, one after the other at the rate at which edges get in: at whatever moment
    they come back, they find about as many there as can be served.
    """

    def __init__(
        self, clock: Callable[[], float], most: int = MOST, chance: Callable[[], float] = random.random
    ) -> None:
        self._clock = clock
        self._most = most
        self._chance = chance
        self._entering: dict[str, float] = {}
        """Since when, the longest first."""
        self._greeted: deque[float] = deque()
        self._appointed = 0.0
        """When the last one who was turned away is to come."""
        self.turned_away = 0

    def full(self, edge: str) -> int:
        """0: whoever says to be this edge may be asked who he is. Otherwise seconds after which to come again."""
        now = self._clock()
        self._forget(now)
        return 0 if edge in self._entering or len(self._entering) < self._most else self._turn_away(now)

    def enters(self, edge: str) -> int:
        """0: come in. Otherwise seconds after which to come again."""
        now = self._clock()
        self._forget(now)
        if self._entering.pop(edge, None) is not None or len(self._entering) < self._most:
            self._entering[edge] = now
            return 0
        return self._turn_away(now)

    def _turn_away(self, now: float) -> int:
        self.turned_away += 1
        self._appointed = max(self._appointed, now + 1) + 1 / self._rate(now)
        wait_s = self._appointed - now
        if wait_s > MOST_WAIT_S:
            wait_s = self._chance() * MOST_WAIT_S
        return max(1, math.ceil(wait_s))

    def _rate(self, now: float) -> float:
        """Edges a second that got in of late."""
        seen_s = now - self._greeted[0] if self._greeted else 0.0
        return max(_LEAST_RATE, len(self._greeted) / seen_s) if seen_s >= _SEEN_S else RATE_AT_FIRST

    def greeted(self, edge: str) -> None:
        """It is in."""
        self._entering.pop(edge, None)
        self._greeted.append(self._clock())

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
