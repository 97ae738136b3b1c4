"""A whole desk at work: real store, real customer application, and an edge whose half of the tunnel is in our hands."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace

from cloud.services.addresses import AddressPolicy
from cloud.services.desk import Desk
from cloud.services.stream_socket import SocketTimes, StreamDoor
from cloud.store import calls, edges
from telecore import codec
from telecore.audio.tone import tone
from telecore.audio.wav import Pcm
from telecore.commands import HangUp, RunPage
from telecore.errors import NotFound
from telecore.events import CallAnswered, CallEnded, CallInitiated, CallOffered, CallRinging
from telecore.ids import CallSid, new_sid
from telecore.notices import Announced, Do, Heartbeat, LiveCall, PageEnded
from telecore.twiml.page import Ended, Goto
from tests.cloud.services.site import CHANNELS, EDGE, HANDSET, NUMBERS, channel_changed
from tests.fakes.speech import PlainEngine


class Beeps(PlainEngine):
    """Speech that costs nothing and says how often it was asked."""

    name = "beeps"
    rendered = 0

    async def render(self, script):
        self.rendered += 1
        return Pcm(8000, tone((300 + len(script.text),), 50))


class Line:
    """The hub, seen from the services. ``sent`` holds notices in order; blobs are what the edge still has."""

    def __init__(self, files):
        self.up = True
        self.sent = []
        self.woken = []
        self.media = {}
        self.said = []
        self.blobs = {}
        self._files = files
        self._news = asyncio.Condition()
        self._tasks = set()

    def notify(self, edge, notice):
        assert edge == EDGE
        codec.decode_notice(codec.encode(notice))
        if self.up:
            self.sent.append(notice)
            task = asyncio.ensure_future(self._tell())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return self.up

    def wake(self, edge):
        self.woken.append(edge)

    def connected(self, edge):
        return self.up and edge == EDGE

    async def fetch(self, edge, sha256, size, within_s):
        if sha256 not in self.blobs:
            raise NotFound("gone")
        data = self.blobs[sha256]
        await self._files.write(sha256, 0, data)
        assert await self._files.complete(sha256)

    def send_media(self, edge, stream, payload):
        self.said.append((stream, payload))
        return self.up

    def on_media(self, edge, stream, handler):
        self.media[stream] = handler

    async def wait_for(self, wanted, within_s=3.0):
        """The first notice for which ``wanted`` is true."""
        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(lambda: any(map(wanted, self.sent)))
        return next(filter(wanted, self.sent))

    async def _tell(self):
        async with self._news:
            self._news.notify_all()


def make_desk(db, files, client, engine, line, **more):
    return Desk(
        db, files, client, [engine], line,
        recording_url=lambda account, sid: f"http://cloud/{account}/{sid}",
        door=StreamDoor(AddressPolicy(["127.0.0.0/8"]), SocketTimes(close=0.5)),
        **more,
    )  # fmt: skip


class DeskSite:
    def __init__(self, db, account, files, client, engine=None, recognisers=None):
        self.db, self.account, self.files, self.client = db, account, files, client
        self.engine = engine or Beeps()
        self.recognisers = recognisers
        self.line = Line(files)
        self.seq = 0
        self.desk = self._new_desk()

    def _new_desk(self):
        return make_desk(self.db, self.files, self.client, self.engine, self.line, recognisers=self.recognisers)

    async def open(self):
        await self.db.write(lambda conn: edges.create(conn, EDGE, self.account.sid))
        self.task = asyncio.create_task(self.desk.run())
        self.desk.on_link(EDGE, True)
        await self.send(channel_changed(0), channel_changed(1))
        return self

    async def close(self):
        self.task.cancel()
        await asyncio.wait([self.task])
        assert self.task.cancelled(), self.task.exception()

    async def restart(self):
        """The cloud dies and comes back; the edge goes on."""
        self.task.cancel()
        await asyncio.wait([self.task])
        self.line.sent.clear()
        self.desk = self._new_desk()
        self.task = asyncio.create_task(self.desk.run())
        self.desk.on_link(EDGE, True)

    async def send(self, *events, history=False):
        for event in events:
            self.seq += 1
            await self.desk.ingest.incoming(EDGE).apply("street", self.seq, codec.encode(event), history=history)

    def announce(self, *events):
        for event in events:
            self.desk.on_notice(EDGE, Announced(event))

    async def tell(self, *events):
        """As the edge does: announced at once, and through the street."""
        self.announce(*events)
        await self.send(*events)

    def page_ended(self, call, page, outcome):
        self.desk.on_notice(EDGE, PageEnded(call, page, outcome))

    def goto(self, call, page, url, method="POST", **params):
        self.page_ended(call, page, Goto(url, method, params))

    def finished(self, call, page):
        self.page_ended(call, page, Ended("finished"))

    def heartbeat(self, *live, channels=()):
        self.desk.on_notice(EDGE, Heartbeat("i", "1.0", 1.0, tuple(channels), tuple(live), 0))

    async def offer(self, at=0, **changes):
        """A handset calls; its CallSid."""
        call = CallSid(new_sid("CA"))
        fields = {"call": call, "channel": CHANNELS[at], "caller": HANDSET, "called": NUMBERS[at]} | changes
        await self.tell(CallOffered(**fields))
        return call

    async def answer(self, call):
        await self.tell(CallInitiated(call=call, channel=CHANNELS[0]), CallRinging(call=call), CallAnswered(call=call))

    async def end(self, call, cause=16, duration_s=5):
        await self.tell(CallEnded(call=call, cause=cause, by="caller", duration_s=duration_s))

    async def page(self, call, number):
        """The page of this number, once it has come."""
        notice = await self.line.wait_for(
            lambda n: (
                isinstance(n, Do)
                and isinstance(n.command, RunPage)
                and (n.command.call, n.command.page) == (call, number)
            )
        )
        return notice.command

    async def hang_up(self, call):
        return await self.line.wait_for(
            lambda n: isinstance(n, Do) and isinstance(n.command, HangUp) and n.command.call == call
        )

    async def record(self, call):
        return await self.db.read(lambda conn: calls.get(conn, call))

    async def becomes(self, call, **wanted):
        """The row, once it has these values."""
        async with asyncio.timeout(3):
            while True:
                record = await self.record(call)
                if record is not None and record == replace(record, **wanted):
                    return record
                await asyncio.sleep(0.01)

    async def blob(self, data):
        sha = hashlib.sha256(data).hexdigest()
        self.line.blobs[sha] = data
        return sha


def live(call, page=0, answered=True, at=0):
    return LiveCall(call, CHANNELS[at], answered, page)
