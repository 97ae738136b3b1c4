"""Calls: one row for each party's connection."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, select

from cloud.store import keyset, tables
from cloud.store.records import Between, CallRecord, Cursor, PageOf
from cloud.store.rows import from_row
from cloud.store.schema import calls
from telecore.model import CallStatus
from telecore.states import CALL_STATES, LIVE_CALL, may_become

IS_LIVE = calls.c.status.in_([status.value for status in sorted(LIVE_CALL)])
"""By the states it may have: asked which it has not, SQLite reads every call there ever was."""


@dataclass(frozen=True, slots=True)
class CallFilter:
    caller: str | None = None
    called: str | None = None
    parent: str | None = None
    status: CallStatus | None = None
    started: Between = field(default_factory=Between)
    ended: Between = field(default_factory=Between)


def insert(conn: Connection, record: CallRecord) -> CallRecord:
    """The record with its ``id``. Raises IntegrityError (Conflict outside) for a known SID."""
    return tables.add(conn, calls, record)


def get(conn: Connection, sid: str) -> CallRecord | None:
    return tables.find(conn, calls, CallRecord, sid=sid)


def update(conn: Connection, sid: str, **changes: object) -> CallRecord | None:
    """Set fields by name, without looking at the state; the record as it is now."""
    return tables.change(conn, calls, CallRecord, sid, changes)


def update_status(conn: Connection, sid: str, status: CallStatus, **changes: object) -> CallRecord | None:
    """Take the step if CALL_STATES allows it, with ``changes`` to other fields; None when it is not taken."""
    record = get(conn, sid)
    if record is None or not may_become(CALL_STATES, record.status, status):
        return None
    return update(conn, sid, status=status, **changes)


def delete(conn: Connection, sid: str) -> bool:
    return tables.remove(conn, calls, sid)


def list_(conn: Connection, account: str, wanted: CallFilter, cursor: Cursor) -> PageOf[CallRecord]:
    where: list[ColumnElement[bool]] = [
        calls.c.account == account,
        *keyset.within(calls.c.started_at, wanted.started),
        *keyset.within(calls.c.ended_at, wanted.ended),
    ]
    for column, value in (
        (calls.c.caller, wanted.caller),
        (calls.c.called, wanted.called),
        (calls.c.parent, wanted.parent),
    ):
        if value is not None:
            where.append(column == value)
    if wanted.status is not None:
        where.append(calls.c.status == wanted.status.value)
    return keyset.page(conn, calls, CallRecord, where, cursor)


def live_of(conn: Connection, account: str) -> list[CallRecord]:
    """Those of one account that have not ended."""
    return [record for record in live(conn) if record.account == account]


def live(conn: Connection, edge: str | None = None) -> list[CallRecord]:
    """Calls that have not ended, of one edge or of all, oldest first."""
    where: list[ColumnElement[bool]] = [IS_LIVE]
    if edge is not None:
        where.append(calls.c.edge == edge)
    rows = conn.execute(select(calls).where(*where).order_by(calls.c.id)).mappings()
    return [from_row(CallRecord, row) for row in rows]
