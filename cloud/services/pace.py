"""One 20 ms clock for all sound that this cloud gives out."""

from __future__ import annotations

import asyncio
from typing import Protocol

TICK_S = 0.02
GIVE_UP_S = 1.0
"""Later than this, missed ticks are not made up for."""


class Paced(Protocol):
    def tick(self) -> None:
        """20 ms have passed. Never blocks."""


class Pace:
    """Ticks at deadlines that do not drift, while anybody is paced. A late tick is made up for."""

    def __init__(self) -> None:
        self._paced: dict[Paced, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0

    def add(self, paced: Paced) -> None:
        self._paced[paced] = None
        if self._timer is None:
            self._deadline = asyncio.get_running_loop().time() + TICK_S
            self._arm()

    def remove(self, paced: Paced) -> None:
        """Harmless when it is not paced."""
        self._paced.pop(paced, None)
        if not self._paced and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_at(self._deadline, self._fire)

    def _fire(self) -> None:
        self._timer = None
        late = asyncio.get_running_loop().time() - self._deadline
        self._deadline += TICK_S + (late if late > GIVE_UP_S else 0.0)
        try:
            self._tick(list(self._paced))
        finally:
            if self._paced and self._timer is None:
                self._arm()

    def _tick(self, due: list[Paced], start: int = 0) -> None:
        """All of them. Whoever raises is paced no more; the others are not disturbed."""
        at = start
        try:
            for at in range(start, len(due)):
                due[at].tick()
            at = len(due)
        finally:
            if at < len(due):
                self.remove(due[at])
                self._tick(due, at + 1)
