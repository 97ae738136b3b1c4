"""The deadlines of one call, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Timers:
    """At most one of each name runs; setting it again begins it anew."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._handles: dict[str, asyncio.TimerHandle] = {}

    def now(self) -> float:
        """Seconds of the loop's clock."""
        return self._loop.time()

    def set(self, name: str, seconds: float, expired: Callable[[], None]) -> None:
        self.stop(name)
        self._handles[name] = self._loop.call_later(seconds, expired)

    def stop(self, name: str) -> None:
        handle = self._handles.pop(name, None)
        if handle is not None:
            handle.cancel()

    def stop_all(self) -> None:
        for name in tuple(self._handles):
            self.stop(name)
