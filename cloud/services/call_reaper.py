"""Calls that nobody has any more: their edge is gone for a minute, or does not know them, or never took them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from cloud.store import calls
from cloud.store.database import Database
from cloud.store.records import CallRecord
from cloud.tunnel.heard import utc_now
from telecore.errors import Transient
from telecore.ids import CallSid, EdgeId
from telecore.model import CallStatus
from telecore.notices import Heartbeat

log = logging.getLogger(__name__)

GONE_S = 60.0
MISSING_S = 20.0
NEVER_TAKEN = timedelta(seconds=90)
_EVERY_S = 5.0


class CallReaper:
    """``lost`` ends a call. An edge that was never heard of counts as gone since the start."""

    def __init__(
        self,
        db: Database,
        lost: Callable[[CallRecord], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._lost = lost
        self._clock = clock
        self._now = now
        self._started = clock()
        self._down: dict[EdgeId, float] = {}
        self._came: dict[EdgeId, float] = {}
        self._up: dict[EdgeId, frozenset[CallSid] | None] = {}
        self._missing: dict[CallSid, float] = {}
        self._heard: dict[EdgeId, float] = {}
        """When each edge last told its calls. A silent line says nothing about them."""

    def on_link(self, edge: EdgeId, up: bool) -> None:
        if up:
            self._down.pop(edge, None)
            self._up[edge] = None
            self._came[edge] = self._clock()
        else:
            self._up.pop(edge, None)
            self._down[edge] = self._clock()

    def heartbeat(self, edge: EdgeId, heartbeat: Heartbeat) -> None:
        """The calls that the edge has now."""
        self._up[edge] = frozenset(live.call for live in heartbeat.calls)
        self._heard[edge] = self._clock()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.look()
            except Transient as error:
                log.warning("lost calls cannot be looked for: %s", error)

    async def look(self) -> int:
        """End what is lost; how many."""
        live = await self._db.read(calls.live)
        lost = [record for record in live if self._is_lost(record)]
        self._missing = {record.sid: self._missing[record.sid] for record in live if record.sid in self._missing}
        for record in lost:
            log.warning("%s is lost with its edge %s", record.sid, record.edge)
            self._lost(record)
        return len(lost)

    def _is_lost(self, record: CallRecord) -> bool:
        if record.status is CallStatus.QUEUED:
            return self._now() - record.created_at > NEVER_TAKEN
        if record.edge is None:
            return True
        if record.edge not in self._up:
            return self._clock() - self._down.get(record.edge, self._started) > GONE_S
        known = self._up[record.edge]
        if known is None or record.sid in known:
            self._missing.pop(record.sid, None)
            return False
        # It takes news of the edge that came so much later and still does not name the call. What it did while it was
        # away it tells when it comes, and its calls before that.
        missing = max(self._missing.setdefault(record.sid, self._clock()), self._came.get(record.edge, self._started))
        return self._heard[record.edge] - missing > MISSING_S
