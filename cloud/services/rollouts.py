"""Releases go out by and by: each edge is told what it is to have, and too many failures end it by themselves."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import zipfile
from collections.abc import Callable
from datetime import datetime

from cloud.services.live_tasks import LiveTasks
from cloud.store import releases
from cloud.store.database import Connection, Database
from cloud.store.records.releases import EdgeUpdateRecord, ReleaseRecord
from cloud.tunnel.heard import utc_now
from telecore.errors import InvalidRequest, Transient
from telecore.ids import EdgeId, Sha256
from telecore.notices import Notice, OfferedRelease, UpdatesOffered, UpdatesStand
from telecore.releases import KINDS, MANIFEST, Release, parse_version
from telecore.schema import read

log = logging.getLogger(__name__)

_LOOK_S = 5.0
_MOST_MANIFEST = 256 << 10
_TOLD_OF = 8


def release_of(data: bytes) -> Release:
    """The manifest of a release file. Whether it is signed the edges decide. Raises InvalidRequest."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            if file.getinfo(MANIFEST).file_size > _MOST_MANIFEST:
                raise InvalidRequest("the manifest of the release is too large")
            found = read(Release, json.loads(file.read(MANIFEST)), strict=False)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, NotImplementedError, RuntimeError) as error:
        raise InvalidRequest(f"this is no release file: {error}") from error
    parse_version(found.version)
    if found.what not in KINDS:
        raise InvalidRequest(f"a release of {found.what[:40]!r} is not known here")
    return found


class Rollouts:
    """``notify`` tells an edge at once, if it is connected."""

    def __init__(
        self, db: Database, notify: Callable[[EdgeId, Notice], bool], *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._db = db
        self._notify = notify
        self._now = now
        self._tasks = LiveTasks()
        self._looking = asyncio.Lock()
        self._told: dict[EdgeId, UpdatesOffered] = {}
        self._staged: tuple[ReleaseRecord, ...] = ()
        """As it was looked at last; every few seconds, so that a fleet that comes at once asks for nothing."""

    def on_link(self, edge: EdgeId, up: bool) -> None:
        """An edge came or went."""
        self._told.pop(edge, None)
        if up:
            self._told[edge] = UpdatesOffered(())  # so that nothing is said where nothing is to be had
            self._offer(edge)

    def on_stand(self, edge: EdgeId, stand: UpdatesStand) -> None:
        """An edge says how it fares."""
        self._tasks.start(self._write(edge, stand), f"releases of {edge}")

    async def run(self) -> None:
        """See what operators have changed. Until cancelled."""
        try:
            while True:
                await self._look()
                await asyncio.sleep(_LOOK_S)
        finally:
            await self._tasks.close()

    async def _look(self) -> None:
        """What is staged now; whom it concerns is told. One after the other: what was seen earlier comes no later."""
        async with self._looking:
            try:
                self._staged = await self._db.read(releases.staged)
            except Transient as error:
                log.warning("releases wait for the store: %s", error)
                return
        for edge in list(self._told):
            self._offer(edge)

    def _offer(self, edge: EdgeId) -> None:
        offered = UpdatesOffered(tuple(_offered(record) for record in releases.turn_of(edge, self._staged)))
        if self._told[edge] != offered and self._notify(edge, offered):
            self._told[edge] = offered

    async def _write(self, edge: EdgeId, stand: UpdatesStand) -> None:
        told = [
            EdgeUpdateRecord(edge, Sha256(end.sha256), end.attempt, end.outcome[:20], end.reason[:500], self._now())
            for end in stand.ended[-_TOLD_OF:]
        ]
        ended = {each.sha256 for each in told}
        attempts = {offer.sha256: offer.attempt for offer in self._told.get(edge, UpdatesOffered()).releases}
        if stand.sha256 in attempts and stand.sha256 not in ended:
            sha256 = Sha256(stand.sha256)
            at = self._now()
            told.append(EdgeUpdateRecord(edge, sha256, attempts[sha256], stand.state[:20], stand.reason[:500], at))

        def write(conn: Connection) -> list[ReleaseRecord]:
            return [halted for each in told if (halted := releases.fared(conn, each)) is not None]

        if not told:
            return
        try:
            halted = await self._db.write(write)
        except Transient as error:
            log.warning("how %s fares with releases is not written down: %s", edge, error)
            return
        for record in halted:
            log.error("release %s %s is halted: %s", record.what, record.version, record.reason)
        if halted:
            await self._look()


def _offered(record: ReleaseRecord) -> OfferedRelease:
    return OfferedRelease(record.sha256, record.size, record.what, record.version, record.attempt, record.urgent)
