"""One site as the services see it: an edge with two SIMs, whose events go in as the tunnel would hand them on."""

from __future__ import annotations

from datetime import UTC, datetime

from cloud.services.caps import CapKeeper
from cloud.store import callbacks, edges, numbers, outbox
from cloud.tunnel.ingest import Ingest
from telecore import codec
from telecore.codec import decode_command
from telecore.events import ChannelChanged
from telecore.ids import E164, Address, ChannelId, EdgeId, Iccid
from telecore.model import ChannelState, ChannelStatus, Service, Sim

EDGE = EdgeId("site-1")
CHANNELS = (ChannelId("site-1/modem1"), ChannelId("site-1/modem2"))
NUMBERS = (E164("+85510000001"), E164("+85510000002"))
HANDSET = Address("+85512000001")


def channel_changed(at: int = 0, state: ChannelState = ChannelState.REGISTERED, **changes) -> ChannelChanged:
    sim = Sim(Iccid(f"898550000000000000{at}"), None, NUMBERS[at])
    fields = {"since": 0.0, "offers": frozenset(Service), "sim": sim} | changes
    return ChannelChanged(status=ChannelStatus(CHANNELS[at], state, **fields))


class Site:
    """``link`` is what the hub would say of the edge; ``woken`` counts its wakes."""

    def __init__(self, db, account):
        self.db = db
        self.account = account
        self.link = True
        self.woken = []
        self.ingest = Ingest(db, allow=CapKeeper().allow)
        self.seq = 0

    def connected(self, edge) -> bool:
        return self.link and edge == EDGE

    async def open(self):
        await self.db.write(lambda conn: edges.create(conn, EDGE, self.account.sid))
        await self.send(channel_changed(0), channel_changed(1))
        return self

    async def send(self, *events, history=False):
        for event in events:
            self.seq += 1
            await self.ingest.incoming(EDGE).apply("street", self.seq, codec.encode(event), history=history)

    async def set_hooks(self, at: int = 0, **hooks):
        number = await self.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[at]))
        return await self.db.write(lambda conn: numbers.update(conn, number.sid, **hooks))

    async def commands(self):
        rows = await self.db.read(lambda conn: outbox.read(conn, EDGE, 0, 10_000))
        return [decode_command(payload) for _, payload in rows]

    async def queued(self):
        """Callbacks that wait, of all kinds, in order; they are taken out."""
        found = []
        far = datetime(2999, 1, 1, tzinfo=UTC)
        while rows := await self.db.read(lambda conn: callbacks.next_due(conn, far, 1000)):
            found += rows
            for row in rows:
                await self.db.write(lambda conn, row=row: callbacks.done(conn, row.id))
        return sorted(found, key=lambda row: row.id)
