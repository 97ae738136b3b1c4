"""Events of edges become rows: event, effect and applied number in one transaction; then the services are told.

The same event may come twice: announced, and through the numbered street. Its id tells; the first one counts.
What is committed is told, even when the tunnel falls in between, for nobody sends it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from cloud.store import applied, edges, events
from cloud.store.database import Connection, Database, Unfit
from cloud.store.records import EdgeRecord
from cloud.store.together import Together
from cloud.tunnel import channel_steps, effects, message_steps, resync_steps
from cloud.tunnel.heard import Allow, RecordingUrl, Told, utc_now
from telecore.codec import decode_event
from telecore.errors import ProtocolError, Refused, RemoteProtocolError
from telecore.events import ChannelChanged, Event
from telecore.ids import EdgeId
from telecore.model import ChannelStatus
from telecore.tunnel.frames import Hello

log = logging.getLogger(__name__)

Item = tuple[int, dict[str, Any], bool]
Listener = Callable[[Told], None]
_UNFIT = (Refused, ProtocolError, ValueError, OverflowError, Unfit)
"""What a payload may cause that no repetition will mend; a number too large for a column is an OverflowError."""


class Ingest:
    """One for the whole cloud. Listeners are called on the loop after the commit, in order; they must not wait."""

    def __init__(
        self,
        db: Database,
        *,
        allow: Allow,
        now: Callable[[], datetime] = utc_now,
        recording_url: RecordingUrl = lambda account, sid: sid,
    ) -> None:
        self._allow = allow
        self._db = db
        self._now = now
        self._recording_url = recording_url
        self._last_applied: Together[tuple[EdgeId, str], tuple[int, str] | None] = Together(
            db.read, resync_steps.last_applied
        )
        self._listeners: list[Listener] = []
        self._under_way: set[asyncio.Task[None]] = set()

    def listen(self, listener: Listener) -> None:
        """From now on tell this one too."""
        self._listeners.append(listener)

    async def close(self) -> None:
        """See told what is being written. For when no edge is served any more."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def incoming(self, edge: EdgeId) -> EdgeIncoming:
        """The receiving end of this edge's street."""
        return EdgeIncoming(self, edge)

    async def announce(self, edge: EdgeId, event: Event) -> None:
        """An event told ahead of its number. Raises StoreFailed; its numbered copy will come again.

        It may be ahead of the one that makes its call's row, too: then it is undone, and left to that copy.
        """

        def write(conn: Connection) -> list[Told]:
            told = self._take(conn, edges.get(conn, edge), event, history=False, ahead=True)
            return [told] if told else []

        try:
            await self._whole(self._write_and_tell(write))
        except _UNFIT as error:
            log.warning("edge %s: announced %s changes nothing: %s", edge, event.kind, error)

    async def hear_channels(self, edge: EdgeId, statuses: Sequence[ChannelStatus]) -> None:
        """How channels stand by a heartbeat, which is not an event of record. Raises StoreFailed."""

        def write(conn: Connection) -> list[Told]:
            record = edges.get(conn, edge)
            own = [status for status in statuses if message_steps.owner_of(status.channel) == edge]
            if record is None:
                return []
            for status in own:
                channel_steps.hear(conn, record, status, self._now())
            return [Told(edge, ChannelChanged(status=status), channel=status) for status in own]

        await self._whole(self._write_and_tell(write))

    async def last_applied(self, edge: EdgeId, stream: str) -> int:
        return await self._db.read(lambda conn: applied.get(conn, edge, stream))

    async def greeted(self, edge: EdgeId, hello: Hello) -> tuple[int, str]:
        """How far this street is applied, and the id of the last event. Notices an edge that has begun a new one."""
        known = await self._last_applied.ask((edge, hello.stream))
        if known is not None:
            return known

        def begin(conn: Connection) -> list[Told]:
            resync_steps.new_street(conn, edge, hello, self._now())
            return resync_steps.settle(conn, edges.get(conn, edge), hello.stream, 0)

        await self._whole(self._write_and_tell(begin))
        return 0, ""

    async def apply(self, edge: EdgeId, stream: str, items: Sequence[Item]) -> None:
        """All of these, or none. Raises StoreFailed."""
        read = [(seq, _read(edge, payload), history) for seq, payload, history in items]
        await self._whole(self._apply_all(edge, stream, read))

    async def _whole(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for the work, which goes on to its end when whoever waits is cancelled."""
        task = asyncio.create_task(work, name="ingest")
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # raised to the tunnel, if that still waits

    async def _write_and_tell(self, write: Callable[[Connection], list[Told]]) -> None:
        for news in await self._db.write(write):
            for listener in self._listeners:
                listener(news)

    async def _apply_all(self, edge: EdgeId, stream: str, read: Sequence[tuple[int, Event | None, bool]]) -> None:
        try:
            await self._write_and_tell(partial(self._apply, edge=edge, stream=stream, items=read))
        except _UNFIT as error:
            await self._apply_singly(edge, stream, read, error)

    async def _apply_singly(
        self, edge: EdgeId, stream: str, read: Sequence[tuple[int, Event | None, bool]], error: Exception
    ) -> None:
        """One of them cannot be applied: find it, count it as applied all the same, and go on."""
        if len(read) == 1:
            seq, event, _ = read[0]
            log.error("edge %s: item %d (%s) changes nothing: %s", edge, seq, event.kind if event else "?", error)
            await self._db.write(lambda conn: _pass_over(conn, edge, stream, seq))
            return
        for seq, event, history in read:
            one = [(seq, event, history)]
            try:
                await self._write_and_tell(partial(self._apply, edge=edge, stream=stream, items=one))
            except _UNFIT as problem:
                await self._apply_singly(edge, stream, one, problem)

    def _apply(
        self, conn: Connection, edge: EdgeId, stream: str, items: Sequence[tuple[int, Event | None, bool]]
    ) -> list[Told]:
        last, mark = applied.get_marked(conn, edge, stream) or (0, "")
        known = edges.get(conn, edge)
        told: list[Told] = []
        for seq, event, history in items:
            if seq <= last:
                continue
            found = self._take(conn, known, event, history=history) if event is not None else None
            if found is not None:
                told.append(found)
            last, mark = seq, event.id if event is not None else ""
        applied.set(conn, edge, stream, last, mark)
        return told + resync_steps.settle(conn, known, stream, last)

    def _take(
        self, conn: Connection, edge: EdgeRecord | None, event: Event, *, history: bool, ahead: bool = False
    ) -> Told | None:
        """Keep the event and do its effect; None when it is known already, or nobody knows the edge."""
        if edge is None or not events.insert(conn, event, edge.edge):
            return None
        return effects.apply(
            conn,
            edge,
            event,
            now=self._now(),
            history=history,
            ahead=ahead,
            recording_url=self._recording_url,
            allow=self._allow,
        )


class EdgeIncoming:
    """``Incoming`` and ``BatchIncoming`` of one edge."""

    def __init__(self, ingest: Ingest, edge: EdgeId) -> None:
        self._ingest = ingest
        self._edge = edge

    async def applied(self, stream: str) -> int:
        return await self._ingest.last_applied(self._edge, stream)

    async def greeted(self, hello: Hello) -> tuple[int, str]:
        return await self._ingest.greeted(self._edge, hello)

    async def apply(self, stream: str, seq: int, payload: dict[str, Any], *, history: bool) -> None:
        await self._ingest.apply(self._edge, stream, [(seq, payload, history)])

    async def apply_batch(self, stream: str, items: Sequence[Item]) -> None:
        await self._ingest.apply(self._edge, stream, items)


def _pass_over(conn: Connection, edge: EdgeId, stream: str, seq: int) -> None:
    """Never backwards: the edge may have come again, and gone on from here, while we looked for what is unfit."""
    if seq > applied.get(conn, edge, stream):
        applied.set(conn, edge, stream, seq)


def _read(edge: EdgeId, payload: dict[str, Any]) -> Event | None:
    try:
        return decode_event(payload)
    except RemoteProtocolError as error:
        log.warning("edge %s tells something that is not understood and is skipped: %s", edge, error)
        return None
