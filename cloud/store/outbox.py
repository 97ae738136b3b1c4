"""Commands on their way to an edge: the cloud's end of the numbered street down."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from cloud.store import tables
from cloud.store.rows import now
from cloud.store.schema import edges, outbox
from telecore import codec
from telecore.commands import Command
from telecore.errors import NotFound
from telecore.ids import EdgeId

_HIGHEST = update(edges).where(edges.c.edge == bindparam("of_edge")).values(outbox_highest=bindparam("seq"))


def append(conn: Connection, edge: EdgeId, command: Command) -> int:
    """Queue the command; its number, which is never given again."""
    seq = tables.insert_row(conn, outbox, {"edge": edge, "payload": codec.encode(command), "created_at": now()})
    conn.execute(_HIGHEST, {"of_edge": edge, "seq": seq})
    return seq


def stream(conn: Connection, edge: EdgeId) -> tuple[str, int]:
    """The street's name and the highest number given out on it, 0 for none. Raises NotFound."""
    asked = select(edges.c.outbox_stream, edges.c.outbox_highest).where(edges.c.edge == edge)
    row = conn.execute(asked).one_or_none()
    if row is None:
        raise NotFound(f"There is no edge {edge}")
    return str(row.outbox_stream), int(row.outbox_highest)


def read(conn: Connection, edge: EdgeId, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
    """Commands of this edge above the number ``after``, in order."""
    asked = select(outbox.c.seq, outbox.c.payload).where(outbox.c.edge == edge, outbox.c.seq > after)
    return [(int(seq), payload) for seq, payload in conn.execute(asked.order_by(outbox.c.seq).limit(limit))]


def forget(conn: Connection, edge: EdgeId, upto: int) -> int:
    """Delete what the edge has applied; how many."""
    return conn.execute(delete(outbox).where(outbox.c.edge == edge, outbox.c.seq <= upto)).rowcount


def withdraw(conn: Connection, edge: EdgeId, command: str) -> bool:
    """Delete the command that has this id; False when the edge has it already."""
    same = outbox.c.payload["id"].as_string() == command
    return conn.execute(delete(outbox).where(outbox.c.edge == edge, same)).rowcount > 0
