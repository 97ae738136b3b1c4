"""How far each edge's street is applied here. Written in the transaction of the effect."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, select

from cloud.store import tables
from cloud.store.rows import now
from cloud.store.schema import applied
from telecore.ids import EdgeId

_SEQ = select(applied.c.seq).where(applied.c.edge == bindparam("of_edge"), applied.c.stream == bindparam("of_stream"))

_MARKED = select(applied.c.seq, applied.c.mark).where(
    applied.c.edge == bindparam("of_edge"), applied.c.stream == bindparam("of_stream")
)

_STREETS = select(applied.c.edge, applied.c.stream, applied.c.seq, applied.c.mark).where(
    applied.c.edge.in_(bindparam("of_edges", expanding=True))
)


def get(conn: Connection, edge: EdgeId, stream: str) -> int:
    """The last number applied, 0 for none."""
    return int(conn.execute(_SEQ, {"of_edge": edge, "of_stream": stream}).scalar() or 0)


def get_marked(conn: Connection, edge: EdgeId, stream: str) -> tuple[int, str] | None:
    """The last number applied and the id of its event; None for a street that was never heard of."""
    row = conn.execute(_MARKED, {"of_edge": edge, "of_stream": stream}).one_or_none()
    return None if row is None else (int(row.seq), str(row.mark))


def streets(conn: Connection, of: Iterable[EdgeId]) -> dict[EdgeId, dict[str, tuple[int, str]]]:
    """All that was heard of from these edges: of each street the last number applied, and the id of its event."""
    found: dict[EdgeId, dict[str, tuple[int, str]]] = {edge: {} for edge in of}
    for edge, stream, seq, mark in conn.execute(_STREETS, {"of_edges": list(found)}):
        found[EdgeId(edge)][stream] = int(seq), str(mark)
    return found


def set(conn: Connection, edge: EdgeId, stream: str, seq: int, mark: str = "") -> None:  # noqa: A001
    """Everything of this street up to ``seq`` is applied; ``mark`` is the id of that event."""
    tables.upsert(conn, applied, {"edge": edge, "stream": stream, "seq": seq, "at": now(), "mark": mark[:64]})
