"""A media stream from the edge's wish to the last callback, with a real application and the edge in our hands."""

from __future__ import annotations

import asyncio
import threading

import pytest
from twilio.request_validator import RequestValidator

from cloud.services.requests import NewStream
from cloud.services.stream import StreamOrder
from cloud.store import callbacks, notifications, streams
from telecore.commands import CloseFeed, FlushFeed, OpenFeed
from telecore.errors import InvalidRequest, NotFound
from telecore.ids import CallSid, FeedId, new_sid
from telecore.model import Track
from telecore.notices import Do, FeedClosed, FeedKey, FeedOpened, FeedsHeld, StreamWanted
from telecore.twiml.control import StreamSpec
from tests.cloud.services.site import EDGE
from tests.fakes.stream_app import StreamApp

SOUND = bytes(range(160))
CALLBACK = "http://127.0.0.1:9/told"


class Site:
    """A call that talks, and the edge's half of its streams."""

    def __init__(self, desk):
        self.desk, self.line = desk, desk.line
        self.stream = FeedId(new_sid("MZ"))

    async def begin(self):
        self.call = await self.desk.offer()
        await self.desk.answer(self.call)
        return self

    def want(self, url, stream=None, **spec):
        spec = StreamSpec(url, **{"both_ways": True, "status_callback": CALLBACK} | spec)
        self.desk.desk.on_notice(EDGE, StreamWanted(self.call, stream or self.stream, spec))

    async def command(self, kind, stream=None):
        found = await self.line.wait_for(
            lambda n: isinstance(n, Do) and isinstance(n.command, kind) and n.command.feed == (stream or self.stream)
        )
        return found.command

    def done(self, kind):
        return [n.command for n in self.line.sent if isinstance(n, Do) and isinstance(n.command, kind)]

    def opened(self, stream=None):
        self.desk.desk.on_notice(EDGE, FeedOpened(self.call, stream or self.stream, 3, 4))

    def closed(self, stream=None):
        self.desk.desk.on_notice(EDGE, FeedClosed(self.call, stream or self.stream, "the call is over"))

    def hear(self, frame=SOUND, stream=3):
        self.line.media[stream](0, frame)

    async def row(self):
        return await self.desk.db.read(lambda conn: streams.get(conn, self.stream))

    async def is_over(self):
        async with asyncio.timeout(3):
            while (row := await self.row()) is None or row.status != "stopped":  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def until_all_is_done(self):
        async with asyncio.timeout(3):
            while self.desk.desk.streams._tasks._tasks:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def told(self):
        """Status callbacks that are queued, in order."""
        rows = await self.desk.db.read(
            lambda conn: [
                row.params
                for row in conn.execute(callbacks.callbacks.select().order_by(callbacks.callbacks.c.id))
                if row.subject == self.stream
            ]
        )
        return [(row["StreamEvent"], row.get("StreamError", "")) for row in rows]

    async def notes(self):
        return [
            (note.code, note.level)
            for note in await self.desk.db.read(
                lambda conn: notifications.list_(conn, self.desk.account.sid, about=self.call)
            )
            if 31900 <= note.code < 32000
        ]


@pytest.fixture
async def site(desk):
    return await Site(desk).begin()


