"""Who is in a conference, or on the way to it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from cloud.store import keyset, tables
from cloud.store.records import Cursor, PageOf, ParticipantRecord
from cloud.store.rows import from_row
from cloud.store.schema import participants

QUEUED, CONNECTED, COMPLETE = "queued", "connected", "complete"


@dataclass(frozen=True, slots=True)
class ParticipantFilter:
    """None: whichever."""

    muted: bool | None = None
    hold: bool | None = None
    coaching: bool | None = None


def insert(conn: Connection, record: ParticipantRecord) -> ParticipantRecord:
    return tables.add(conn, participants, record)


def by_stay(conn: Connection, stay: str) -> ParticipantRecord | None:
    return tables.find(conn, participants, ParticipantRecord, stay=stay)


def present(conn: Connection, conference: str) -> list[ParticipantRecord]:
    """Those who have not left, those who are still being dialled included, the first first."""
    found = tables.find_all(conn, participants, ParticipantRecord, conference=conference)
    return [record for record in found if record.status != COMPLETE]


def of_call(conn: Connection, call: str) -> list[ParticipantRecord]:
    """Where a call is or was, the first first."""
    return tables.find_all(conn, participants, ParticipantRecord, call=call)


def of_key(conn: Connection, conference: str, key: str) -> ParticipantRecord | None:
    """One who is there, by CallSid or label."""
    asked = select(participants).where(
        participants.c.conference == conference,
        participants.c.status != COMPLETE,
        (participants.c.call == key) | ((participants.c.label == key) & (participants.c.label != "")),
    )
    row = conn.execute(asked.order_by(participants.c.id.desc()).limit(1)).mappings().one_or_none()
    return None if row is None else from_row(ParticipantRecord, row)


def update(conn: Connection, sid: str, **changes: object) -> ParticipantRecord | None:
    """Set fields by name; the record as it is now."""
    return tables.change(conn, participants, ParticipantRecord, sid, changes)


def list_(conn: Connection, conference: str, wanted: ParticipantFilter, cursor: Cursor) -> PageOf[ParticipantRecord]:
    """Those who have not left."""
    where = [participants.c.conference == conference, participants.c.status != COMPLETE]
    for name in ("muted", "hold", "coaching"):
        value = getattr(wanted, name)
        if value is not None:
            where.append(participants.c[name].is_(value))
    return keyset.page(conn, participants, ParticipantRecord, where, cursor)
