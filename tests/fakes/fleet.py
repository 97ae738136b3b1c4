"""A fleet whose snapshot a test sets by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import replace

from cloud.fleet.snapshot import Look, Snapshot, Totals
from telecore.ids import AccountSid, EdgeId


class FakeFleet:
    """A ``fleet.keeper.Fleet`` of one page; what an account sees of it is told on the real one."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self.now = snapshot or Snapshot()
        self.readers: set[asyncio.Event] = set()

    def show(self, snapshot: Snapshot) -> None:
        self.now = snapshot
        for reader in self.readers:
            reader.set()

    async def snapshot(self, look: Look = Look(), accounts: Collection[AccountSid] | None = None) -> Snapshot:  # noqa: B008
        return _counted(self.now if accounts is None else Snapshot())

    async def channels_of(self, names: Collection[EdgeId]) -> Snapshot:
        return replace(
            self.now,
            edges=tuple(edge for edge in self.now.edges if edge.edge in names),
            channels=tuple(channel for channel in self.now.channels if channel.edge in names),
        )

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


def _counted(shown: Snapshot) -> Snapshot:
    """With the totals of what is in it, as all there is."""
    up = sum(edge.connected for edge in shown.edges)
    offline = sum(edge.enrolled and not edge.connected for edge in shown.edges)
    sites, calls, warnings = len(shown.edges), len(shown.calls), len(shown.warnings)
    return replace(shown, totals=Totals(sites, up, offline, fit=sites, warnings=warnings, calls=calls))
