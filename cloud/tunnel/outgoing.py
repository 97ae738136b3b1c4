"""The cloud's end of the numbered streets down: outboxes, as the hub must offer them to its links."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cloud.sealing import KeysUnreadable
from cloud.store import outbox, sealed
from cloud.store.database import Connection, Database
from cloud.store.records import EdgeRecord
from cloud.store.together import Together
from cloud.tunnel import message_steps, resync_steps, secret_steps
from cloud.tunnel.heard import utc_now
from telecore.errors import NotFound, Transient
from telecore.ids import EdgeId
from telecore.model import MessageStatus
from telecore.tunnel.frames import Hello
from telecore.tunnel.resync import Verdict

_PIECE = 50


class Asked:
    """What the streets of many edges ask of the store at the same moment."""

    def __init__(self, db: Database) -> None:
        self.rows: Together[outbox.Above, list[tuple[int, dict[str, Any]]]] = Together(db.read, outbox.read_many)
        self.weighed: Together[resync_steps.Resumption, tuple[Verdict, int]] = Together(db.read, resync_steps.weighed)


class EdgeOutgoing:
    """``Outgoing`` of one edge. ``stream`` and ``highest`` are those of the moment when it was loaded."""

    def __init__(
        self,
        db: Database,
        edge: EdgeId,
        street: tuple[str, int],
        told: Callable[[], None],
        asked: Asked | None = None,
    ) -> None:
        self._db = db
        self._asked = asked or Asked(db)
        self._edge = edge
        self._stream, self._highest = street
        self._told = told
        self._acked = 0
        """What was forgotten before this connection."""

    @property
    def stream(self) -> str:
        return self._stream

    @property
    def highest(self) -> int:
        return self._highest

    async def read(self, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """What cannot be opened ends, so that it holds up nothing. Raises Transient while the keys cannot be read."""
        while True:
            rows = await self._asked.rows.ask(outbox.Above(self._edge, after, limit))
            closed = [seq for seq, payload in rows if sealed.is_closed(payload)]
            if not closed:
                return rows
            await self._set_aside(closed)

    async def _set_aside(self, closed: list[int]) -> None:
        try:
            await self._db.write(lambda conn: secret_steps.set_aside(conn, self._edge, closed, utc_now()))
        except KeysUnreadable as error:
            raise Transient(str(error)) from error
        self._told()

    async def resumed(self, applied: int, mark: str, peer: Hello) -> Verdict:
        """What the edge says it has, beside what is known here. Rarely does anything follow from it."""
        verdict, self._acked = await self._asked.weighed.ask(resync_steps.Resumption(self._edge, applied, mark))
        if verdict is Verdict.SENDER_OLDER:
            await self._db.write(lambda conn: resync_steps.cloud_forgot(conn, self._edge, applied, utc_now()))
        elif verdict is Verdict.RECEIVER_OLDER:
            await self._db.write(lambda conn: resync_steps.edge_forgot(conn, self._edge, applied, peer, utc_now()))
            self._acked = applied
            self._told()
        return verdict

    async def forget(self, upto: int) -> None:
        """The edge has these in its journal: messages among them are being sent from now on."""
        if upto <= self._acked:
            return
        await self._db.write(lambda conn: self._forget(conn, upto))
        self._told()

    def _forget(self, conn: Connection, upto: int) -> None:
        after = 0
        while after < upto and (rows := outbox.read(conn, self._edge, after, _PIECE)):
            for seq, payload in rows:
                if seq <= upto and (message := outbox.message_of(payload)) is not None:
                    message_steps.step(conn, message, MessageStatus.SENDING)
            after = rows[-1][0]
        outbox.forget(conn, self._edge, upto)


class Outboxes:
    """Streets down by edge. ``know`` comes before ``of``: the hub asks for them without waiting."""

    def __init__(self, db: Database, told: Callable[[], None] = lambda: None) -> None:
        self._db = db
        self._told = told
        self._asked = Asked(db)
        self._streets: dict[EdgeId, tuple[str, int]] = {}

    def know(self, record: EdgeRecord) -> None:
        """How far the street goes, as it was read to let the edge in."""
        self._streets[record.edge] = record.outbox_stream, record.outbox_highest

    def of(self, edge: EdgeId) -> EdgeOutgoing:
        """The street of an edge that was loaded. Raises NotFound."""
        street = self._streets.get(edge)
        if street is None:
            raise NotFound(f"There is no edge {edge}")
        return EdgeOutgoing(self._db, edge, street, self._told, self._asked)
