"""Media streams: which there were, and which are live."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from cloud.store import tables
from cloud.store.records import StreamRecord
from cloud.store.rows import from_row, now
from cloud.store.schema import streams
from telecore.ids import AccountSid, CallSid

IN_PROGRESS, STOPPED = "in-progress", "stopped"


def add(conn: Connection, account: AccountSid, call: CallSid, sid: str, name: str) -> StreamRecord:
    """One that begins."""
    made = now()
    record = StreamRecord(
        sid=sid, account=account, call=call, name=name, status=IN_PROGRESS, created_at=made, updated_at=made
    )
    return tables.add(conn, streams, record)


def get(conn: Connection, sid: str) -> StreamRecord | None:
    return tables.find(conn, streams, StreamRecord, sid=sid)


def stopped(conn: Connection, sid: str) -> StreamRecord | None:
    """It is over; the record as it is now."""
    return tables.change(conn, streams, StreamRecord, sid, {"status": STOPPED})


def named(conn: Connection, call: str, name: str) -> StreamRecord | None:
    """The call's latest of this SID or name, a live one first."""
    mine = select(streams).where(streams.c.call == call, (streams.c.sid == name) | (streams.c.name == name))
    row = conn.execute(mine.order_by(streams.c.status, streams.c.id.desc()).limit(1)).mappings().one_or_none()
    return None if row is None else from_row(StreamRecord, row)


def in_progress(conn: Connection, before: datetime) -> list[StreamRecord]:
    """Those begun before this moment that were not seen to end."""
    left = select(streams).where(streams.c.status == IN_PROGRESS, streams.c.created_at < before)
    return [from_row(StreamRecord, row) for row in conn.execute(left).mappings()]
