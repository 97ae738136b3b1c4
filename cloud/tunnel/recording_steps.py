"""Steps in the life of a recording: begun, made or dropped, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from cloud.store import callbacks, conferences, recordings, transcriptions
from cloud.store.database import Connection
from cloud.store.records import CallRecord, Hook, RecordingRecord
from telecore.events import RecordingBegan, RecordingDropped, RecordingMade
from telecore.ids import CallSid, is_sid
from telecore.twiml import params

Wish = tuple[Hook, tuple[str, ...]]
Url = Callable[[str, str], str]
"""Where customers find a recording, by account and SID."""


def made(
    conn: Connection, call: CallRecord, event: RecordingMade, wish: Wish, *, at: datetime, now: datetime
) -> RecordingRecord | None:
    """Its row, until its bytes are here; None for a SID that is none or is known."""
    recording = event.recording
    if not is_sid(recording.sid, "RE") or recordings.get(conn, recording.sid) is not None:
        return None
    record = RecordingRecord(
        sid=recording.sid,
        account=call.account,
        call=call.sid,
        sha256=recording.sha256,
        size=recording.size,
        duration_s=recording.duration_s,
        channels=recording.channels,
        source=event.source,
        status="processing",
        created_at=at - timedelta(seconds=recording.duration_s),
        updated_at=now,
        status_callback=wish[0],
        status_callback_events=wish[1],
        conference=_conference(conn, call, event.conference),
    )
    made = recordings.insert(conn, record)
    if event.transcribe:
        transcriptions.begin(conn, made, Hook(event.transcribe_callback))
    return made


def tell(
    conn: Connection,
    call: CallRecord,
    event: RecordingBegan | RecordingDropped,
    wish: Wish,
    *,
    at: datetime,
    url: Url,
) -> None:
    """Call back that it was begun, or that nothing of it was worth keeping, if that is wished."""
    hook, events = wish
    status = "in-progress" if isinstance(event, RecordingBegan) else "absent"
    if not hook.url or status not in events or not is_sid(event.sid, "RE"):
        return
    fields = params.recording_status(
        account=call.account,
        call=call.sid,
        recording=event.sid,
        url=url(call.account, event.sid),
        status=status,
        duration_s=0.0,
        channels=event.channels,
        started_at=at,
        source=event.source,
        conference=_conference(conn, call, event.conference),
    )
    callbacks.add(conn, call.account, call.sid, hook, fields)


def _conference(conn: Connection, call: CallRecord, sid: str) -> str | None:
    """The conference whose sound it is, if it is the account's."""
    found = conferences.get(conn, sid) if sid else None
    return sid if found is not None and found.account == call.account else None


def whole(conn: Connection, call: CallSid, url: Url) -> dict[str, str]:
    """What is said of the recording from answer to end, which the edge tells of before the end."""
    for record in recordings.by_call(conn, call):
        if record.source == "OutboundAPI":
            return params.of_recording(record.sid, url(record.account, record.sid), record.duration_s)
    return {}
