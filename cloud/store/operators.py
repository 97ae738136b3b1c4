"""Who may see the operator's page."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from cloud.store import tables
from cloud.store.records import OperatorRecord
from cloud.store.rows import now
from cloud.store.schema import operators


def put(conn: Connection, name: str, password: str) -> None:
    """Make the operator or give one a new password (its hash)."""
    tables.upsert(conn, operators, {"name": name, "password": password, "created_at": now()})


def get(conn: Connection, name: str) -> OperatorRecord | None:
    return tables.find(conn, operators, OperatorRecord, name=name)


def count(conn: Connection) -> int:
    return int(conn.execute(select(func.count()).select_from(operators)).scalar_one())
