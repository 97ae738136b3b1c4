"""Media streams: those that pages want and those that customers begin, from the wish to the last callback."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from cloud.services.debugger import Debugger
from cloud.services.feeds import Feeds
from cloud.services.live_tasks import LiveTasks
from cloud.services.pace import Pace
from cloud.services.requests import NewStream
from cloud.services.stream import Stream, StreamOrder
from cloud.services.stream_socket import StreamDoor, StreamFailed
from cloud.services.urls import InvalidUrl, canonical_socket
from cloud.store import accounts, callbacks, calls, streams
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord, CallRecord, Hook, StreamRecord
from cloud.tunnel import call_steps
from cloud.tunnel.heard import utc_now
from telecore.errors import InvalidRequest, NotFound, Transient
from telecore.ids import AccountSid, CallSid, EdgeId, FeedId, new_sid
from telecore.model import CallStatus
from telecore.notices import FeedClosed, StreamWanted
from telecore.twiml import params
from telecore.twiml.control import StreamSpec

log = logging.getLogger(__name__)

NOT_IN_PROGRESS, UNKNOWN, BAD_URL = 21220, 31900, 31923
MOST_OF_A_CALL = 16
"""Streams of one call at a time."""


class Streams:
    """``wake`` tells the queue of callbacks that it has news."""

    def __init__(
        self,
        db: Database,
        feeds: Feeds,
        door: StreamDoor,
        debugger: Debugger,
        *,
        wake: Callable[[], None],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._feeds = feeds
        self._door = door
        self._debugger = debugger
        self._wake = wake
        self._now = now
        self._began = now()
        self._pace = Pace()
        self._tasks = LiveTasks()
        self._wanted: dict[FeedId, EdgeId] = {}
        self._closed: set[FeedId] = set()
        """Those that are wanted no more, though they have not begun."""
        self._live: dict[FeedId, Stream] = {}

    def __len__(self) -> int:
        return len(self._live)

    async def run(self) -> None:
        """Say of the streams that an earlier process of ours served that they are over."""
        try:
            await self._db.write(self._end_the_old)
        except Transient as error:
            log.warning("streams of an earlier process are not written off: %s", error)

    async def close(self) -> None:
        """Every application is told."""
        for stream in self._live.values():
            stream.end()
        await self._tasks.settle()

    # ------------------------------------------------------------------ what edges ask

    def wanted(self, edge: EdgeId, notice: StreamWanted) -> None:
        """A page of a call wants one; asked again after a reconnect."""
        if notice.stream not in self._wanted:
            self._wanted[notice.stream] = edge
            self._tasks.start(self._answer(edge, notice), f"stream {notice.stream}")

    def feed_closed(self, edge: EdgeId, notice: FeedClosed) -> None:
        """The edge has enough of it, perhaps before it began."""
        stream = self._live.get(notice.feed)
        if stream is not None and stream.order.edge == edge:
            stream.end()
        elif self._wanted.get(notice.feed) == edge:
            self._closed.add(notice.feed)

    # ------------------------------------------------------------------ what customers ask

    async def create(self, account: AccountSid, call: str, wanted: NewStream) -> StreamRecord:
        """When it returns the stream is on the disk and being begun.

        Raises NotFound, InvalidRequest 21220 for a call that is not in progress.
        """
        sid = FeedId(new_sid("MZ"))

        def write(conn: Connection) -> tuple[StreamRecord, CallRecord, AccountRecord]:
            record, owner = _own(conn, account, call), accounts.get(conn, account)
            if record.status is not CallStatus.IN_PROGRESS or owner is None:
                raise InvalidRequest("Call is not in-progress. Cannot stream.", code=NOT_IN_PROGRESS)
            return streams.add(conn, account, record.sid, sid, wanted.spec.name), record, owner

        made, record, owner = await self._db.write(write)
        if record.edge is not None:
            order = _order(EdgeId(record.edge), record, owner, sid, wanted.spec, answers=False)
            self._tasks.start(self._serve(self._made(order)), f"stream {sid}")
        return made

    async def stop(self, account: AccountSid, call: str, name: str) -> StreamRecord:
        """End one by its SID or name; one that is over stays so. Raises NotFound."""

        def write(conn: Connection) -> StreamRecord:
            found = streams.named(conn, _own(conn, account, call).sid, name)
            if found is None:
                raise NotFound(f"there is no stream {name}")
            return streams.stopped(conn, found.sid) or found

        record = await self._db.write(write)
        if (stream := self._live.get(FeedId(record.sid))) is not None:
            stream.end()
        return record

    # ------------------------------------------------------------------ one stream

    async def _answer(self, edge: EdgeId, notice: StreamWanted) -> None:
        try:
            order = await self._db.write(lambda conn: self._begin(conn, edge, notice))
            if order is None:
                self._feeds.refuse(edge, notice.call, notice.stream)
            else:
                await self._serve(self._made(order))
        finally:
            del self._wanted[notice.stream]
            self._closed.discard(notice.stream)

    def _begin(self, conn: Connection, edge: EdgeId, notice: StreamWanted) -> StreamOrder | None:
        """None for a call that is not this edge's, and for a stream that was served already."""
        record = call_steps.of_edge(conn, notice.call, edge)
        owner = None if record is None else accounts.get(conn, record.account)
        if record is None or owner is None or streams.get(conn, notice.stream) is not None:
            return None
        streams.add(conn, record.account, record.sid, notice.stream, notice.spec.name)
        return _order(edge, record, owner, notice.stream, notice.spec, answers=True)

    def _made(self, order: StreamOrder) -> Stream:
        """From now on it may be ended, whenever it begins."""
        stream = Stream(order, self._feeds, self._door, self._pace, lambda code, text: self._warn(order, code, text))
        self._live[order.stream] = stream
        if order.stream in self._closed:
            stream.end()
        return stream

    async def _serve(self, stream: Stream) -> None:
        order, began = stream.order, False
        try:
            self._check(stream)
            if began := await stream.open():
                await self._tell(order, "stream-started")
                await stream.serve()
        except StreamFailed as failure:
            await self._debugger.note(
                order.account, order.call, failure.code, f"<Stream>: {failure.text}", Hook(order.url)
            )
            await self._tell(order, "stream-error", f"{failure.code}: {failure.text}")
        finally:
            await stream.close()
            self._live.pop(order.stream, None)
        await self._tell(order, "stream-stopped" if began else "", over=True)

    def _check(self, stream: Stream) -> None:
        order = stream.order
        if not order.url:
            raise StreamFailed(BAD_URL, "the URL is not valid")
        of_call = [other for other in self._live.values() if other.order.call == order.call]
        if of_call.index(stream) >= MOST_OF_A_CALL:
            raise StreamFailed(UNKNOWN, f"the call has {MOST_OF_A_CALL} streams already")

    def _warn(self, order: StreamOrder, code: int, text: str) -> None:
        note = self._debugger.note(order.account, order.call, code, text, Hook(order.url), level="warning")
        self._tasks.start(note, f"note about {order.stream}")

    async def _tell(self, order: StreamOrder, event: str, error: str = "", *, over: bool = False) -> None:
        """Write down how it goes, and queue the status callback of an ``event`` with it."""
        spec, hook = order.spec, Hook(order.spec.status_callback, order.spec.status_callback_method)
        fields = params.stream_status(
            account=order.account,
            call=order.call,
            stream=order.stream,
            name=spec.name or order.stream,
            event=event,
            error=error,
            at=self._now(),
        )

        def write(conn: Connection) -> None:
            if over:
                streams.stopped(conn, order.stream)
            if hook.url and event:
                callbacks.add(conn, order.account, order.stream, hook, fields)

        try:
            await self._db.write(write)
        except Transient as failed:
            log.warning("stream %s: %s is not written down: %s", order.stream, event, failed)
        self._wake()

    def _end_the_old(self, conn: Connection) -> None:
        for record in streams.in_progress(conn, before=self._began):
            streams.stopped(conn, record.sid)


def _own(conn: Connection, account: AccountSid, call: str) -> CallRecord:
    record = calls.get(conn, call)
    if record is None or record.account != account:
        raise NotFound(f"there is no call {call}")
    return record


def _order(
    edge: EdgeId, call: CallRecord, owner: AccountRecord, stream: FeedId, spec: StreamSpec, *, answers: bool
) -> StreamOrder:
    """Its ``url`` is empty when no such URL can be asked."""
    try:
        url = canonical_socket(spec.url)
    except InvalidUrl:
        url = ""
    return StreamOrder(edge, CallSid(call.sid), owner.sid, owner.auth_token, stream, url, spec, answers)
