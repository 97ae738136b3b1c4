"""Calls: placed, offered, changed and ended. Each live call whose documents we fetch is one task (call_session.py)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime

from cloud.services.call_session import (
    SessionTools,
    Source,
    answered_now,
    first_source,
    wants_session,
)
from cloud.services.callbacks import Callbacks
from cloud.services.caps import CapKeeper
from cloud.services.dials import Dials
from cloud.services.live_tasks import LiveTasks
from cloud.services.placing import place
from cloud.services.requests import NewCall, UpdateCall, Warnings
from cloud.services.routing import Routing
from cloud.services.sessions import Sessions
from cloud.store import calls, erasing, notifications
from cloud.store.database import Connection, Database
from cloud.store.records import CallRecord
from cloud.tunnel import call_steps, recording_steps
from cloud.tunnel.heard import Told, utc_now
from telecore.commands import HangUp, LimitCall
from telecore.errors import InvalidRequest, NotFound
from telecore.events import AnswererDetected, CallAnswered, CallInitiated, CallOffered, Event
from telecore.ids import AccountSid, CallSid, EdgeId
from telecore.model import CallStatus, Direction
from telecore.notices import Do, LiveCall, PageEnded, PageFaulted, RouteWanted
from telecore.states import FINAL_CALL

NOT_IN_PROGRESS = 21220
_HANG_UP_S = 1.5
"""How long an update waits to hear that the call has ended, so that its answer can say so."""


class CallService:
    """``wake`` tells the tunnel that an edge's outbox has news."""

    def __init__(
        self,
        tools: SessionTools,
        routing: Routing,
        queue: Callbacks,
        dials: Dials,
        *,
        wake: Callable[[EdgeId], None],
        caps: CapKeeper,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._caps = caps
        self._tools = tools
        self._db: Database = tools.db
        self._routing = routing
        self._queue = queue
        self._dials = dials
        self._wake = wake
        self._now = now
        self._tasks = LiveTasks()
        self.sessions = Sessions(tools, self._tasks, now)
        self._ends: dict[CallSid, asyncio.Event] = {}
        self._placed: set[CallSid] = set()
        self.on_over: list[Callable[[CallRecord], None]] = []
        """Hear of calls that have ended, perhaps twice."""

    # ------------------------------------------------------------------ what customers ask

    async def create(self, account: AccountSid, wanted: NewCall) -> CallRecord:
        """When it returns the call and the command to its edge are on the disk.

        Raises InvalidRequest 21210 for a caller that is not the account's, 21216 for an emergency number; NoRoute;
        Refused 21215 and UsedUp by the account's caps.
        """

        def write(conn: Connection) -> tuple[CallRecord, EdgeId]:
            placed = place(conn, self._routing, account, wanted, caps=self._caps, now=self._now())
            _warn(conn, placed[0], wanted.warnings)
            return placed

        record, edge = await self._db.write(write)
        self._placed.add(record.sid)
        self._queue.wake()
        self._wake(edge)
        return record

    async def update(self, account: AccountSid, sid: str, wanted: UpdateCall) -> CallRecord:
        """Raises NotFound; InvalidRequest 21220 when the call is not in a state for it."""
        changes: dict[str, object] = {}
        if wanted.fallback is not None:
            changes["fallback"] = wanted.fallback
        if wanted.status_callback is not None:
            changes["status_callback"] = wanted.status_callback
        if wanted.time_limit_s is not None:
            changes["time_limit_s"] = wanted.time_limit_s

        def write(conn: Connection) -> CallRecord:
            record = _own(conn, account, sid)
            acts = wanted.status is not None or wanted.url is not None or wanted.twiml is not None
            if record.status in FINAL_CALL and (acts or wanted.time_limit_s is not None):
                raise InvalidRequest("Call is not in-progress. Cannot redirect.", code=NOT_IN_PROGRESS)
            _warn(conn, record, wanted.warnings)
            return calls.update(conn, sid, **changes) or record if changes else record

        record = await self._db.write(write)
        self.sessions.refresh(record)
        if wanted.time_limit_s is not None:
            self.sessions.tell(record, LimitCall(call=record.sid, time_limit_s=float(wanted.time_limit_s)))
        if wanted.status is not None:
            return await self._finish(record, wanted.status)
        if wanted.url or wanted.twiml:
            source = Source(wanted.url, wanted.method) if wanted.url else Source(twiml=wanted.twiml or "")
            return await self._redirect(record, source)
        return record

    async def written(self, sid: str) -> None:
        await self.sessions.written(sid)

    async def delete(self, account: AccountSid, sid: str) -> None:
        """Raises NotFound; InvalidRequest 20009 for a call that has not ended."""

        def write(conn: Connection) -> set[EdgeId]:
            if _own(conn, account, sid).status not in FINAL_CALL:
                raise InvalidRequest("A call cannot be deleted before it has ended", code=20009)
            return erasing.tell(conn, [erasing.call(conn, sid)])

        told = await self._db.write(write)
        self._db.erased = True
        for edge in told:
            self._wake(edge)

    async def _finish(self, record: CallRecord, status: CallStatus) -> CallRecord:
        """Hang up. What was answered is completed, what was not is canceled."""
        if record.answered_at is not None and status is CallStatus.CANCELED:
            raise InvalidRequest("A call in progress cannot be canceled; complete it", code=NOT_IN_PROGRESS)
        ended = self._ends.setdefault(record.sid, asyncio.Event())
        sent = self.sessions.tell(record, HangUp(call=record.sid))
        try:
            if sent and record.answered_at is not None:  # the edge knows best how long it lasted
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_HANG_UP_S):
                        await ended.wait()
        finally:
            self._ends.pop(record.sid, None)
        return await self._end(record.sid, 16, CallStatus.CANCELED if record.answered_at is None else None)

    async def _redirect(self, record: CallRecord, source: Source) -> CallRecord:
        """Interrupt a live call; an outbound one that is not answered yet will begin here."""
        session = self.sessions.of(record.sid)
        if session is not None:
            session.redirect(source)
        elif record.answered_at is not None:
            await self.sessions.begin(record, source)
        else:
            changes = {"url": source.url, "method": source.method, "twiml": source.twiml}
            return await self._db.write(lambda conn: calls.update(conn, record.sid, **changes)) or record
        return record

    def live(self) -> int:
        """How many calls have a session here, or will when they are answered."""
        self._placed.difference_update([sid for sid in self._placed if sid in self.sessions])
        return len(self.sessions) + len(self._placed)

    # ------------------------------------------------------------------ what edges tell

    def announced(self, edge: EdgeId, event: Event) -> None:
        """News of a live call, before it is written down: what cannot wait for the disk begins now."""
        if isinstance(event, CallOffered):
            self.sessions.offer(edge, event)
        session = self.sessions.of(event.call) if isinstance(event, CallAnswered) else None
        if session is not None and session.record.edge == edge:
            session.record = answered_now(session.record)

    def on_told(self, told: Told) -> None:
        """News from an edge, after its commit."""
        if told.call is not None:
            self._queue.wake()
            self.sessions.refresh(told.call)
        record, event = told.call, told.event
        if isinstance(event, CallInitiated) and record is None:
            self._tasks.start(self.sessions.heal(told.edge, LiveCall(event.call, event.channel, False, 0)), "late call")
        if record is None:
            return
        if record.status in FINAL_CALL:
            self._over(record)
            self._tasks.start(self._settle(record.sid), f"legs of {record.sid}")
        elif not told.history and _begins(event, record):
            self.sessions.start(record, first_source(record))
        elif isinstance(event, CallInitiated) and record.direction is Direction.OUTBOUND_API:
            self._placed.add(record.sid)

    def page_ended(self, edge: EdgeId, notice: PageEnded) -> None:
        """A page's outcome, perhaps told again, perhaps of a call that an earlier process of ours served."""
        self._tasks.start(self._settle(notice.call), f"legs of {notice.call}")
        self.sessions.page_ended(edge, notice)

    def page_faulted(self, edge: EdgeId, notice: PageFaulted) -> None:
        """Something of a page could not be done: its author is told."""
        self._tasks.start(self._fault(edge, notice), f"fault of {notice.call}")

    def route_wanted(self, edge: EdgeId, notice: RouteWanted) -> None:
        self._tasks.start(self._route(edge, notice), f"dial of {notice.call}")

    def heard(self, edge: EdgeId, live: LiveCall) -> None:
        """The edge says that this call lives: whatever we missed, or it did, is made good."""
        self.sessions.heard(edge, live)

    def lost(self, record: CallRecord) -> None:
        """Nobody has this call any more, unless somebody tells of it before its end is written."""
        self._tasks.start(self._end(record.sid, 41, as_found=record.status), f"end of {record.sid}")

    async def close(self) -> None:
        """Leave every call to itself; the edges run their pages on."""
        await self._tasks.close()

    # ------------------------------------------------------------------ how it is done

    async def _fault(self, edge: EdgeId, notice: PageFaulted) -> None:
        record = await self._of_edge(edge, notice.call)
        if record is not None:
            await self._tools.debugger.note(record.account, record.sid, notice.code, notice.text, level="warning")

    async def _route(self, edge: EdgeId, notice: RouteWanted) -> None:
        answer = await self._dials.route(edge, notice)
        if answer is not None:
            self._tools.send(edge, Do(answer))

    async def _settle(self, parent: CallSid) -> None:
        if await self._dials.settle(parent):
            self._queue.wake()

    async def _of_edge(self, edge: EdgeId, sid: CallSid) -> CallRecord | None:
        return await self._db.read(lambda conn: call_steps.of_edge(conn, sid, edge))

    def _over(self, record: CallRecord) -> None:
        self.sessions.over(record.sid)
        self._placed.discard(record.sid)
        if record.sid in self._ends:
            self._ends[record.sid].set()
        for hear in self.on_over:
            hear(record)

    async def _end(
        self, sid: CallSid, cause: int, status: CallStatus | None = None, *, as_found: CallStatus | None = None
    ) -> CallRecord:
        """End it here, unless it has ended; ``as_found``: or is not what it was. Raises NotFound."""

        def write(conn: Connection) -> CallRecord:
            record = calls.get(conn, sid)
            if record is None:
                raise NotFound(f"The call {sid} was not found")
            if as_found not in (None, record.status):
                return record
            after = call_steps.end(conn, record, self._now(), cause, status=status)
            recording_steps.over(conn, sid, self._tools.recording_url)
            return after or record

        record = await self._db.write(write)
        self._queue.wake()
        self.sessions.refresh(record)
        if record.status in FINAL_CALL:
            self._over(record)
        return record


def _begins(event: Event, record: CallRecord) -> bool:
    """Whether the first document is to be fetched now: when a call is offered, and when one we placed is answered."""
    if isinstance(event, CallOffered):
        return record.page == 0
    placed = record.direction is not Direction.INBOUND and record.page == 0
    ready = isinstance(event, CallAnswered | AnswererDetected)
    return ready and placed and wants_session(record, answered=record.answered_at is not None)


def _warn(conn: Connection, record: CallRecord, warnings: Warnings) -> None:
    for code, text in warnings:
        notifications.add(conn, record.account, record.sid, code, text, level="warning")


def _own(conn: Connection, account: AccountSid, sid: str) -> CallRecord:
    record = calls.get(conn, sid)
    if record is None or record.account != account:
        raise NotFound(f"The call {sid} was not found")
    return record
