"""Commands on their way to an edge: the cloud's end of the numbered street down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, exists, select, update

from cloud.sealing import KeysUnreadable, SealBroken
from cloud.store import sealed, tables
from cloud.store.rows import now
from cloud.store.schema import edges, outbox
from telecore import codec
from telecore.commands import Command, RequestUssd, SendMessage, TopUp
from telecore.ids import EdgeId, MessageSid

_WITHDRAWN = "withdrawn"
_SECRET = frozenset({TopUp.kind, RequestUssd.kind})
_HIGHEST = update(edges).where(edges.c.edge == bindparam("of_edge")).values(outbox_highest=bindparam("seq"))

_ACKED = (
    update(edges)
    .where(edges.c.edge == bindparam("of_edge"), edges.c.outbox_acked < bindparam("seq"))
    .values(outbox_acked=bindparam("seq"))
)

_ABOVE = (
    select(outbox.c.seq, outbox.c.payload)
    .where(
        outbox.c.edge == bindparam("of_edge"),
        outbox.c.seq > bindparam("seq"),
        outbox.c.payload["kind"].as_string() != _WITHDRAWN,
    )
    .order_by(outbox.c.seq)
    .limit(bindparam("most"))
)


_WITH_ANY = select(edges.c.edge).where(
    edges.c.edge.in_(bindparam("of_edges", expanding=True)),
    exists().where(outbox.c.edge == edges.c.edge),
)


class Above(NamedTuple):
    """What an edge's window has room for: at most ``limit`` rows above the number ``after``."""

    edge: EdgeId
    after: int
    limit: int


class OutboxRow(NamedTuple):
    seq: int
    payload: dict[str, Any]
    created_at: datetime


def append(conn: Connection, edge: EdgeId, command: Command, *, secret: bool = False) -> int:
    """Queue the command; its number, which is never given again. ``secret``: it is sealed while it waits.

    So are USSD codes and vouchers.
    """
    payload = codec.encode(command)
    if secret or command.kind in _SECRET:
        payload = sealed.closed_payload(conn, edge, payload)
    seq = tables.insert_row(conn, outbox, {"edge": edge, "payload": payload, "created_at": now()})
    conn.execute(_HIGHEST, {"of_edge": edge, "seq": seq})
    return seq


def read(conn: Connection, edge: EdgeId, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
    """Commands of this edge above the number ``after``, in order; one that cannot be opened as it lies there."""
    found = conn.execute(_ABOVE, {"of_edge": edge, "seq": after, "most": limit})
    opened = partial(sealed.opened_or_closed, conn, edge)
    return [(int(seq), opened(payload)) for seq, payload in found]


def read_many(conn: Connection, asked: Sequence[Above]) -> list[list[tuple[int, dict[str, Any]]]]:
    """The same for many edges, for most of which nothing waits."""
    if len(asked) == 1:
        return [read(conn, *asked[0])]
    some = set(conn.execute(_WITH_ANY, {"of_edges": list({one.edge for one in asked})}).scalars())
    return [read(conn, *one) if one.edge in some else [] for one in asked]


def rows(conn: Connection, edge: EdgeId) -> list[OutboxRow]:
    """Everything that the edge has not confirmed; what cannot be opened as it lies there."""
    asked = select(outbox.c.seq, outbox.c.payload, outbox.c.created_at).where(outbox.c.edge == edge)
    opened = partial(sealed.opened_or_closed, conn, edge)
    return [OutboxRow(seq, opened(payload), at) for seq, payload, at in conn.execute(asked.order_by(outbox.c.seq))]


def message_of(payload: dict[str, Any]) -> MessageSid | None:
    """Which one a command sends; the id of one that is sealed is its message's."""
    return (
        MessageSid(str(payload.get("message", payload.get("id")))) if payload.get("kind") == SendMessage.kind else None
    )


def put_aside(conn: Connection, edge: EdgeId, seq: int) -> dict[str, Any] | None:
    """Give the command under this number to nobody, if it cannot be opened: its kind and id. Raises KeysUnreadable."""
    payload = conn.execute(select(outbox.c.payload).where(outbox.c.edge == edge, outbox.c.seq == seq)).scalar()
    if payload is None or not sealed.is_closed(payload):
        return None
    try:
        sealed.opened_payload(conn, edge, payload)
    except KeysUnreadable:
        raise
    except SealBroken:
        left = {"kind": _WITHDRAWN, "id": payload.get("id", "")}
        conn.execute(update(outbox).where(outbox.c.seq == seq).values(payload=left))
        return {"kind": payload.get("kind"), "id": left["id"]}
    return None


def id_at(conn: Connection, edge: EdgeId, seq: int) -> str:
    """The id of the command under this number; empty: there is none."""
    asked = select(outbox.c.payload).where(outbox.c.edge == edge, outbox.c.seq == seq)
    payload = conn.execute(asked).scalar()
    return "" if payload is None else str(payload.get("id", ""))


def remove(conn: Connection, edge: EdgeId, seq: int) -> None:
    """It is not to be given any more."""
    conn.execute(delete(outbox).where(outbox.c.edge == edge, outbox.c.seq == seq))


def forget(conn: Connection, edge: EdgeId, upto: int) -> int:
    """Delete what the edge has applied; how many."""
    conn.execute(_ACKED, {"of_edge": edge, "seq": upto})
    return conn.execute(delete(outbox).where(outbox.c.edge == edge, outbox.c.seq <= upto)).rowcount


def withdraw(conn: Connection, edge: EdgeId, command: str) -> bool:
    """Give the command that has this id to nobody; False when the edge has it already.

    Its row stays until the edge is past it: a number without one would look as if this store had forgotten.
    """
    same = (outbox.c.payload["id"].as_string() == command) & (outbox.c.payload["kind"].as_string() != _WITHDRAWN)
    left = update(outbox).where(outbox.c.edge == edge, same).values(payload={"kind": _WITHDRAWN, "id": command})
    return conn.execute(left).rowcount > 0
