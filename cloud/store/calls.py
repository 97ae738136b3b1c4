"""Calls: one row for each party's connection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, func, select

from cloud.store import keyset, tables
from cloud.store.records import Between, CallRecord, Cursor, PageOf
from cloud.store.rows import from_row
from cloud.store.schema import calls
from telecore.ids import ChannelId
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
    return live_among(conn, None, accounts=[account])


def live_among(
    conn: Connection,
    limit: int | None,
    *,
    edges: Collection[str] | None = None,
    accounts: Collection[str] | None = None,
) -> list[CallRecord]:
    """Calls that have not ended, of all or of these edges and accounts, oldest first."""
    rows = conn.execute(select(calls).where(*_live(edges, accounts)).order_by(calls.c.id).limit(limit)).mappings()
    return [from_row(CallRecord, row) for row in rows]


def count_live(conn: Connection, accounts: Collection[str] | None = None) -> int:
    """How many calls of these accounts, or of all, have not ended."""
    return conn.execute(select(func.count()).select_from(calls).where(*_live(None, accounts))).scalar_one()


def legs(conn: Connection, edges: Collection[str]) -> Counter[ChannelId]:
    """How many calls that have not ended each channel of these edges has."""
    asked = select(calls.c.channel, func.count()).where(*_live(edges, None)).group_by(calls.c.channel)
    return Counter({ChannelId(channel): many for channel, many in conn.execute(asked) if channel is not None})


def _live(edges: Collection[str] | None, accounts: Collection[str] | None) -> list[ColumnElement[bool]]:
    among = ((calls.c.edge, edges), (calls.c.account, accounts))
    return [IS_LIVE, *(column.in_(names) for column, names in among if names is not None)]


def live(conn: Connection, edge: str | None = None) -> list[CallRecord]:
    """Calls that have not ended, of one edge or of all, oldest first."""
    return live_among(conn, None, edges=None if edge is None else [edge])
