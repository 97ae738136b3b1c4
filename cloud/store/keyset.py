"""Pages of a list by key: stable while rows come and go, and as cheap on the last page as on the first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, Table, select, union_all

from cloud.store import tables
from cloud.store.records import Between, Cursor, PageOf
from cloud.store.schema import tombstones
from telecore.errors import InvalidRequest

R = TypeVar("R")


def page(
    conn: Connection, table: Table, cls: type[R], where: Sequence[ColumnElement[bool]], cursor: Cursor
) -> PageOf[R]:
    """The rows of ``table`` that fit, newest first. Raises InvalidRequest 21481 for a SID that never was in it."""
    backwards = cursor.before is not None and cursor.after is None
    anchor = cursor.before if backwards else cursor.after
    beyond: list[ColumnElement[bool]] = []
    if anchor is not None:
        place = _place(conn, table, anchor)
        beyond = [table.c.id > place if backwards else table.c.id < place]
    order = table.c.id.asc() if backwards else table.c.id.desc()
    found = conn.execute(select(table).where(*where, *beyond).order_by(order).limit(cursor.size + 1)).mappings().all()
    more, rows = len(found) > cursor.size, found[: cursor.size]
    rows = rows[::-1] if backwards else rows
    older = (bool(rows) and anchor is not None) if backwards else more
    newer = more if backwards else (bool(rows) and anchor is not None)
    return PageOf(
        tuple(tables.record_of(conn, table, cls, row) for row in rows),
        next_after=rows[-1]["sid"] if older else None,
        previous_before=rows[0]["sid"] if newer else None,
    )


def within(column: ColumnElement[datetime], between: Between) -> list[ColumnElement[bool]]:
    """The conditions that a span of time makes."""
    since = [column >= between.since] if between.since is not None else []
    before = [column < between.before] if between.before is not None else []
    return since + before


def _place(conn: Connection, table: Table, sid: str) -> int:
    here = select(table.c.id).where(table.c.sid == sid)
    gone = select(tombstones.c.id).where(tombstones.c.sid == sid)
    place = conn.execute(union_all(here, gone)).scalar()
    if place is None:
        raise InvalidRequest("Invalid PageToken", field="PageToken", code=21481)
    return int(place)
