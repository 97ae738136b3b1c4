"""What is wrong at edges now."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, select

from cloud.store import tables
from cloud.store.records import WarningRecord
from cloud.store.rows import from_row
from cloud.store.schema import warnings
from telecore.events import WarningCleared, WarningRaised
from telecore.ids import EdgeId


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
