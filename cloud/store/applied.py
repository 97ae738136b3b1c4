"""How far each edge's street is applied here. Written in the transaction of the effect."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from cloud.store import tables
from cloud.store.rows import now
from cloud.store.schema import applied
from telecore.ids import EdgeId

_SEQ = select(applied.c.seq).where(applied.c.edge == bindparam("of_edge"), applied.c.stream == bindparam("of_stream"))


def get(conn: Connection, edge: EdgeId, stream: str) -> int:
    """The last number applied, 0 for none."""
    return int(conn.execute(_SEQ, {"of_edge": edge, "of_stream": stream}).scalar() or 0)


def set(conn: Connection, edge: EdgeId, stream: str, seq: int) -> None:  # noqa: A001
    """Everything of this street up to ``seq`` is applied."""
    tables.upsert(conn, applied, {"edge": edge, "stream": stream, "seq": seq, "at": now()})
