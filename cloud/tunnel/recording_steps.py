"""Steps in the life of a recording: begun, paused, made or dropped, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from cloud.store import callbacks, conferences, recordings, transcriptions
from cloud.store.database import Connection
from cloud.store.records import CallRecord, Hook, RecordingRecord
from telecore.events import RecordingBegan, RecordingChanged, RecordingDropped, RecordingEvent, RecordingMade
from telecore.ids import CallSid, RecordingSid, Sha256, is_sid
from telecore.twiml import params

Wish = tuple[Hook, tuple[str, ...]]
Url = Callable[[str, str], str]
"""Where customers find a recording, by account and SID."""

RUNNING = ("in-progress", "paused")
UNFINISHED = (*RUNNING, "stopped")
STEPS: Mapping[str, frozenset[str]] = {
    "in-progress": frozenset({"paused", "stopped", "processing", "absent"}),
    "paused": frozenset({"in-progress", "stopped", "processing", "absent"}),
    "stopped": frozenset({"processing", "absent"}),
    "processing": frozenset({"completed", "absent"}),
    "absent": frozenset({"processing"}),
}
"""``absent`` leads back: sound that was given up with its call may be told of late."""


def begun(
    sid: RecordingSid,
    call: CallRecord,
    wish: Wish,
    at: datetime,
    *,
    source: str,
    channels: int,
    track: str = "both",
    conference: str | None = None,
) -> RecordingRecord:
    """The row of a recording that has no sound yet."""
    return RecordingRecord(
        sid=sid,
        account=call.account,
        call=call.sid,
        sha256=Sha256(""),
        size=0,
        duration_s=0.0,
        channels=channels,
        source=source,
        status="in-progress",
        created_at=at,
        updated_at=at,
        status_callback=wish[0],
        status_callback_events=wish[1],
        track=track,
        conference=conference,
    )


def began(conn: Connection, call: CallRecord, event: RecordingBegan, wish: Wish, *, at: datetime, url: Url) -> None:
    """It is being made; whoever asked the cloud for it finds its row there already."""
    record = recordings.get(conn, event.sid)
    if record is None and is_sid(event.sid, "RE"):
        tell(conn, _insert(conn, call, event, wish, at), url)
    elif record is not None and record.call == call.sid and record.status == "in-progress" and not record.size:
        tell(conn, recordings.update(conn, record.sid, created_at=at), url)


def changed(conn: Connection, call: CallRecord, event: RecordingChanged) -> RecordingRecord | None:
    """It was paused, goes on, or was stopped."""
    return _step(conn, call, event.sid, event.status) if event.status in UNFINISHED else None


def dropped(conn: Connection, call: CallRecord, event: RecordingDropped, wish: Wish, *, at: datetime, url: Url) -> None:
    """Nothing came of it."""
    record = recordings.get(conn, event.sid)
    if record is None and is_sid(event.sid, "RE"):
        record = _insert(conn, call, event, wish, at)
    if record is not None:
        tell(conn, _step(conn, call, record.sid, "absent"), url)


def made(
    conn: Connection, call: CallRecord, event: RecordingMade, wish: Wish, *, at: datetime, now: datetime
) -> RecordingRecord | None:
    """Its row, until its bytes are here; None for a SID that is none or whose sound is known."""
    recording = event.recording
    known = recordings.get(conn, recording.sid)
    facts = {
        "sha256": recording.sha256,
        "size": recording.size,
        "duration_s": recording.duration_s,
        "channels": recording.channels,
    }
    if known is None and is_sid(recording.sid, "RE"):
        known = _insert(conn, call, event, wish, at - timedelta(seconds=recording.duration_s))
    if known is None or known.size:
        return None
    record = _step(conn, call, recording.sid, "processing", updated_at=now, **facts)
    if record is not None and event.transcribe:
        transcriptions.begin(conn, record, Hook(event.transcribe_callback))
    return record


def over(conn: Connection, call: CallSid, url: Url) -> None:
    """The call has ended: what was told to be recorded and of which nothing came will not come. A room may go on."""
    for record in recordings.by_call(conn, call):
        if record.status in UNFINISHED and record.conference is None:
            tell(conn, recordings.update(conn, record.sid, status="absent"), url)


def give_up(conn: Connection, before: datetime, url: Url) -> None:
    """What nobody can finish any more: its edge has died, or forgot it with its calls."""
    for record in recordings.abandoned(conn, UNFINISHED, before):
        tell(conn, recordings.update(conn, record.sid, status="absent"), url)


def _insert(
    conn: Connection,
    call: CallRecord,
    event: RecordingBegan | RecordingDropped | RecordingMade,
    wish: Wish,
    at: datetime,
) -> RecordingRecord:
    """The row of which the edge speaks first."""
    about = event.recording if isinstance(event, RecordingMade) else event
    row = begun(
        about.sid,
        call,
        wish,
        at,
        source=event.source,
        channels=about.channels,
        track=event.track,
        conference=_conference(conn, call, event.conference),
    )
    return recordings.insert(conn, row)


def _conference(conn: Connection, call: CallRecord, sid: str) -> str | None:
    """The conference whose sound it is, if it is the account's."""
    found = conferences.get(conn, sid) if sid else None
    return sid if found is not None and found.account == call.account else None


def whole(conn: Connection, call: CallSid, url: Url) -> dict[str, str]:
    """What is said of the recording from answer to end, which the edge tells of before the end."""
    for record in recordings.by_call(conn, call):
        if record.source == "OutboundAPI" and record.size:
            return params.of_recording(record.sid, url(record.account, record.sid), record.duration_s)
    return {}


def tell(conn: Connection, record: RecordingRecord | None, url: Url) -> None:
    """Call back how it stands, if that is wished."""
    if record is None or not record.status_callback.url or record.status not in record.status_callback_events:
        return
    callbacks.add(conn, record.account, record.call, record.status_callback, fields(record, url))


def fields(record: RecordingRecord, url: Url) -> dict[str, str]:
    """What is told of a recording as it stands."""
    return params.recording_status(
        account=record.account,
        call=record.call,
        recording=record.sid,
        url=url(record.account, record.sid),
        status=record.status,
        duration_s=record.duration_s,
        channels=record.channels,
        started_at=record.created_at,
        source=record.source,
        track=record.track,
        conference=record.conference,
    )


def wish_of(event: RecordingEvent, call: CallRecord) -> Wish:
    """Where a recording is told, and of what: as the verb said, or whoever made the call."""
    if event.source == "OutboundAPI":
        return call.recording_callback, call.recording_callback_events
    return Hook(event.status_callback, event.status_callback_method), event.status_callback_events


def _step(
    conn: Connection, call: CallRecord, sid: RecordingSid, status: str, **changes: object
) -> RecordingRecord | None:
    """Take the step; None when the table does not allow it, or for another call's."""
    record = recordings.get(conn, sid)
    if record is None or record.call != call.sid or status not in STEPS.get(record.status, frozenset()):
        return None
    return recordings.update(conn, sid, status=status, **changes)
