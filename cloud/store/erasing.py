"""What is deleted is gone: with a message or a call go all copies of what it said and who said it.

Its events keep their ids, which tell repetitions apart; what they told is blanked. Callbacks that are still to be made
are made, and leave nothing behind. ``Database.scrub`` then empties SQLite's log, where deleted pages stand for a while.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update

from cloud.store import calls, messages, recordings, transcriptions, webhook_log
from cloud.store.schema import callbacks, events, notifications, participants, queue_members, streams, validations
from cloud.store.schema import transcriptions as transcription_rows
from telecore import redact as hidden
from telecore.ids import is_sid
from telecore.model import Direction


def message(conn: Connection, sid: str) -> None:
    """The message, and everything that is about it."""
    messages.delete(conn, sid)
    told(conn, sid)
    noted(conn, sid)


def redact(conn: Connection, sid: str) -> None:
    """What it said, and all of the other party's number but its beginning. That it was stays."""
    record = messages.get(conn, sid)
    if record is None:
        return
    theirs = "sender" if record.direction is Direction.INBOUND else "recipient"
    changes: dict[str, object] = {theirs: hidden.beginning(getattr(record, theirs))}
    messages.update(conn, sid, body="", secret_body=None, **changes)
    told(conn, sid)
    noted(conn, sid)


def is_erased(conn: Connection, sid: str, body: str) -> bool:
    """Whether this call or message was deleted, or the message, which said ``body``, redacted."""
    if is_sid(sid, "CA"):
        return calls.get(conn, sid) is None
    if is_sid(sid, "SM") or is_sid(sid, "MM"):
        record = messages.get(conn, sid)
        return record is None or (not record.body and bool(body))
    return False


def call(conn: Connection, sid: str) -> None:
    """The call, and everything that is about it but its recordings."""
    calls.delete(conn, sid)
    told(conn, sid)
    noted(conn, sid)
    for stream in conn.execute(select(streams.c.sid).where(streams.c.call == sid)).scalars().all():
        told(conn, stream)
    for table in (participants, queue_members, streams, validations):
        conn.execute(delete(table).where(table.c.call == sid))


def recording(conn: Connection, sid: str) -> None:
    """The row, and what was told of it; its sound lies in a file."""
    recordings.delete(conn, sid)
    told(conn, sid)
    noted(conn, sid)


def words(conn: Connection, sid: str) -> None:
    """What was understood of this recording."""
    of_it = select(transcription_rows.c.sid).where(transcription_rows.c.recording == sid)
    for one in conn.execute(of_it).scalars().all():
        transcriptions.delete(conn, one)
        told(conn, one)
        noted(conn, one)


def noted(conn: Connection, sid: str) -> None:
    conn.execute(delete(notifications).where(notifications.c.subject == sid))


def told(conn: Connection, sid: str) -> None:
    """Copies of what was said: in events, in the log of webhooks, in callbacks that were given up."""
    webhook_log.forget(conn, sid)
    conn.execute(update(events).where(events.c.subject == sid).values(payload={}))
    conn.execute(delete(callbacks).where(callbacks.c.subject == sid, callbacks.c.pending.is_(False)))