async def test_sound_goes_both_ways_and_the_application_ends_it(site):
    async with StreamApp() as app:
        site.want(app.url, parameters={"k": "v"}, name="mine")
        talk = await app.talk()
        await talk.until(lambda: len(talk.messages) >= 2)
        assert [message["event"] for message in talk.messages[:2]] == ["connected", "start"]
        start = talk.of("start")[0]["start"]
        assert start["callSid"] == site.call
        assert start["tracks"] == ["inbound"]
        assert start["customParameters"] == {"k": "v"}
        wanted = await site.command(OpenFeed)
        assert (wanted.tracks, wanted.speaks, wanted.keys, wanted.name, wanted.answers) == (
            (Track.INBOUND,), True, True, "mine", True,
        )  # fmt: skip
        site.opened()
        site.hear()
        site.desk.desk.on_notice(EDGE, FeedKey(site.call, site.stream, "7"))
        await talk.until(lambda: talk.of("dtmf"))
        assert talk.heard().startswith(SOUND)
        assert talk.of("dtmf")[0]["dtmf"] == {"track": "inbound_track", "digit": "7"}
        await talk.say(SOUND * 2)
        await talk.mark("m")
        await talk.until(talk.marks)
        assert talk.marks() == ["m"]
        assert site.line.said == [(3, SOUND)] * 2
        await talk.connection.close()
        await site.command(CloseFeed)
        await site.is_over()
        assert await site.told() == [("stream-started", ""), ("stream-stopped", "")]
        assert await site.notes() == []
        assert talk.of("stop") == []


async def test_the_request_is_signed_and_plain(site):
    async with StreamApp() as app:
        site.want(app.url)
        talk = await app.talk()
        headers = talk.request.headers
        token = site.desk.account.auth_token
        assert RequestValidator(token).compute_signature(app.url, {}) == headers["X-Twilio-Signature"]
        assert "Origin" not in headers
        assert "Sec-WebSocket-Extensions" not in headers


async def test_the_end_of_the_call_is_a_stop_and_a_close(site):
    async with StreamApp() as app:
        site.want(app.url)
        talk = await app.talk()
        await site.command(OpenFeed)
        site.opened()
        site.closed()
        await talk.until(talk.over.is_set)
        assert talk.messages[-1]["event"] == "stop"
        assert talk.messages[-1]["stop"] == {"accountSid": site.desk.account.sid, "callSid": site.call}
        numbers = [int(message["sequenceNumber"]) for message in talk.messages[1:]]
        assert numbers == list(range(1, len(numbers) + 1))
        await site.is_over()


async def test_clear_empties_what_waits_and_returns_all_marks(site):
    async with StreamApp() as app:
        site.want(app.url)
        talk = await app.talk()
        await site.command(OpenFeed)
        site.opened()
        for name in "abc":
            await talk.say(SOUND * 500)
            await talk.mark(name)
        await asyncio.sleep(0.1)
        await talk.clear()
        await talk.until(lambda: len(talk.marks()) == 3)
        assert talk.marks() == ["a", "b", "c"]
        await site.command(FlushFeed)
        sent = len(site.line.said)
        assert sent < 30
        await asyncio.sleep(0.1)
        assert len(site.line.said) == sent


async def test_silence_takes_the_place_of_what_is_lost_on_each_track_that_is_heard(site):
    async with StreamApp() as app:
        site.want(app.url, both_ways=False, tracks=(Track.INBOUND, Track.OUTBOUND))
        talk = await app.talk()
        wanted = await site.command(OpenFeed)
        assert (wanted.speaks, wanted.keys) == (False, False)
        site.opened()
        site.hear()
        site.hear(b"\x01" * 160, stream=4)
        await talk.until(lambda: len(talk.of("media")) >= 30)
        assert talk.heard()[:320] == SOUND + b"\xff" * 160
        assert talk.heard("outbound")[:320] == b"\x01" * 160 + b"\xff" * 160
        await talk.say(SOUND)
        await asyncio.sleep(0.05)
        assert site.line.said == []
        assert await site.notes() == [(31951, "warning")]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ws://127.0.0.1:1/", 31902),
        ("ws://10.1.2.3/", 31904),
        ("wss://127.0.0.1:1/", 31902),
        ("ws://8.8.8.8/", 31922),
        ("ftp://127.0.0.1/", 31923),
        ("wss://[", 31923),
        ("ws://no-such-host.invalid/", 31904),
    ],
)
async def test_what_cannot_be_reached_is_told_and_the_page_goes_on(site, url, code):
    site.want(url)
    await site.command(CloseFeed)
    await site.is_over()
    assert site.done(OpenFeed) == []
    assert await site.notes() == [(code, "error")]
    told = await site.told()
    assert [event for event, _ in told] == ["stream-error"]
    assert told[0][1].startswith(f"{code}: ")


