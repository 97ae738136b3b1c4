"""Releases for edges: what there is, whose turn it is, and how it went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from cloud.store import tables
from cloud.store.records.releases import DONE, ENDS, HALTED, REVERTED, STAGED, EdgeUpdateRecord, ReleaseRecord
from cloud.store.rows import from_row, to_row
from cloud.store.schema.releases import edge_updates, releases
from telecore.ids import EdgeId
from telecore.releases import KINDS, is_staged, must_halt


def add(conn: Connection, record: ReleaseRecord) -> bool:
    """Whether it is new."""
    return tables.insert_new(conn, releases, to_row(record))


def list_(conn: Connection) -> list[ReleaseRecord]:
    """All, the latest first."""
    rows = conn.execute(select(releases).order_by(releases.c.created_at.desc(), releases.c.sha256)).mappings()
    return [from_row(ReleaseRecord, row) for row in rows]


def change(conn: Connection, sha256: str, **values: object) -> None:
    conn.execute(update(releases).where(releases.c.sha256 == sha256).values(values))


def staged(conn: Connection) -> tuple[ReleaseRecord, ...]:
    """Of each kind the one that was staged last."""
    asked = select(releases).where(releases.c.state == STAGED).order_by(releases.c.staged_at.desc(), releases.c.sha256)
    latest: dict[str, ReleaseRecord] = {}
    for row in conn.execute(asked).mappings():
        record = from_row(ReleaseRecord, row)
        latest.setdefault(record.what, record)
    return tuple(latest[what] for what in KINDS if what in latest)


def turn_of(edge: EdgeId, latest: Sequence[ReleaseRecord]) -> list[ReleaseRecord]:
    """What this edge is to have of those that are staged."""
    return [record for record in latest if is_staged(record.sha256, edge, record.percent)]


def updates_of(conn: Connection, record: ReleaseRecord) -> list[EdgeUpdateRecord]:
    """How the edges fared with it, in this attempt."""
    mine = (edge_updates.c.sha256 == record.sha256) & (edge_updates.c.attempt == record.attempt)
    rows = conn.execute(select(edge_updates).where(mine).order_by(edge_updates.c.edge)).mappings()
    return [from_row(EdgeUpdateRecord, row) for row in rows]


def fared(conn: Connection, told: EdgeUpdateRecord) -> ReleaseRecord | None:
    """Write down how an edge fares; the release, if that was one failure too many and it is halted by it.

    What has ended is not told otherwise later. One that was refused was never run, and counts for nothing.
    """
    record = tables.find(conn, releases, ReleaseRecord, sha256=told.sha256)
    if record is None:
        return None
    key = {"edge": told.edge, "sha256": told.sha256, "attempt": told.attempt}
    known = tables.find(conn, edge_updates, EdgeUpdateRecord, **key)
    if known is not None and (known.outcome in ENDS or (known.outcome, known.reason) == (told.outcome, told.reason)):
        return None
    tables.upsert(conn, edge_updates, to_row(told))
    if told.outcome != REVERTED or record.state != STAGED or told.attempt != record.attempt:
        return None
    counted = Counter(each.outcome for each in updates_of(conn, record))
    failed, through = counted[REVERTED], counted[REVERTED] + counted[DONE]
    if not must_halt(through, failed):
        return None
    change(
        conn, record.sha256, state=HALTED, reason=f"{failed} of {through} edges went back: {told.edge}: {told.reason}"
    )
    return tables.find(conn, releases, ReleaseRecord, sha256=record.sha256)
