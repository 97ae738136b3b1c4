"""Tasks that live on their own: one fails alone, is told in the log, and takes nobody down with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from telecore.errors import Transient

log = logging.getLogger(__name__)


class LiveTasks:
    """Owned by one service, which closes it when it stops."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, object], name: str) -> asyncio.Task[Any]:
        """Begin now; it is forgotten when it ends."""
        task: asyncio.Task[Any] = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def settle(self, within_s: float = 5.0) -> None:
        """See them end by themselves, and cancel what does not in time."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        await self.close()

    async def close(self) -> None:
        """Cancel all and see them ended."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, Transient):  # as when the store is away: no fault of the program, and there may be many
            log.error("%s failed: %s", task.get_name(), error)
        else:
            log.error("%s failed", task.get_name(), exc_info=error)
