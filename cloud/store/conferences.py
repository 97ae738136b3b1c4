"""Conferences: rooms by name, one at a time of each name within an account."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from cloud.store import keyset, tables
from cloud.store.records import Between, ConferenceRecord, Cursor, PageOf
from cloud.store.rows import from_row
from cloud.store.schema import conferences

COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class ConferenceFilter:
    name: str | None = None
    status: str | None = None
    created: Between = field(default_factory=Between)
    updated: Between = field(default_factory=Between)


def insert(conn: Connection, record: ConferenceRecord) -> ConferenceRecord:
    return tables.add(conn, conferences, record)


def get(conn: Connection, sid: str) -> ConferenceRecord | None:
    return tables.find(conn, conferences, ConferenceRecord, sid=sid)


def active(conn: Connection, account: str, name: str) -> ConferenceRecord | None:
    """The one of this name that has not ended."""
    asked = select(conferences).where(
        conferences.c.account == account, conferences.c.name == name, conferences.c.status != COMPLETED
    )
    row = conn.execute(asked.order_by(conferences.c.id.desc()).limit(1)).mappings().one_or_none()
    return None if row is None else from_row(ConferenceRecord, row)


def update(conn: Connection, sid: str, **changes: object) -> ConferenceRecord | None:
    """Set fields by name; the record as it is now."""
    return tables.change(conn, conferences, ConferenceRecord, sid, changes)


def list_(conn: Connection, account: str, wanted: ConferenceFilter, cursor: Cursor) -> PageOf[ConferenceRecord]:
    where = [
        conferences.c.account == account,
        *keyset.within(conferences.c.created_at, wanted.created),
        *keyset.within(conferences.c.updated_at, wanted.updated),
    ]
    if wanted.name is not None:
        where.append(conferences.c.name == wanted.name)
    if wanted.status is not None:
        where.append(conferences.c.status == wanted.status)
    return keyset.page(conn, conferences, ConferenceRecord, where, cursor)
