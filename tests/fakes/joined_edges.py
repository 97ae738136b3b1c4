"""Two edges with fake lines on one cloud with a real store: what tunnels carry goes between them by plain calls."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from cloud.store import calls, edges, numbers, outbox
from cloud.store.calls import CallFilter
from cloud.store.records import Cursor, Hook
from edge_agent.call.equipment import Waits
from edge_agent.calls import Calls
from telecore import codec
from telecore.codec import decode_command
from telecore.errors import NotFound, Refused, TelecoreError
from telecore.events import ChannelChanged, CommandRejected
from telecore.ids import E164, ChannelId, CommandId, EdgeId, Iccid
from telecore.model import ChannelState, ChannelStatus, Service, Sim
from telecore.notices import Do
from tests.cloud.services.desk_site import Beeps, make_desk
from tests.fakes.customer_app import twiml
from tests.fakes.edge import FakeEdge, FakeVoiceService
from tests.fakes.line import settle

NEAR, FAR = EdgeId("site-1"), EdgeId("site-2")
NUMBERS = {NEAR: E164("+85510000001"), FAR: E164("+85510000002")}


FRIEND = "+85512000002"


def channel_of(edge: EdgeId) -> ChannelId:
    return ChannelId(f"{edge}/modem1")


class EdgeMedia:
    """The edge's end of the tunnel's sound."""

    def __init__(self, street, edge):
        self.street, self.edge = street, edge
        self.handlers = {}

    def send_media(self, stream, payload):
        handler = self.street.handlers[self.edge].get(stream)
        if self.edge in self.street.up and handler is not None:
            handler(0, payload)
        return self.edge in self.street.up

    def on_media(self, stream, handler):
        if handler is None:
            self.handlers.pop(stream, None)
        else:
            self.handlers[stream] = handler


class JoinedEdge(FakeEdge):
    """What it tells goes to the desk, unless its tunnel is down: then its events wait."""

    def __init__(self, street, edge, directory):
        self.street, self.edge = street, edge
        self.seq = 0
        self.media = EdgeMedia(street, edge)
        super().__init__(directory, Waits(last_sound=0.01), media=self.media)
        self.lines.clear()
        self.lines[channel_of(edge)] = FakeVoiceService()
        self.waiting = []

    async def __aexit__(self, *exc):
        await self.calls.stop(2.0)
        self._task.cancel()
        await asyncio.wait({self._task})
        assert self.calls.live() == ()
        assert self.clock.registered == 0

    @property
    def line(self):
        return self.lines[channel_of(self.edge)].voice

    @property
    def dialled(self):
        return self.lines[channel_of(self.edge)].dialled

    async def _emit(self, event):
        self.written.append(event)
        self.waiting.append(event)
        await self.flush()

    async def flush(self):
        while self.waiting and self.edge in self.street.up:
            event = self.waiting.pop(0)
            self.seq += 1
            incoming = self.street.desk.ingest.incoming(self.edge)
            await incoming.apply("street", self.seq, codec.encode(event), history=False)

    def _notify(self, notice):
        super()._notify(notice)
        if self.edge in self.street.up:
            self.street.desk.on_notice(self.edge, codec.decode_notice(codec.encode(notice)))
        return self.edge in self.street.up


class Street:
    """The hub, seen from the services, with two edges behind it. ``up``: those on the line."""

    def __init__(self, files):
        self.files = files
        self.up = set()
        self.handlers = defaultdict(dict)
        self.edges = {}
        self.done = defaultdict(int)
        self.tasks = set()
        self.desk = None

    def notify(self, edge, notice):
        if edge not in self.up:
            return False
        notice = codec.decode_notice(codec.encode(notice))
        if isinstance(notice, Do):
            asyncio.get_running_loop().call_soon(self._do, self.edges[edge].calls, notice.command)
        return True

    def wake(self, edge):
        task = asyncio.ensure_future(self._feed(edge))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def connected(self, edge):
        return edge in self.up

    async def fetch(self, edge, sha256, size, within_s):
        raise NotFound("gone")

    def send_media(self, edge, stream, payload):
        handler = self.edges[edge].media.handlers.get(stream)
        if edge in self.up and handler is not None:
            handler(0, payload)
        return edge in self.up

    def on_media(self, edge, stream, handler):
        self.handlers[edge][stream] = handler

    def cut(self, edge):
        self.up.discard(edge)
        self.desk.on_link(edge, False)
        self.edges[edge].calls.on_link(False)

    async def mend(self, edge):
        self.up.add(edge)
        self.desk.on_link(edge, True)
        end = self.edges[edge]
        for notice in [*end.calls.repeat(), end.calls.feeds.held]:
            self.desk.on_notice(edge, codec.decode_notice(codec.encode(notice)))
        end.calls.on_link(True)
        await end.flush()
        self.wake(edge)
        await settle()

    async def open(self, db, account):
        for edge in (NEAR, FAR):
            await db.write(lambda conn, edge=edge: edges.create(conn, edge, account.sid))
            sim = Sim(Iccid(f"89855000000000000{edge[-1]}"), None, NUMBERS[edge])
            status = ChannelStatus(channel_of(edge), ChannelState.REGISTERED, 0.0, frozenset(Service), sim)
            self.up.add(edge)
            self.desk.on_link(edge, True)
            await self.edges[edge]._emit(ChannelChanged(status=status))

    async def _feed(self, edge):
        if edge not in self.up:
            return
        rows = await self.desk._db.read(lambda conn: outbox.read(conn, edge, self.done[edge], 100))
        for seq, payload in rows:
            if seq <= self.done[edge]:
                continue
            self.done[edge] = seq
            command = decode_command(payload)
            try:
                await self.edges[edge].calls.place(command)
            except TelecoreError as error:
                code = error.code if isinstance(error, Refused) else 20409
                rejected = CommandRejected(
                    command=CommandId(command.id), subject=command.call, code=code, reason=str(error)
                )
                await self.edges[edge]._emit(rejected)

    def _do(self, calls: Calls, command):
        doers = {
            "call.run_page": calls.run_page,
            "call.hang_up": calls.hang_up,
            "call.route_dial": calls.route_dial,
            "call.offer": calls.offer,
            "far_leg.tell": calls.tell_far_leg,
            "feed.open": calls.open_feed,
            "feed.close": calls.close_feed,
            "feed.flush": calls.flush_feed,
        }
        doers[command.kind](command)


class Story:
    """A handset calls at the near edge; its page dials a number that only the far edge's SIM can reach."""

    def __init__(self, street, db, account, app, files, client):
        self.street, self.db, self.account, self.app = street, db, account, app
        self.files, self.client = files, client
        self.near, self.far = street.edges[NEAR], street.edges[FAR]

    async def start_cloud(self):
        self.desk = self.street.desk = make_desk(self.db, self.files, self.client, Beeps(), self.street)
        self.serving = asyncio.create_task(self.desk.run())
        await asyncio.sleep(0)

    async def stop_cloud(self):
        self.serving.cancel()
        await asyncio.wait({self.serving})
        assert self.serving.cancelled(), self.serving.exception()

    async def call(self, inner=FRIEND, **attributes):
        """Until the far line is dialled."""
        given = "".join(f' {name}="{value}"' for name, value in attributes.items())
        await self.answers(f'<Dial action="/dialled"{given}>{inner}</Dial>')
        await self.until(lambda: self.far.dialled)

    async def answers(self, verbs):
        """A handset calls and gets this document."""
        number = await self.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[NEAR]))
        voice = Hook(self.app.answer("/voice", twiml(verbs)))
        self.app.answer("/dialled", twiml("<Hangup/>"))
        await self.db.write(lambda conn: numbers.update(conn, number.sid, voice=voice))
        self.parent, self.caller = await self.near.ring()

    async def children(self):
        wanted = CallFilter(parent=self.parent)
        return (await self.db.read(lambda conn: calls.list_(conn, self.account.sid, wanted, Cursor()))).items

    async def child_becomes(self, status):
        async with asyncio.timeout(3):
            while True:
                (child,) = await self.children()
                if child.status is status:
                    return child
                await asyncio.sleep(0.005)

    async def answered(self):
        """Until both are joined."""
        self.far.line.ring()
        self.far.line.pick_up()
        await self.until(lambda: self.joined)

    @property
    def joined(self):
        return any(call.joined for call in self.near.calls._calls.values() if call.origin.elsewhere)

    async def until(self, happened, within_s=3.0):
        async with asyncio.timeout(within_s):
            while not happened():  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def tick(self, count=1):
        for _ in range(count):
            await self.near.tick()
            await self.far.tick()

    async def after(self):
        (seen,) = await self.app.wait_for("/dialled")
        return seen.params
