"""What is done now and then: look after health, drop what is old."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edge_agent.health import Warnings
from edge_agent.health.conditions import Snapshot
from edge_agent.spool import Spool
from telecore.errors import StorageFailed
from telecore.events import WarningRaised

log = logging.getLogger(__name__)

_LOOK_S = 5.0
_TIDY_S = 600.0


class Housekeeping:
    """``snapshot(disk_free)`` is the agent at this moment; what the checks find becomes events.

    ``may_tidy``: whether the time of day is known, without which nothing is too old.
    """

    def __init__(
        self,
        spool: Spool,
        data_dir: Path,
        snapshot: Callable[[int | None], Snapshot],
        may_tidy: Callable[[], bool] = lambda: True,
    ) -> None:
        self._may_tidy = may_tidy
        self._spool = spool
        self._data_dir = data_dir
        self._snapshot = snapshot
        self.warnings = Warnings()

    async def run(self) -> None:
        clock = asyncio.get_running_loop().time
        executor = ThreadPoolExecutor(1, thread_name_prefix="disk")
        tidy_at = clock() + _TIDY_S
        try:
            while True:
                free = await asyncio.wrap_future(executor.submit(self._free))
                await self._look(free, clock())
                if clock() >= tidy_at and self._may_tidy():
                    tidy_at = clock() + _TIDY_S
                    await self._spool.tidy()
                await asyncio.sleep(_LOOK_S)
        finally:
            executor.shutdown(wait=False)

    def _free(self) -> int | None:
        free = disk_free(self._data_dir)
        self._spool.reserve.look(free)
        return free

    async def _look(self, free: int | None, now: float) -> None:
        for event in self.warnings.look(self._snapshot(free), now):
            if isinstance(event, WarningRaised):
                log.warning("%s %s: %s", event.code, event.subject, event.text)
            try:
                await self._spool.append(event)
            except StorageFailed as error:
                log.warning("a warning could not be kept for the cloud: %s", error)


def disk_free(path: Path) -> int | None:
    """Bytes that are free there; None when that cannot be told."""
    try:
        found = os.statvfs(path)
        return found.f_bavail * found.f_frsize
    except OSError:
        return None
