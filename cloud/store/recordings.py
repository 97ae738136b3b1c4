"""Recordings: what is known of the sound; the bytes lie in files named by their hash."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, exists, func, select

from cloud.store import keyset, tables
from cloud.store.participants import COMPLETE
from cloud.store.records import Between, Cursor, PageOf, RecordingRecord
from cloud.store.rows import from_row
from cloud.store.schema import calls, events, participants, recordings
from telecore.ids import EdgeId

_WITH_CALL = recordings.outerjoin(calls, recordings.c.call == calls.c.sid)
_AT = func.coalesce(
    calls.c.edge, select(events.c.edge).where(events.c.subject == recordings.c.call).limit(1).scalar_subquery()
)
"""The edge that recorded it, also when its call was deleted."""


@dataclass(frozen=True, slots=True)
class RecordingFilter:
    call: str | None = None
    conference: str | None = None
    created: Between = field(default_factory=Between)


def insert(conn: Connection, record: RecordingRecord) -> RecordingRecord:
    """The record with its ``id``. Raises IntegrityError (Conflict outside) for a known SID."""
    return tables.add(conn, recordings, record)


def get(conn: Connection, sid: str) -> RecordingRecord | None:
    return tables.find(conn, recordings, RecordingRecord, sid=sid)


def by_call(conn: Connection, call: str) -> list[RecordingRecord]:
    """Oldest first."""
    return tables.find_all(conn, recordings, RecordingRecord, call=call)


def by_hash(conn: Connection, sha256: str) -> list[RecordingRecord]:
    """All that share these bytes, oldest first."""
    rows = conn.execute(select(recordings).where(recordings.c.sha256 == sha256).order_by(recordings.c.id)).mappings()
    return [from_row(RecordingRecord, row) for row in rows]


def edges_awaited(conn: Connection) -> list[EdgeId]:
    """Whose disks hold recordings that are not here yet."""
    asked = select(_AT).select_from(_WITH_CALL).distinct()
    return list(conn.execute(asked.where(recordings.c.status == "processing", _AT.is_not(None))).scalars())


def processing(conn: Connection, edges: Collection[EdgeId], limit: int = 1000) -> list[tuple[RecordingRecord, EdgeId]]:
    """Those that lie at these edges and are not here yet, oldest first."""
    asked = select(recordings, _AT.label("at")).select_from(_WITH_CALL)
    where = (recordings.c.status == "processing", _AT.in_(edges))
    rows = conn.execute(asked.where(*where).order_by(recordings.c.id).limit(limit)).mappings()
    return [(from_row(RecordingRecord, row), row["at"]) for row in rows]


def abandoned(conn: Connection, statuses: Collection[str], before: datetime) -> list[RecordingRecord]:
    """Those of these statuses whose call ended before that, and from whose room at its edge all had gone by then."""
    there = exists().where(
        participants.c.conference == recordings.c.conference,
        participants.c.edge == calls.c.edge,
        (participants.c.status != COMPLETE) | (participants.c.updated_at >= before),
    )
    asked = select(recordings).join(calls, recordings.c.call == calls.c.sid)
    where = (recordings.c.status.in_(statuses), calls.c.ended_at < before, ~there)
    return [from_row(RecordingRecord, row) for row in conn.execute(asked.where(*where)).mappings()]


def edge_of(conn: Connection, record: RecordingRecord) -> EdgeId | None:
    """Where it was recorded, also when its call was deleted."""
    found = conn.execute(select(_AT).select_from(_WITH_CALL).where(recordings.c.sid == record.sid)).scalar()
    return EdgeId(found) if found else None


def count_of_hash(conn: Connection, sha256: str, but: str = "") -> int:
    """How many recordings other than ``but`` need these bytes."""
    mine = (recordings.c.sha256 == sha256) & (recordings.c.sid != but)
    asked = select(func.count()).select_from(recordings).where(mine)
    return int(conn.execute(asked).scalar_one())


def update(conn: Connection, sid: str, **changes: object) -> RecordingRecord | None:
    """Set fields by name; the record as it is now."""
    return tables.change(conn, recordings, RecordingRecord, sid, changes)


def delete(conn: Connection, sid: str) -> bool:
    return tables.remove(conn, recordings, sid)


def list_(conn: Connection, account: str, wanted: RecordingFilter, cursor: Cursor) -> PageOf[RecordingRecord]:
    where = [recordings.c.account == account, *keyset.within(recordings.c.created_at, wanted.created)]
    if wanted.call is not None:
        where.append(recordings.c.call == wanted.call)
    if wanted.conference is not None:
        where.append(recordings.c.conference == wanted.conference)
    return keyset.page(conn, recordings, RecordingRecord, where, cursor)
