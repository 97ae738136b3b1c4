"""Recordings of live calls, begun, paused and stopped by the API; done by the edge, which says so."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime

from cloud.services.requests import ChangeRecording, NewRecording
from cloud.store import calls, recordings
from cloud.store.database import Connection, Database
from cloud.store.records import CallRecord, RecordingRecord
from cloud.tunnel import recording_steps
from cloud.tunnel.heard import Told, utc_now
from cloud.tunnel.recording_steps import RUNNING
from telecore.commands import Command, ControlRecording, RecordCall
from telecore.errors import InvalidRequest, NotFound, TunnelDown
from telecore.events import RecordingChanged
from telecore.ids import AccountSid, EdgeId, RecordingSid, new_sid
from telecore.model import CallStatus
from telecore.notices import Do, Notice

NOT_ELIGIBLE = 21220
CURRENT = "Twilio.CURRENT"
"""Instead of a SID: the one recording of the call that runs or is paused."""
MOST = 8
"""Recordings of one call at a time."""
CHANGED_S = 4.0


class CallRecordings:
    """``send`` is False when the edge is not on the line."""

    def __init__(
        self,
        db: Database,
        send: Callable[[EdgeId, Notice], bool],
        *,
        now: Callable[[], datetime] = utc_now,
        changed_s: float = CHANGED_S,
    ) -> None:
        self._db = db
        self._send = send
        self._now = now
        self._changed_s = changed_s
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def on_told(self, told: Told) -> None:
        """An edge says how a recording stands."""
        if isinstance(told.event, RecordingChanged):
            task = asyncio.ensure_future(self._spread())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def start(self, account: AccountSid, call: str, wanted: NewRecording) -> RecordingRecord:
        """Its row, on the disk; the edge is told to record. One that it never begins is absent when the call ends.

        Raises NotFound, InvalidRequest 21220 for a call that nobody speaks on, TunnelDown.
        """
        sid = RecordingSid(new_sid("RE"))
        record, edge = await self._db.write(lambda conn: self._insert(conn, account, call, sid, wanted))
        channels, track = record.channels, record.track
        command = RecordCall(call=record.call, recording=sid, channels=channels, track=track, trim=wanted.trim_silence)
        if not self._send(edge, Do(command)):
            await self._db.write(lambda conn: recordings.delete(conn, sid))
            raise TunnelDown("the call's site is not connected: nothing is recorded")
        return record

    async def change(self, account: AccountSid, call: str, sid: str, wanted: ChangeRecording) -> RecordingRecord:
        """The recording, once the edge says that it is so.

        Raises NotFound, InvalidRequest 21220 for one that does not run, HTTP 408 when the edge says nothing.
        """
        record, edge = await self._db.read(lambda conn: self._running(conn, account, call, sid, wanted.status))
        if record.status == wanted.status and wanted.status != "paused":
            return record
        command = ControlRecording(
            call=record.call, recording=record.sid, status=wanted.status, silence=wanted.pause_silence
        )
        return await self._changed(record.sid, wanted.status, edge, command)

    async def _changed(self, sid: RecordingSid, status: str, edge: EdgeId, command: Command) -> RecordingRecord:
        if not self._send(edge, Do(command)):
            raise TunnelDown("the call's site is not connected: the recording goes on as it was")
        after = ("stopped", "processing", "completed", "absent") if status == "stopped" else (status,)
        found: RecordingRecord | None = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._changed_s), self._news:
                while True:
                    found = await self._db.read(lambda conn: recordings.get(conn, sid))
                    if found is None or found.status in after:
                        break
                    await self._news.wait()
        if found is None:
            raise NotFound(f"The recording {sid} was not found")
        if found.status not in after:
            message = "The call's site did not say in time that the recording is changed"
            raise InvalidRequest(message, code=20503, status=408)
        return found

    async def _spread(self) -> None:
        async with self._news:
            self._news.notify_all()

    def _insert(
        self, conn: Connection, account: AccountSid, sid: str, recording: RecordingSid, wanted: NewRecording
    ) -> tuple[RecordingRecord, EdgeId]:
        call = _own(conn, account, sid)
        if call.status is not CallStatus.IN_PROGRESS or call.edge is None:
            raise InvalidRequest("The call is not in progress: there is nothing to record", code=NOT_ELIGIBLE)
        if sum(record.status in RUNNING for record in recordings.by_call(conn, call.sid)) >= MOST:
            raise InvalidRequest(f"The call has {MOST} recordings that run already", code=NOT_ELIGIBLE)
        record = recording_steps.begun(
            recording,
            call,
            (wanted.callback, wanted.callback_events),
            self._now(),
            source="StartCallRecordingAPI",
            channels=wanted.channels,
            track=wanted.track,
        )
        return recordings.insert(conn, record), call.edge

    def _running(
        self, conn: Connection, account: AccountSid, call_sid: str, sid: str, status: str
    ) -> tuple[RecordingRecord, EdgeId]:
        call = _own(conn, account, call_sid)
        mine = recordings.by_call(conn, call.sid)
        found = [record for record in mine if sid in (record.sid, CURRENT)]
        if sid == CURRENT:
            found = [record for record in found if record.status in RUNNING and _can_change(record)]
        if not found:
            raise NotFound(f"The recording {sid[:40]} was not found")
        if len(found) > 1:
            raise InvalidRequest("Several recordings run: name one by its SID", field="Sid", code=NOT_ELIGIBLE)
        record = found[0]
        fits = _can_change(record) and (record.status in RUNNING or record.status == status == "stopped")
        if not fits or call.edge is None:
            raise InvalidRequest(f"The recording is {record.status} and cannot be changed", code=NOT_ELIGIBLE)
        return record, call.edge


def _can_change(record: RecordingRecord) -> bool:
    """A verb that waits for its recording ends it by itself, and a conference's is the conference's."""
    return record.source != "RecordVerb" and record.conference is None


def _own(conn: Connection, account: AccountSid, sid: str) -> CallRecord:
    call = calls.get(conn, sid)
    if call is None or call.account != account:
        raise NotFound(f"The call {sid[:40]} was not found")
    return call
