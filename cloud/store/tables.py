"""What every table with SIDs does alike: insert, get, change, delete."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, Select, Table, Update, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from cloud.store import sealed
from cloud.store.rows import columns, from_row, now, to_row, with_id
from cloud.store.schema import tombstones

R = TypeVar("R")

# To make a statement costs more than SQLite takes to run it, so those of the busy tables are made once.


def add(conn: Connection, table: Table, record: R) -> R:
    """Insert; the record with its ``id``, if it has one."""
    key = conn.execute(_insert(table), sealed.closed(conn, table, to_row(record))).inserted_primary_key
    return with_id(record, int(key[0]) if key else 0)


def find(conn: Connection, table: Table, cls: type[R], **key: object) -> R | None:
    """The one row whose columns have these values."""
    row = conn.execute(_find(table, *_known(key)), key).mappings().one_or_none()
    return None if row is None else record_of(conn, table, cls, row)


def find_all(conn: Connection, table: Table, cls: type[R], **key: object) -> list[R]:
    """All rows whose columns have these values, the oldest first."""
    rows = conn.execute(_find(table, *_known(key), ordered=True), key).mappings()
    return [record_of(conn, table, cls, row) for row in rows]


def record_of(conn: Connection, table: Table, cls: type[R], row: Mapping[Any, Any]) -> R:
    """The record that a whole row of this table holds, its secrets opened."""
    return from_row(cls, row, sealed.opened(conn, table, row))


def change(conn: Connection, table: Table, cls: type[R], sid: str, changes: dict[str, object]) -> R | None:
    """Set these fields and ``updated_at``; the record as it is now, None when there is no such row."""
    values = sealed.closed(conn, table, {"updated_at": now(), **columns(changes)}, sid)
    conn.execute(_change(table, tuple(values)), {**values, "which_sid": sid})
    return find(conn, table, cls, sid=sid)


def remove(conn: Connection, table: Table, sid: str) -> bool:
    """Delete, remembering the row's place for page tokens. False when there was none."""
    place = conn.execute(select(table.c.id).where(table.c.sid == sid)).scalar()
    if place is None:
        return False
    conn.execute(delete(table).where(table.c.sid == sid))
    insert_new(conn, tombstones, {"sid": sid, "id": place})
    return True


def is_buried(conn: Connection, sid: str) -> bool:
    """Whether a row of this SID was deleted."""
    return conn.execute(select(tombstones.c.id).where(tombstones.c.sid == sid)).scalar() is not None


def insert_row(conn: Connection, table: Table, values: dict[str, object]) -> int:
    """Insert; the ``id`` (or whatever counts the rows) that it was given, 0 where nothing counts them."""
    key = conn.execute(_insert(table), sealed.closed(conn, table, values)).inserted_primary_key
    return int(key[0]) if key and isinstance(key[0], int) else 0


def insert_new(conn: Connection, table: Table, values: dict[str, object]) -> bool:
    """Insert unless a key of the row is there already; whether it was new."""
    return conn.execute(_insert_new(table, conn.dialect.name), values).rowcount > 0


def upsert(conn: Connection, table: Table, values: dict[str, object]) -> None:
    """Insert, or replace the other columns of the row with that primary key."""
    conn.execute(_upsert(table, conn.dialect.name, tuple(values)), values)


@cache
def _insert(table: Table) -> Insert:
    return insert(table)


@cache
def _insert_new(table: Table, dialect: str) -> Insert:
    # Without the option SQLAlchemy says -1 for every insert into PostgreSQL.
    return _dialect_insert(table, dialect).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


@cache
def _upsert(table: Table, dialect: str, names: tuple[str, ...]) -> Insert:
    keys = [column.name for column in table.primary_key]
    wanted = _dialect_insert(table, dialect)
    rest = {name: wanted.excluded[name] for name in names if name not in keys}
    return wanted.on_conflict_do_update(index_elements=keys, set_=rest)


def _dialect_insert(table: Table, dialect: str) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def _known(key: dict[str, object]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of columns that have a value, and of those that have none."""
    return tuple(n for n, v in key.items() if v is not None), tuple(n for n, v in key.items() if v is None)


@cache
def _find(table: Table, names: tuple[str, ...], empty: tuple[str, ...], ordered: bool = False) -> Select[Any]:
    having = [table.c[name] == bindparam(name) for name in names]
    found = select(table).where(*having, *(table.c[name].is_(None) for name in empty))
    return found.order_by(table.c.id) if ordered else found


@cache
def _change(table: Table, names: tuple[str, ...]) -> Update:
    return update(table).where(table.c.sid == bindparam("which_sid")).values({name: bindparam(name) for name in names})
