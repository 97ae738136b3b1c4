"""Keeps how edges stand, tells those who watch, and makes snapshots of it together with what the store knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import replace
from datetime import datetime

from cloud.fleet.reading import read_channels, read_page
from cloud.fleet.snapshot import Look, Snapshot
from cloud.fleet.state import UNHEARD, News, SiteState, apply
from cloud.store import rows, warnings
from cloud.store.database import Database
from cloud.store.records import WarningRecord
from telecore.ids import AccountSid, EdgeId


class Fleet:
    """``fleet.state``, kept for every edge since we began."""

    def __init__(self, db: Database, *, now: Callable[[], datetime] = rows.now) -> None:
        self._db = db
        self._now = now
        self._ears: set[asyncio.Event] = set()
        self._sites: dict[EdgeId, SiteState] = {}
        self._own: tuple[WarningRecord, ...] = ()

    def warn(self, own: tuple[WarningRecord, ...]) -> None:
        """What is wrong with the cloud itself now; nothing of it is stored."""
        if own != self._own:
            self._own = own
            self.changed()

    def site(self, edge: EdgeId) -> SiteState:
        """How an edge stands, as it has told since we began."""
        return self._sites.get(edge, UNHEARD)

    def take(self, edge: EdgeId, news: News) -> None:
        """This has happened."""
        self._sites[edge] = apply(self.site(edge), edge, news, self._now())
        self.changed()

    def changed(self) -> None:
        """Something that a snapshot shows is different: a call, a message."""
        for ear in self._ears:
            ear.set()

    async def snapshot(self, look: Look = Look(), accounts: Collection[AccountSid] | None = None) -> Snapshot:  # noqa: B008
        """How a page of sites stands now, of all or of these accounts. Raises StoreFailed."""
        sites, own = dict(self._sites), self._own if accounts is None else ()
        return await self._db.read(lambda conn: read_page(conn, sites, look, accounts, own))

    async def channels_of(self, names: Collection[EdgeId]) -> Snapshot:
        """Channels of these edges, and what is told of them; no calls and no messages. Raises StoreFailed."""
        sites = {edge: self.site(edge) for edge in names}
        return await self._db.read(
            lambda conn: replace(read_channels(conn, sites, sites), warnings=tuple(warnings.list_(conn, sites)))
        )

    async def subscribe(self) -> AsyncIterator[object]:
        """None each time something may have changed."""
        ear = asyncio.Event()
        self._ears.add(ear)
        try:
            while True:
                await ear.wait()
                ear.clear()
                yield None
        finally:
            self._ears.discard(ear)
