"""Commands that somebody waits for, and how they went."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from cloud.store import tables
from cloud.store.records import TaskRecord
from cloud.store.rows import from_row
from cloud.store.schema import tasks

KEPT = timedelta(days=30)


def insert(conn: Connection, record: TaskRecord) -> TaskRecord:
    return tables.add(conn, tasks, record)


def get(conn: Connection, sid: str) -> TaskRecord | None:
    return tables.find(conn, tasks, TaskRecord, sid=sid)


def settle(conn: Connection, sid: str, status: str, result: dict[str, object]) -> TaskRecord | None:
    """It is over. What the edge says counts, even after we gave it up."""
    return tables.change(conn, tasks, TaskRecord, sid, {"status": status, "result": result})


def overdue(conn: Connection, at: datetime, limit: int = 100) -> list[TaskRecord]:
    """Those without an answer whose time to be begun is over, oldest first."""
    late = (tasks.c.status == "queued") & (tasks.c.not_after < at)
    rows = conn.execute(select(tasks).where(late).order_by(tasks.c.id).limit(limit)).mappings()
    return [from_row(TaskRecord, row) for row in rows]


def of_channel(conn: Connection, channel: str, limit: int = 20) -> list[TaskRecord]:
    """The newest first."""
    asked = select(tasks).where(tasks.c.channel == channel).order_by(tasks.c.id.desc()).limit(limit)
    return [from_row(TaskRecord, row) for row in conn.execute(asked).mappings()]


def tidy(conn: Connection, at: datetime) -> int:
    """Forget those that ended long ago; how many."""
    old = (tasks.c.status != "queued") & (tasks.c.updated_at < at - KEPT)
    return conn.execute(delete(tasks).where(old)).rowcount
