"""What is wrong at edges now."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, case, delete, func, select

from cloud.store import tables
from cloud.store.records import WarningRecord
from cloud.store.rows import from_row
from cloud.store.schema import edges as sites
from cloud.store.schema import warnings
from telecore.events import WarningCleared, WarningRaised
from telecore.ids import EdgeId

GRAVE = ("critical", "error")
"""Severities that come before a warning."""


def raise_(conn: Connection, edge: EdgeId, event: WarningRaised, at: datetime) -> None:
    """It is so from now on; one that is told again keeps the moment when it began."""
    key = {"edge": edge, "code": event.code[:64], "subject": event.subject[:200]}
    known = tables.find(conn, warnings, WarningRecord, **key)
    said = {"severity": event.severity[:16], "text": event.text, "since": known.since if known else at}
    tables.upsert(conn, warnings, {**key, **said})


def since(conn: Connection, edge: EdgeId, code: str, subject: str) -> datetime | None:
    """When it began; None: it is not so."""
    known = tables.find(conn, warnings, WarningRecord, edge=edge, code=code, subject=subject)
    return known.since if known else None


def clear(conn: Connection, edge: EdgeId, event: WarningCleared) -> None:
    same = (warnings.c.code == event.code[:64]) & (warnings.c.subject == event.subject[:200])
    conn.execute(delete(warnings).where(warnings.c.edge == edge, same))


def list_(conn: Connection, edges: Collection[str] | None = None) -> list[WarningRecord]:
    """All or those of these edges, the latest first."""
    asked = select(warnings).order_by(warnings.c.since.desc(), warnings.c.edge, warnings.c.code, warnings.c.subject)
    if edges is not None:
        asked = asked.where(warnings.c.edge.in_(edges))
    return [from_row(WarningRecord, row) for row in conn.execute(asked).mappings()]


def gravest(
    conn: Connection,
    limit: int,
    *,
    edges: Collection[str] | None = None,
    accounts: Collection[str] | None = None,
) -> list[WarningRecord]:
    """Of all or of these edges and accounts, the gravest first, of those the latest."""
    where = _among(edges, accounts)
    order = (_GRAVITY, warnings.c.since.desc(), warnings.c.edge, warnings.c.code, warnings.c.subject)
    rows = conn.execute(select(warnings).where(*where).order_by(*order).limit(limit)).mappings()
    return [from_row(WarningRecord, row) for row in rows]


def count(conn: Connection, accounts: Collection[str] | None = None) -> int:
    """How many there are, of all or of these accounts' edges."""
    return conn.execute(select(func.count()).select_from(warnings).where(*_among(None, accounts))).scalar_one()


def edges_with_any(conn: Connection) -> set[EdgeId]:
    return {EdgeId(edge) for edge in conn.execute(select(warnings.c.edge).distinct()).scalars()}


def _among(edges: Collection[str] | None, accounts: Collection[str] | None) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [] if edges is None else [warnings.c.edge.in_(edges)]
    if accounts is not None:
        where.append(warnings.c.edge.in_(select(sites.c.edge).where(sites.c.account.in_(accounts))))
    return where


_GRAVITY = case((warnings.c.severity.in_(GRAVE), 0), (warnings.c.severity == "warning", 1), else_=2)
