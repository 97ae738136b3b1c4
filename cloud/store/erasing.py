"""What is deleted is gone: with a message or a call go all copies of what it said and who said it.

Its events keep their ids, which tell repetitions apart; what they told is blanked. Callbacks that are still to be made
are made, and leave nothing behind. ``Database.scrub`` then empties SQLite's log, where deleted pages stand for a while.

The edge that has it too is told by ``tell``, in the same transaction and by a command, so it hears of it when it comes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from cloud.store import calls, messages, outbox, recordings, tables, transcriptions, webhook_log
from cloud.store.records import MessageRecord
from cloud.store.rows import now
from cloud.store.schema import callbacks, events, notifications, participants, queue_members, streams, validations
from cloud.store.schema import transcriptions as transcription_rows
from telecore import redact as hidden
from telecore.commands import Erase
from telecore.events import RecordingEvent, RecordingMade
from telecore.ids import EdgeId, MessageSid, Sha256, is_sid
from telecore.model import Direction

EDGE_KEEPS = timedelta(days=8)
"""What changed longer ago an edge has forgotten by itself (a week, and a day for its tidying), but for sound."""


@dataclass(frozen=True, slots=True)
class Gone:
    """What an edge may still have of something that was deleted. ``redacted``: of a message its words only."""

    edge: EdgeId
    sid: str
    sound: Sha256 | None = None
    redacted: bool = False


def tell(conn: Connection, gone: Iterable[Gone | None]) -> set[EdgeId]:
    """Have the edges delete it too, one command each; whom to wake after the commit."""
    by_edge: dict[EdgeId, list[Gone]] = {}
    for one in gone:
        if one is not None:
            by_edge.setdefault(one.edge, []).append(one)
    for edge, theirs in by_edge.items():
        command = Erase(
            subjects=tuple(one.sid for one in theirs if not one.redacted),
            redacted=tuple(MessageSid(one.sid) for one in theirs if one.redacted),
            sounds=tuple(dict.fromkeys(one.sound for one in theirs if one.sound)),
        )
        outbox.append(conn, edge, command)
    return set(by_edge)


def came_late(conn: Connection, edge: EdgeId, event: RecordingEvent) -> bool:
    """Whether this tells of a recording that was deleted, or whose call was; if so its sound goes at the edge."""
    sid = event.recording.sid if isinstance(event, RecordingMade) else str(getattr(event, "sid", ""))
    if not tables.is_buried(conn, sid) and not (
        calls.get(conn, event.call) is None and tables.is_buried(conn, event.call)
    ):
        return False
    conn.execute(update(events).where(events.c.event == event.id).values(payload={}))
    if isinstance(event, RecordingMade):
        tell(conn, [Gone(edge, sid, _unshared(conn, event.recording.sha256))])
    return True


def message(conn: Connection, sid: str) -> Gone | None:
    """The message, and everything that is about it."""
    record = messages.get(conn, sid)
    messages.delete(conn, sid)
    told(conn, sid)
    noted(conn, sid)
    return at_edge(record) if record is not None else None


def at_edge(record: MessageRecord, *, redacted: bool = False) -> Gone | None:
    """What its edge has of it."""
    edge = (record.channel or "").partition("/")[0]
    if not edge or _forgotten(record.updated_at):
        return None
    return Gone(EdgeId(edge), record.sid, redacted=redacted)


def redact(conn: Connection, sid: str) -> Gone | None:
    """What it said, and all of the other party's number but its beginning. That it was stays."""
    record = messages.get(conn, sid)
    if record is None:
        return None
    theirs = "sender" if record.direction is Direction.INBOUND else "recipient"
    changes: dict[str, object] = {theirs: hidden.beginning(getattr(record, theirs))}
    messages.update(conn, sid, body="", secret_body=None, **changes)
    told(conn, sid)
    noted(conn, sid)
    return at_edge(record, redacted=True)


def is_erased(conn: Connection, sid: str, body: str) -> bool:
    """Whether this call or message was deleted, or the message, which said ``body``, redacted."""
    if is_sid(sid, "CA"):
        return calls.get(conn, sid) is None
    if is_sid(sid, "SM") or is_sid(sid, "MM"):
        record = messages.get(conn, sid)
        return record is None or (not record.body and bool(body))
    return False


def call(conn: Connection, sid: str) -> Gone | None:
    """The call, and everything that is about it but its recordings."""
    record = calls.get(conn, sid)
    calls.delete(conn, sid)
    told(conn, sid)
    noted(conn, sid)
    for stream in conn.execute(select(streams.c.sid).where(streams.c.call == sid)).scalars().all():
        told(conn, stream)
    for table in (participants, queue_members, streams, validations):
        conn.execute(delete(table).where(table.c.call == sid))
    if record is None or record.edge is None or _forgotten(record.updated_at):
        return None
    return Gone(record.edge, sid)


def recording(conn: Connection, sid: str) -> Gone | None:
    """The row, and what was told of it; its sound lies in a file."""
    record = recordings.get(conn, sid)
    edge = recordings.edge_of(conn, record) if record is not None else None
    recordings.delete(conn, sid)
    told(conn, sid)
    noted(conn, sid)
    if record is None:
        return None
    return Gone(edge, sid, _unshared(conn, record.sha256)) if edge else None


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


def _unshared(conn: Connection, sha256: Sha256) -> Sha256 | None:
    """The sound, unless another recording has the same."""
    return sha256 if sha256 and recordings.count_of_hash(conn, sha256) == 0 else None


def _forgotten(changed: datetime) -> bool:
    return changed < now() - EDGE_KEEPS
