"""The seeded cloud in a thread of its own, for tests that block, and for clients that know no loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud.store import audit
from cloud.store.records.audit import AuditRecord
from tests.fakes.seeded_cloud import Seed, SeededCloud, seeded_cloud

_WITHIN_S = 30.0


class CloudThread:
    def __init__(self, cloud: SeededCloud, loop: asyncio.AbstractEventLoop) -> None:
        self._cloud = cloud
        self._loop = loop
        self.url = cloud.url

    def audited(self) -> list[AuditRecord]:
        """The audit log, newest first."""
        reading = self._cloud.parts.db.read(lambda conn: audit.latest(conn, 1000))
        return asyncio.run_coroutine_threadsafe(reading, self._loop).result(_WITHIN_S)

    def seed(self) -> Seed:
        """Another account, with one of everything."""
        return asyncio.run_coroutine_threadsafe(self._cloud.seed(), self._loop).result(_WITHIN_S)


@contextmanager
def cloud_thread(directory: Path) -> Iterator[CloudThread]:
    loop, started, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    made: list[SeededCloud] = []

    async def serve() -> None:
        async with seeded_cloud(directory) as cloud:
            made.append(cloud)
            started.set()
            await stop.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        finally:
            started.set()
            loop.close()

    thread = threading.Thread(target=run, name="cloud")
    thread.start()
    try:
        assert started.wait(_WITHIN_S)
        assert made, "the cloud did not start"
        yield CloudThread(made[0], loop)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(_WITHIN_S)
        assert not thread.is_alive()
