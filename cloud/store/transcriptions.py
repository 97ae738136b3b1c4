"""Transcriptions of recordings."""

from __future__ import annotations

from sqlalchemy import Connection, select

from cloud.store import keyset, tables
from cloud.store.records import Cursor, Hook, PageOf, RecordingRecord, TranscriptionRecord
from cloud.store.rows import from_row, now
from cloud.store.schema import transcriptions
from telecore.ids import new_sid

IN_PROGRESS = "in-progress"


def begin(conn: Connection, recording: RecordingRecord, callback: Hook) -> TranscriptionRecord:
    """One is wished of this recording."""
    made = now()
    record = TranscriptionRecord(
        sid=new_sid("TR"),
        account=recording.account,
        call=recording.call,
        recording=recording.sid,
        status=IN_PROGRESS,
        duration_s=recording.duration_s,
        created_at=made,
        updated_at=made,
        callback=callback,
    )
    return tables.add(conn, transcriptions, record)


def get(conn: Connection, sid: str) -> TranscriptionRecord | None:
    return tables.find(conn, transcriptions, TranscriptionRecord, sid=sid)


def in_progress(conn: Connection, limit: int = 100) -> list[TranscriptionRecord]:
    """Oldest first."""
    asked = select(transcriptions).where(transcriptions.c.status == IN_PROGRESS).order_by(transcriptions.c.id)
    return [from_row(TranscriptionRecord, row) for row in conn.execute(asked.limit(limit)).mappings()]


def update(conn: Connection, sid: str, **changes: object) -> TranscriptionRecord | None:
    """Set fields by name; the record as it is now."""
    return tables.change(conn, transcriptions, TranscriptionRecord, sid, changes)


def delete(conn: Connection, sid: str) -> bool:
    return tables.remove(conn, transcriptions, sid)


def list_(conn: Connection, account: str, recording: str | None, cursor: Cursor) -> PageOf[TranscriptionRecord]:
    where = [transcriptions.c.account == account]
    if recording is not None:
        where.append(transcriptions.c.recording == recording)
    return keyset.page(conn, transcriptions, TranscriptionRecord, where, cursor)
