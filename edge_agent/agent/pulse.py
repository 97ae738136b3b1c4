"""Heartbeats: how the edge stands, told on every change and at least each ten seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from telecore.notices import Heartbeat, Notice

_EVERY_S = 10.0
_GATHER_S = 0.1
"""Changes come in flocks; one heartbeat tells them all."""


class Pulse:
    """Calls ``tell`` with what ``state`` says."""

    def __init__(self, state: Callable[[], Heartbeat], tell: Callable[[Notice], object]) -> None:
        self._state = state
        self._tell = tell
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Something that a heartbeat tells is different."""
        self._changed.set()

    async def run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _EVERY_S)
                await asyncio.sleep(_GATHER_S)
            self._changed.clear()
            self._tell(self._state())
