"""Sealing all secrets again under the newest key, piece by piece: a large database is written to all the while.

What is looked through is read beside the writer, which only puts the few that were under another key. Cut off at any
moment, it can be done again; the old keys must stay until nothing is under them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection, select

from cloud.sealing import KeysUnreadable, SealBroken, key_id
from cloud.store.database import Database
from cloud.store.schema import metadata, outbox
from cloud.store.sealed import COLUMNS, PAYLOAD, Secret, Sent, closed_payload, is_closed, opened_payload, seals_of

PIECE = 500
"""Rows that are looked at in one piece."""
_TABLES = (*COLUMNS, outbox.name)


class Mark(NamedTuple):
    """A row, by its place among the tables and its key there; what follows it is still to be looked at."""

    table: int = 0
    after: str | int | None = None


class _Again(NamedTuple):
    put: Callable[[Connection], bool]


@dataclass(frozen=True, slots=True)
class Piece:
    """``looked``: at how many rows; ``broken``: what cannot be opened; ``following``: None where all is done."""

    looked: int
    again: tuple[_Again, ...]
    broken: tuple[str, ...]
    following: Mark | None

    def put(self, conn: Connection) -> int:
        """Write what was sealed again; how many. What was changed since it was looked at stays as it is."""
        return sum(one.put(conn) for one in self.again)


@dataclass(slots=True)
class Done:
    """So far. ``table``: which one is looked through; ``done``: sealed again; ``broken``: cannot be opened."""

    table: str = ""
    looked: int = 0
    done: int = 0
    broken: tuple[str, ...] = ()


async def reseal(db: Database, tell: Callable[[Done], None] = lambda _: None) -> Done:
    """Until nothing that can be opened is under another key than the newest. Raises KeysUnreadable, StoreFailed.

    It goes through all again when it found something: what was being committed meanwhile was not seen.
    """
    total = Done()
    await asyncio.to_thread(db.seals.look)
    while True:
        before, total.broken = total.done, ()
        mark: Mark | None = Mark()
        while mark is not None:
            piece = await db.read(partial(look, mark=mark))
            if piece.again:
                total.done += await db.write(piece.put)
            total.table, total.looked = _TABLES[mark.table], total.looked + piece.looked
            total.broken += piece.broken
            tell(total)
            mark = piece.following
        if total.done == before:
            return total


def look(conn: Connection, mark: Mark, limit: int = PIECE) -> Piece:
    """The next rows, with what of them is under another key sealed under the newest."""
    if _TABLES[mark.table] == outbox.name:
        looked, found, last = _commands(conn, mark.after, limit)
        sealing = [(f"command {one.payload.get('id')} to {one.edge}", partial(_command, conn, one)) for one in found]
    else:
        looked, secrets, last = _secrets(conn, _TABLES[mark.table], mark.after, limit)
        sealing = [(f"{one.table.name}.{one.column} of {one.whose}", partial(_secret, conn, one)) for one in secrets]
    again, broken = _sealed_again(sealing)
    return Piece(looked, again, broken, _following(mark, last, whole=looked == limit))


def _following(mark: Mark, last: str | int | None, *, whole: bool) -> Mark | None:
    if whole:
        return Mark(mark.table, last)
    return Mark(mark.table + 1) if mark.table + 1 < len(_TABLES) else None


def _sealed_again(
    sealing: Sequence[tuple[str, Callable[[], _Again]]],
) -> tuple[tuple[_Again, ...], tuple[str, ...]]:
    again, broken = [], []
    for name, seal in sealing:
        try:
            again.append(seal())
        except KeysUnreadable:
            raise
        except SealBroken:
            broken.append(name)
    return tuple(again), tuple(broken)


def _secrets(
    conn: Connection, name: str, after: str | int | None, limit: int
) -> tuple[int, list[Secret], str | int | None]:
    of, (identity, columns) = metadata.tables[name], COLUMNS[name]
    key, newest = of.c[identity], seals_of(conn).ids[0]
    asked = select(key, *(of.c[column] for column in columns)).order_by(key).limit(limit)
    rows = conn.execute(asked if after is None else asked.where(key > after)).all()
    found = [
        Secret(of, column, str(whose), str(value))
        for whose, *values in rows
        for column, value in zip(columns, values, strict=True)
        if value and key_id(str(value)) != newest
    ]
    return len(rows), found, rows[-1][0] if rows else None


def _commands(conn: Connection, after: str | int | None, limit: int) -> tuple[int, list[Sent], str | int | None]:
    asked = select(outbox.c.seq, outbox.c.edge, outbox.c.payload).order_by(outbox.c.seq).limit(limit)
    rows = conn.execute(asked if after is None else asked.where(outbox.c.seq > after)).all()
    newest = seals_of(conn).ids[0]
    sent = [Sent(*row) for row in rows if is_closed(row.payload)]
    old = [one for one in sent if key_id(str(one.payload[PAYLOAD])) != newest]
    return len(rows), old, rows[-1].seq if rows else None


def _secret(conn: Connection, one: Secret) -> _Again:
    seals = seals_of(conn)
    return _Again(partial(one.put, value=seals.seal(one.place, seals.open(one.place, one.value))))


def _command(conn: Connection, one: Sent) -> _Again:
    plain = opened_payload(conn, one.edge, one.payload)
    return _Again(partial(one.put, payload=closed_payload(conn, one.edge, plain)))
