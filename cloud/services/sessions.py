"""Which live calls have a session: begun when a call begins, and begun anew when a restart or a cut line took it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from cloud.services.call_session import (
    CallSession,
    SessionTools,
    Source,
    answered_now,
    first_source,
    wants_session,
)
from cloud.services.live_tasks import LiveTasks
from cloud.store import accounts, calls, edges
from cloud.store.database import Connection
from cloud.store.records import AccountRecord, CallRecord
from cloud.tunnel import call_steps, channel_steps
from cloud.tunnel.message_steps import owner_of
from telecore.commands import Command, HangUp
from telecore.events import CallOffered
from telecore.ids import CallSid, EdgeId
from telecore.model import CallStatus
from telecore.notices import Do, LiveCall, PageEnded
from telecore.states import FINAL_CALL

log = logging.getLogger(__name__)

_WRITTEN_WITHIN_S, _LOOK_EVERY_S = 3.0, 0.02
_ENDS_WITHIN_S = 5.0
"""After its last page: how long a call is waited for that does not end."""

REFUSED = Source(twiml="<Response><Reject/></Response>")
"""For calls to an account that is suspended or closed."""


class _Beginning:
    """A session that is being made. ``over``: its call has ended meanwhile."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.over = False


class Sessions:
    """At most one for each call, however its beginning is told: announced, by the street, by a heartbeat."""

    def __init__(self, tools: SessionTools, tasks: LiveTasks, now: Callable[[], datetime]) -> None:
        self._tools = tools
        self._tasks = tasks
        self._now = now
        self._live: dict[CallSid, CallSession] = {}
        self._beginning: dict[CallSid, _Beginning] = {}
        self._ending: dict[CallSid, float] = {}

    def __len__(self) -> int:
        """How many calls are served, or will be at once, or have run their last page and not ended yet."""
        self._give_up_ending()
        return len(self._live.keys() | self._beginning.keys() | self._ending.keys())

    def __contains__(self, sid: object) -> bool:
        return sid in self._live or sid in self._beginning

    def of(self, sid: CallSid) -> CallSession | None:
        """The session of this call, if it has one."""
        return self._live.get(sid)

    def over(self, sid: CallSid) -> None:
        """The call has ended. It may be told twice."""
        self._ending.pop(sid, None)
        if sid in self._beginning:
            self._beginning[sid].over = True
        session = self._live.get(sid)
        if session is not None:
            session.end()

    def unwritten(self, sid: CallSid) -> bool:
        """Whether it was announced and is served here, and its row is not known to be there."""
        session = self._live.get(sid)
        return session is not None and not session.record.id

    async def written(self, sid: str) -> None:
        """Return once the row of a call that was announced is there, or after a while all the same.

        Its application is asked while the row is written, and may ask about the call at once.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(_WRITTEN_WITHIN_S):
                while self.unwritten(CallSid(sid)):
                    if await self._tools.db.read(lambda conn: calls.get(conn, sid)) is not None:
                        return
                    await asyncio.sleep(_LOOK_EVERY_S)

    def offer(self, edge: EdgeId, event: CallOffered) -> None:
        """Begin a call whose row is being written meanwhile."""
        if event.call not in self:
            beginning = self._beginning[event.call] = _Beginning()
            self._tasks.start(self._take_offer(edge, event, beginning), f"offer of {event.call}")

    def start(self, record: CallRecord, source: Source) -> None:
        """Begin here, unless it has begun."""
        if record.sid not in self:
            beginning = self._beginning[record.sid] = _Beginning()
            self._tasks.start(self._make(record, source, beginning), f"start of {record.sid}")

    async def begin(self, record: CallRecord, source: Source | None) -> CallSession | None:
        """The session of this call, made now if there is none; None for a call that is over or without an account."""
        while record.sid in self._beginning:
            await self._beginning[record.sid].done.wait()
        if record.sid in self._live:
            return self._live[record.sid]
        beginning = self._beginning[record.sid] = _Beginning()
        return await self._make(record, source, beginning)

    def refresh(self, record: CallRecord) -> None:
        """The call as its row is now, which may be behind what was announced."""
        session = self._live.get(record.sid)
        if session is not None:
            answered = session.record.status is CallStatus.IN_PROGRESS
            session.record = answered_now(record) if answered else record

    def page_ended(self, edge: EdgeId, notice: PageEnded) -> None:
        """A page's outcome, perhaps told again, perhaps of a call that an earlier process of ours served."""
        session = self._live.get(notice.call)
        if session is None or session.over:  # one that is over looks for no outcome any more
            self._tasks.start(self._resume(edge, notice), f"resuming {notice.call}")
        elif session.record.edge == edge:
            session.page_ended(notice)

    def on_link(self, edge: EdgeId, up: bool) -> None:
        """An edge came or went: what its calls were sent last may not have arrived."""
        if not up:
            for session in self._live.values():
                if session.record.edge == edge:
                    session.line_cut()

    def heard(self, edge: EdgeId, live: LiveCall) -> None:
        """The edge says that this call lives: what either of us has missed is made good."""
        session = self._live.get(live.call)
        if session is None:
            if live.call not in self._beginning:
                self._tasks.start(self.heal(edge, live), f"healing {live.call}")
        elif session.record.edge != edge:
            return
        elif session.record.status in FINAL_CALL:
            self.tell(session.record, HangUp(call=live.call))
        else:
            session.heard(live.page)

    def tell(self, record: CallRecord, command: Command) -> bool:
        """Send the call's edge a command at once; False when it is not on the line."""
        return record.edge is not None and self._tools.send(record.edge, Do(command))

    async def heal(self, edge: EdgeId, live: LiveCall) -> None:
        """Begin anew what has no session and should; hang up what is over here."""
        record = await self._of_edge(edge, live.call)
        if record is None:
            return
        if record.status in FINAL_CALL:
            log.info("%s is over here but lives at edge %s: hung up", live.call, edge)
            self.tell(record, HangUp(call=live.call))
            return
        if live.answered:
            record = answered_now(record)
        if live.page and live.page >= record.page:  # what it runs may be newer than what we wrote down
            await self.begin(replace(record, page=live.page), None)
        elif wants_session(record, answered=live.answered):
            await self.begin(record, first_source(record))

    async def _make(self, record: CallRecord, source: Source | None, beginning: _Beginning) -> CallSession | None:
        try:
            found = await self._tools.db.read(lambda conn: _served(conn, record, source))
            return None if found is None or beginning.over else self._launch(record, *found)
        finally:
            self._beginning.pop(record.sid).done.set()

    async def _take_offer(self, edge: EdgeId, event: CallOffered, beginning: _Beginning) -> None:
        try:
            found = await self._tools.db.read(lambda conn: self._offered(conn, edge, event))
            if found is not None and not beginning.over:
                self._launch(*found)
        finally:
            self._beginning.pop(event.call).done.set()

    def _offered(
        self, conn: Connection, edge: EdgeId, event: CallOffered
    ) -> tuple[CallRecord, AccountRecord, Source | None] | None:
        """The call as its row is or will be, unless it is none of the edge's or over already."""
        known, record = edges.get(conn, edge), calls.get(conn, event.call)
        if known is None or owner_of(event.channel) != edge:
            return None
        if record is None:
            number = channel_steps.number_of(conn, known, event.called, event.channel)
            record = call_steps.offered(known, event, number, event.at, self._now())
        if record.edge != edge or record.page or record.status in FINAL_CALL:
            return None
        served = _served(conn, record, first_source(record))
        return (record, *served) if served else None

    def _launch(self, record: CallRecord, account: AccountRecord, source: Source | None) -> CallSession:
        session = CallSession(self._tools, record, account)
        self._live[record.sid] = session
        task = self._tasks.start(session.run(source), f"call {record.sid}")
        task.add_done_callback(lambda _: self._served_out(session))
        return session

    def _served_out(self, session: CallSession) -> None:
        self._live.pop(session.record.sid, None)
        if not session.over:
            self._give_up_ending()
            self._ending[session.record.sid] = self._tools.now() + _ENDS_WITHIN_S

    def _give_up_ending(self) -> None:
        self._ending = {sid: until for sid, until in self._ending.items() if until > self._tools.now()}

    async def _resume(self, edge: EdgeId, notice: PageEnded) -> None:
        """Go on with a call from what its row says."""
        record = await self._of_edge(edge, notice.call)
        if record is None or notice.page < record.page:
            return
        record = replace(record, page=notice.page)
        session = await self.begin(record, None)
        if session is not None and not session.over:
            session.page_ended(notice)
        else:
            await self._farewell(record, notice)

    async def _farewell(self, record: CallRecord, notice: PageEnded) -> None:
        """The last request of a call that is over."""
        found = await self._tools.db.read(
            lambda conn: (calls.get(conn, record.sid), accounts.get(conn, record.account))
        )
        now, account = found
        if now is None or account is None:
            return
        record = replace(now, page=notice.page)
        session = CallSession(self._tools, record, account)
        source = session.onward(notice.outcome)
        if source is not None:
            await session.farewell(source)

    async def _of_edge(self, edge: EdgeId, sid: CallSid) -> CallRecord | None:
        return await self._tools.db.read(lambda conn: call_steps.of_edge(conn, sid, edge))


def _served(conn: Connection, record: CallRecord, source: Source | None) -> tuple[AccountRecord, Source | None] | None:
    """The call's account, and where the call begins: one that is not active has its calls refused. None: it is over."""
    account, now = accounts.get(conn, record.account), calls.get(conn, record.sid)
    if account is None or (now is not None and now.status in FINAL_CALL):
        return None
    refused = source is not None and not accounts.is_active(conn, account)
    return account, REFUSED if refused else source
