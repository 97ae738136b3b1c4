"""Who may see the operator's page."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from sqlalchemy import Connection, func, select, update

from cloud.store import sealed, tables
from cloud.store.records import OperatorRecord
from cloud.store.rows import columns, now, to_row
from cloud.store.schema import operators


def put(
    conn: Connection, name: str, password: str, *, role: str | None = None, account: str | None = None
) -> OperatorRecord | None:
    """Make the operator, or give one a new password (its hash) and, if it is said, another role."""
    if get(conn, name) is None:
        made = OperatorRecord(name, password, now(), role or "operator", account, stamp=new_stamp())
        tables.insert_row(conn, operators, to_row(made))
        return made
    changed = {"role": role, "account": account} if role is not None else {}
    return change(conn, name, password=password, **changed)


def change(conn: Connection, name: str, **changes: object) -> OperatorRecord | None:
    """Set columns by name and end the operator's sessions; the record as it is now."""
    return keep(conn, name, stamp=new_stamp(), **changes)


def keep(conn: Connection, name: str, **changes: object) -> OperatorRecord | None:
    """Set columns by name; sessions go on."""
    values = sealed.closed(conn, operators, columns(changes), name)
    conn.execute(update(operators).where(operators.c.name == name).values(values))
    return get(conn, name)


def standing(conn: Connection, record: OperatorRecord) -> OperatorRecord | None:
    """The operator as he is, if he may come in and what he proves himself by is what it was when this was read."""
    now = get(conn, record.name)
    return now if now is not None and not now.disabled and now.stamp == record.stamp else None


def spend_step(conn: Connection, name: str, step: int) -> bool:
    """Whether no code of this time step or a later one has been taken; from now on one has."""
    fresh = (operators.c.name == name) & (operators.c.totp_step < step)
    return conn.execute(update(operators).where(fresh).values(totp_step=step)).rowcount > 0


def spend_recovery(conn: Connection, name: str, hashed: str) -> bool:
    """Whether this was one of the recovery codes; it is not any more."""
    record = get(conn, name)
    if record is None or hashed not in record.recovery:
        return False
    keep(conn, name, recovery=tuple(code for code in record.recovery if code != hashed))
    return True


def new_stamp() -> str:
    return secrets.token_hex(16)


def get(conn: Connection, name: str) -> OperatorRecord | None:
    return tables.find(conn, operators, OperatorRecord, name=name)


def all_(conn: Connection) -> Sequence[OperatorRecord]:
    """By name."""
    rows = conn.execute(select(operators).order_by(operators.c.name)).mappings()
    return [tables.record_of(conn, operators, OperatorRecord, row) for row in rows]


def count(conn: Connection) -> int:
    return int(conn.execute(select(func.count()).select_from(operators)).scalar_one())