async def test_what_speaks_no_websocket_and_what_closes_at_once_is_told(site):
    async def quit_at_once(talk):
        await talk.connection.close(1011, "no")

    async with StreamApp(quit_at_once) as app:
        site.want(app.url)
        await site.is_over()
        assert [event for event, _ in await site.told()] == ["stream-started", "stream-error", "stream-stopped"]
        assert await site.notes() == [(31921, "error")]

    async def speak_http(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(speak_http, "127.0.0.1", 0)
    async with server:
        site.stream = FeedId(new_sid("MZ"))
        site.want(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        await site.is_over()
    assert (await site.notes())[0] == (31920, "error")


async def test_rubbish_is_ignored_told_and_not_without_end(site):
    async def rubbish(talk):
        await talk.until(lambda: talk.of("start"))
        await talk.connection.send("{")
        await talk.connection.send(b"\x00")
        await talk.connection.send("[]")
        for number in range(300):
            await talk.connection.send(f'{{"event":"strange{number}"}}')
        await talk.say(SOUND)
        await talk.mark("still here")

    async with StreamApp(rubbish) as app:
        site.want(app.url)
        talk = await app.talk()
        await site.command(OpenFeed)
        site.opened()
        await talk.until(talk.marks)
        assert site.line.said == [(3, SOUND)]
        await asyncio.sleep(0.1)
        notes = await site.notes()
        assert len(notes) == 10
        assert {code for code, _ in notes} == {31950, 31951}


async def test_a_flood_is_held_back_and_overflow_is_told(site, monkeypatch):
    monkeypatch.setattr("cloud.services.stream.MOST_SPEECH", 160 * 1000)

    async def flood(talk):
        await talk.until(lambda: talk.of("start"))
        for _ in range(40):
            await talk.say(SOUND * 100)

    async with StreamApp(flood) as app:
        site.want(app.url)
        talk = await app.talk()
        await site.command(OpenFeed)
        site.opened()
        async with asyncio.timeout(5):
            while (31930, "warning") not in await site.notes():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert not talk.over.is_set()


async def test_an_application_that_reads_nothing_costs_little_and_is_told(site, monkeypatch):
    monkeypatch.setattr("cloud.services.stream_socket.MOST_UNSENT", 20_000)
    async with StreamApp(reads=False) as app:
        site.want(app.url)
        await app.talk()
        await site.command(OpenFeed)
        site.opened()
        for _ in range(60_000):
            site.hear()
        async with asyncio.timeout(5):
            while not await site.notes():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert await site.notes() == [(31931, "warning")]


async def test_asked_again_it_is_served_once_and_never_again_when_over(site):
    async with StreamApp() as app:
        site.want(app.url)
        site.want(app.url)
        talk = await app.talk()
        await site.command(OpenFeed)
        site.desk.desk.on_notice(EDGE, FeedsHeld(()))  # the OpenFeed was lost with the line
        await asyncio.sleep(0.02)
        assert len(site.done(OpenFeed)) == 2
        site.opened()
        await talk.connection.close()
        await site.is_over()
        before = len(site.done(CloseFeed))
        site.want(app.url)
        await asyncio.sleep(0.1)
        assert len(app.talks) == 1
        assert len(site.done(CloseFeed)) == before + 1


async def test_a_page_that_is_left_while_the_application_is_being_reached_reaches_it_no_more(site):
    async def say_nothing(reader, writer):
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with silent:
        site.want(f"ws://127.0.0.1:{silent.sockets[0].getsockname()[1]}/")
        await asyncio.sleep(0.1)
        site.closed()
        await site.is_over()
        assert await site.told() == []
        assert site.done(OpenFeed) == []


async def test_another_edges_call_and_no_call_are_refused(site):
    site.call, real = CallSid("CA" + "0" * 32), site.call
    site.want("ws://127.0.0.1:1/")
    await site.command(CloseFeed)
    assert await site.row() is None
    assert real


async def test_a_customer_begins_one_on_a_live_call_and_stops_it_by_name(site):
    account = site.desk.account.sid
    async with StreamApp() as app:
        wanted = NewStream(StreamSpec(app.url, name="ears", tracks=(Track.OUTBOUND,)))
        record = await site.desk.desk.streams.create(account, site.call, wanted)
        assert (record.status, record.name) == ("in-progress", "ears")
        site.stream = FeedId(record.sid)
        talk = await app.talk()
        command = await site.command(OpenFeed)
        assert (command.tracks, command.answers) == ((Track.OUTBOUND,), False)
        site.opened()
        site.hear(stream=4)
        await talk.until(lambda: talk.of("media"))
        assert talk.heard("outbound").startswith(SOUND)
        stopped = await site.desk.desk.streams.stop(account, site.call, "ears")
        assert (stopped.sid, stopped.status) == (record.sid, "stopped")
        await talk.until(talk.over.is_set)
        assert talk.messages[-1]["event"] == "stop"
        assert (await site.desk.desk.streams.stop(account, site.call, record.sid)).status == "stopped"
        with pytest.raises(NotFound):
            await site.desk.desk.streams.stop(account, site.call, "nobody")


async def test_only_a_call_in_progress_can_be_streamed(site):
    ringing = await site.desk.offer(1)
    wanted, account = NewStream(StreamSpec("wss://app.example/")), site.desk.account.sid
    with pytest.raises(InvalidRequest, match="not in-progress") as refused:
        await site.desk.desk.streams.create(account, ringing, wanted)
    assert refused.value.code == 21220
    with pytest.raises(NotFound):
        await site.desk.desk.streams.create(account, "CA" + "0" * 32, wanted)
    with pytest.raises(NotFound):
        await site.desk.desk.streams.create("AC" + "0" * 32, site.call, wanted)


async def test_a_cloud_that_stops_tells_the_application_and_the_next_one_knows_it_is_over(site):
    async with StreamApp() as app:
        site.want(app.url)
        talk = await app.talk()
        await site.command(OpenFeed)
        site.opened()
        await site.desk.restart()
        await talk.until(talk.over.is_set)
        assert talk.messages[-1]["event"] == "stop"
        await site.is_over()
        site.opened()
        await site.command(CloseFeed)


async def test_one_that_a_page_has_enough_of_while_it_is_written_never_begins(site, monkeypatch):
    write = site.desk.db.write

    async def slow(work):
        made = await write(work)
        if isinstance(made, StreamOrder):
            site.closed()
        return made

    monkeypatch.setattr(site.desk.db, "write", slow)
    async with StreamApp() as app:
        site.want(app.url)
        await site.is_over()
        await site.until_all_is_done()
        assert not site.done(OpenFeed)
        assert await site.told() == []


async def test_one_that_is_stopped_in_the_breath_in_which_it_is_created_never_begins(site):
    """Both are committed together, so the one is told of its commit right behind the other."""
    db, both = site.desk.db, site.desk.desk.streams
    account, gate = site.desk.account.sid, threading.Event()
    async with StreamApp() as app:
        busy = asyncio.create_task(db.write(lambda conn: gate.wait(10)))
        await asyncio.sleep(0)
        spec = StreamSpec(app.url, name="ears")
        acts = [
            asyncio.create_task(both.create(account, site.call, NewStream(spec))),
            asyncio.create_task(both.stop(account, site.call, "ears")),
        ]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(busy, *acts)
        await site.until_all_is_done()
        assert not site.done(OpenFeed)
