"""Recordings: their bytes brought from the edge, then told to the customer and released there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from cloud.services.callbacks import Callbacks
from cloud.services.files import Files
from cloud.services.soon import Soon
from cloud.services.sound_sweep import drop
from cloud.store import recordings
from cloud.store.database import Connection, Database
from cloud.store.records import RecordingRecord
from cloud.tunnel import conference_steps, recording_steps
from cloud.tunnel.heard import Told, utc_now
from telecore.errors import NotFound, Transient
from telecore.events import RecordingMade
from telecore.ids import EdgeId, Sha256
from telecore.notices import BlobHeld, BlobStored, BlobUnknown, Notice

log = logging.getLogger(__name__)

FETCH_S = 300.0
ABANDONED = timedelta(seconds=60)
"""How long after the last of its calls an edge may still tell of a recording; later it is absent until it does."""
AGAIN_S = 1.0
_POLL_S = 15.0
_AT_ONCE = 4

Fetch = Callable[[EdgeId, Sha256, int, float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class RecordingLine:
    """What the tunnel does for recordings: ``fetch`` as the hub's, ``send`` False when the edge is away; ``wake`` for
    commands."""

    fetch: Fetch
    send: Callable[[EdgeId, Notice], bool]
    connected: Callable[[EdgeId], bool]
    wake: Callable[[EdgeId], None]


class RecordingService:
    """A recording is ``processing`` until its bytes are on our disk; ``absent`` when the edge has lost them."""

    def __init__(
        self,
        db: Database,
        files: Files,
        queue: Callbacks,
        line: RecordingLine,
        *,
        url: Callable[[str, str], str],
        poll_s: float = _POLL_S,
    ) -> None:
        self._db = db
        self._files = files
        self._queue = queue
        self._line = line
        self._url = url
        self._poll_s = poll_s
        self._news = asyncio.Event()
        self._came = Soon(self._news.set)
        self._under_way: set[str] = set()
        self._failed: dict[str, int] = {}
        self.on_done: Callable[[], None] = _nothing
        """Hears that a recording is complete, or never will be."""

    def on_told(self, told: Told) -> None:
        if told.recording is not None:
            self._news.set()
        elif isinstance(told.event, RecordingMade):  # it came late, and its sound is to go
            self._line.wake(told.edge)

    def on_link(self, edge: EdgeId, up: bool) -> None:
        if up:
            self._came()

    async def held(self, edge: EdgeId, notice: BlobHeld) -> None:
        """The edge still keeps these: it may forget what is safe here, and what it never told of."""
        unknown = []
        for sha256 in notice.hashes:
            found = await self._db.read(lambda conn, sha=sha256: _with_edges(conn, sha))  # type: ignore[misc]
            mine = [record for record, at in found if at == edge]
            if not found:
                unknown.append(sha256)
            elif any(record.status == "processing" for record in mine):
                self._news.set()
            elif mine and await self._files.size(sha256) is not None:
                self._line.send(edge, BlobStored(sha256))
        if unknown:
            self._line.send(edge, BlobUnknown(tuple(unknown)))

    async def run(self) -> None:
        """Bring what is missing, a few at a time, for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                try:
                    await self._give_up()
                    await self._start(group)
                except Transient as error:
                    log.warning("recordings wait for the store: %s", error)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._poll_s):
                        await self._news.wait()

    async def _start(self, group: asyncio.TaskGroup) -> None:
        """The oldest first, and behind those that did not fail, so that one bad line holds up nobody else."""
        edges = [edge for edge in await self._db.read(recordings.edges_awaited) if self._line.connected(edge)]
        waiting = await self._db.read(lambda conn: recordings.processing(conn, edges)) if edges else []
        self._failed = {record.sid: self._failed[record.sid] for record, _ in waiting if record.sid in self._failed}
        for record, edge in sorted(waiting, key=lambda pair: self._failed.get(pair[0].sid, 0)):
            if len(self._under_way) >= _AT_ONCE:
                return
            if record.sid not in self._under_way:
                self._under_way.add(record.sid)
                group.create_task(self._bring(record, edge))

    async def _give_up(self) -> None:
        before = utc_now() - ABANDONED
        if await self._db.read(lambda conn: recordings.abandoned(conn, recording_steps.UNFINISHED, before)):
            await self._db.write(lambda conn: recording_steps.give_up(conn, before, self._url))
            self._queue.wake()

    async def _bring(self, record: RecordingRecord, edge: EdgeId) -> None:
        try:
            await self._brought(record, edge)
        except (Transient, OSError) as error:
            log.info("%s waits for its bytes: %s", record.sid, error)
            self._failed[record.sid] = self._failed.get(record.sid, 0) + 1
            await self._leave_nothing(record)
            await asyncio.sleep(AGAIN_S)
        finally:
            self._under_way.discard(record.sid)
            self._news.set()

    async def _brought(self, record: RecordingRecord, edge: EdgeId) -> None:
        """Raises Transient, OSError."""
        try:
            await self._line.fetch(edge, record.sha256, record.size, FETCH_S)
        except NotFound:
            log.warning("%s: edge %s has no bytes of it any more", record.sid, edge)
            async with self._files.settling:
                await self._done(record, "absent")
            return
        async with self._files.settling:
            if await self._files.size(record.sha256) is None:
                raise Transient("one with the same sound was deleted as it came")
            await self._done(record, "completed")
        self._line.send(edge, BlobStored(record.sha256))

    async def _leave_nothing(self, record: RecordingRecord) -> None:
        """It may have been deleted while some of it was here."""
        while True:
            try:
                await drop(self._db, self._files, record.sha256)
                return
            except (Transient, OSError) as error:
                log.warning("%s: whether it was deleted is not known now: %s", record.sid, error)
                await asyncio.sleep(AGAIN_S)

    async def _done(self, record: RecordingRecord, status: str) -> None:
        """Under the lock of the files. Of one that was deleted meanwhile the file goes."""

        def write(conn: Connection) -> bool:
            after = recordings.update(conn, record.sid, status=status)
            if after is None:
                return recordings.count_of_hash(conn, record.sha256) == 0
            recording_steps.tell(conn, after, self._url)
            conference_steps.recorded(conn, after, self._url(after.account, after.sid), utc_now())
            return False

        if await self._db.write(write):
            await self._files.delete(record.sha256)
        self._queue.wake()
        self.on_done()


def _with_edges(conn: Connection, sha256: str) -> list[tuple[RecordingRecord, EdgeId | None]]:
    return [(record, recordings.edge_of(conn, record)) for record in recordings.by_hash(conn, sha256)]


def _nothing() -> None:
    """Nobody listens."""
