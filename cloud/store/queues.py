"""Queues by name, and who waits in them, first come first."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from cloud.store import keyset, tables
from cloud.store.records import Cursor, MemberRecord, PageOf, QueueRecord
from cloud.store.rows import from_row
from cloud.store.schema import queue_members, queues

WAITING, TAKEN, GONE = "waiting", "taken", "gone"


def insert(conn: Connection, record: QueueRecord) -> QueueRecord:
    """Raises IntegrityError (Conflict outside) for a name that the account has already."""
    return tables.add(conn, queues, record)


def get(conn: Connection, sid: str) -> QueueRecord | None:
    return tables.find(conn, queues, QueueRecord, sid=sid)


def by_name(conn: Connection, account: str, name: str) -> QueueRecord | None:
    return tables.find(conn, queues, QueueRecord, account=account, name=name)


def update(conn: Connection, sid: str, **changes: object) -> QueueRecord | None:
    return tables.change(conn, queues, QueueRecord, sid, changes)


def delete(conn: Connection, sid: str) -> bool:
    return tables.remove(conn, queues, sid)


def list_(conn: Connection, account: str, cursor: Cursor) -> PageOf[QueueRecord]:
    return keyset.page(conn, queues, QueueRecord, [queues.c.account == account], cursor)


def add_member(conn: Connection, record: MemberRecord) -> MemberRecord:
    return tables.add(conn, queue_members, record)


def by_stay(conn: Connection, stay: str) -> MemberRecord | None:
    return tables.find(conn, queue_members, MemberRecord, stay=stay)


def of_call(conn: Connection, call: str) -> list[MemberRecord]:
    """Where a call waits or has waited, the first first."""
    return tables.find_all(conn, queue_members, MemberRecord, call=call)


def taken_by(conn: Connection, taker: str) -> MemberRecord | None:
    """Whom this call talks with, or is being brought together with."""
    asked = select(queue_members).where(queue_members.c.taker == taker, queue_members.c.status == TAKEN)
    row = conn.execute(asked.order_by(queue_members.c.id.desc()).limit(1)).mappings().one_or_none()
    return None if row is None else from_row(MemberRecord, row)


def update_member(conn: Connection, sid: str, **changes: object) -> MemberRecord | None:
    return tables.change(conn, queue_members, MemberRecord, sid, changes)


def waiting(conn: Connection, queue: str) -> list[MemberRecord]:
    """The first first."""
    asked = select(queue_members).where(queue_members.c.queue == queue, queue_members.c.status == WAITING)
    return [from_row(MemberRecord, row) for row in conn.execute(asked.order_by(queue_members.c.id)).mappings()]


def size(conn: Connection, queue: str) -> int:
    """How many wait."""
    asked = select(func.count()).where(queue_members.c.queue == queue, queue_members.c.status == WAITING)
    return int(conn.execute(asked).scalar_one())


def sizes(conn: Connection, account: str) -> dict[str, list[MemberRecord]]:
    """Who waits in each of the account's queues that is not empty."""
    asked = select(queue_members).where(queue_members.c.account == account, queue_members.c.status == WAITING)
    found: dict[str, list[MemberRecord]] = {}
    for row in conn.execute(asked.order_by(queue_members.c.id)).mappings():
        record = from_row(MemberRecord, row)
        found.setdefault(record.queue, []).append(record)
    return found


def list_members(conn: Connection, queue: str, cursor: Cursor) -> PageOf[MemberRecord]:
    where = [queue_members.c.queue == queue, queue_members.c.status == WAITING]
    return keyset.page(conn, queue_members, MemberRecord, where, cursor)
