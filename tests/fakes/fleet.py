"""A fleet whose snapshot a test sets by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from cloud.fleet.snapshot import Snapshot


class FakeFleet:
    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self.now = snapshot or Snapshot()
        self.readers: set[asyncio.Event] = set()

    def show(self, snapshot: Snapshot) -> None:
        self.now = snapshot
        for reader in self.readers:
            reader.set()

    async def snapshot(self) -> Snapshot:
        return self.now

    async def subscribe(self) -> AsyncIterator[object]:
        news = asyncio.Event()
        self.readers.add(news)
        try:
            while True:
                await news.wait()
                news.clear()
                yield None
        finally:
            self.readers.discard(news)
