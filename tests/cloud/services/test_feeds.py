"""Feeds in the cloud: who asked gets frames, keys and the end; what nobody asked for is closed."""

import asyncio

import pytest

from cloud.services import feeds
from cloud.services.feeds import FeedEar, Feeds
from telecore.commands import CloseFeed, FlushFeed, OpenFeed
from telecore.ids import CallSid, EdgeId, FeedId
from telecore.model import Track
from telecore.notices import FeedClosed, FeedKey, FeedOpened, FeedsHeld
from tests.fakes.media import FakeMedia

EDGE = EdgeId("site-1")
CALL = CallSid("CA" + "1" * 32)
FRAME = b"\x55" * 160


class Line:
    def __init__(self):
        self.media = FakeMedia()
        self.done = []

    def notify(self, edge, notice):
        assert edge == EDGE
        self.done.append(notice.command)
        return self.media.up

    def send_media(self, edge, stream, payload):
        return self.media.send_media(stream, payload)

    def on_media(self, edge, stream, handler):
        self.media.on_media(stream, handler)


class Hears(FeedEar):
    def __init__(self):
        self.events = []

    def opened(self):
        self.events.append("opened")

    def heard(self, track, frame):
        self.events.append((track, frame))

    def pressed(self, key):
        self.events.append(key)

    def closed(self, because):
        self.events.append(f"closed: {because}")


@pytest.fixture
async def line():
    return Line()


@pytest.fixture
async def held(line):
    made = Feeds(line)
    yield made
    made.close()
    assert not line.media.handlers


async def test_from_the_wish_to_the_end(line, held):
    ear = Hears()
    feed = held.open(EDGE, CALL, ear, tracks=(Track.INBOUND, Track.OUTBOUND), speaks=True, keys=True)
    assert [type(command) for command in line.done] == [OpenFeed]
    assert not feed.send(FRAME)
    held.opened(EDGE, FeedOpened(CALL, feed.id, 3, 4))
    line.media.say(3, FRAME)
    line.media.say(4, FRAME)
    held.pressed(EDGE, FeedKey(CALL, feed.id, "5"))
    assert feed.send(FRAME)
    assert line.media.sent == {3: [FRAME]}
    feed.flush()
    held.closed(EDGE, FeedClosed(CALL, feed.id, "the call is over"))
    assert not feed.send(FRAME)
    feed.close()
    assert ear.events == [
        "opened", (Track.INBOUND, FRAME), (Track.OUTBOUND, FRAME), "5", "closed: the call is over",
    ]  # fmt: skip
    assert [type(command) for command in line.done] == [OpenFeed, FlushFeed]
    assert held.of_call(CALL) == []


async def test_its_owner_closes_it_once_and_hears_no_more(line, held):
    ear = Hears()
    feed = held.open(EDGE, CALL, ear)
    held.opened(EDGE, FeedOpened(CALL, feed.id, 3))
    feed.close()
    feed.close()
    held.closed(EDGE, FeedClosed(CALL, feed.id, "closed"))
    held.pressed(EDGE, FeedKey(CALL, feed.id, "1"))
    assert ear.events == ["opened"]
    assert line.done[1:] == [CloseFeed(id=line.done[1].id, call=CALL, feed=feed.id)]


async def test_one_that_only_hears_cannot_speak_and_the_other_way_round(line, held):
    hears = held.open(EDGE, CALL, Hears())
    speaks = held.open(EDGE, CALL, Hears(), tracks=(), speaks=True)
    held.opened(EDGE, FeedOpened(CALL, hears.id, 3))
    held.opened(EDGE, FeedOpened(CALL, speaks.id, 4))
    assert not hears.send(FRAME)
    assert speaks.send(FRAME)
    assert list(line.media.handlers) == [3]


async def test_a_feed_nobody_here_asked_for_is_closed_at_its_edge(line, held):
    held.opened(EDGE, FeedOpened(CALL, FeedId("MZold"), 3))
    assert [(type(command), command.feed) for command in line.done] == [(CloseFeed, "MZold")]


async def test_after_a_cut_it_goes_on_perhaps_on_other_streams(line, held, monkeypatch):
    monkeypatch.setattr(feeds, "AWAY_S", 0.1)
    ear = Hears()
    feed = held.open(EDGE, CALL, ear, speaks=True)
    held.opened(EDGE, FeedOpened(CALL, feed.id, 3))
    held.on_link(EDGE, False)
    held.opened(EDGE, FeedOpened(CALL, feed.id, 9))
    held.held(EDGE, FeedsHeld((feed.id,)))
    await asyncio.sleep(0.15)
    line.media.say(9, FRAME)
    feed.send(FRAME)
    assert ear.events == ["opened", (Track.INBOUND, FRAME)]
    assert (list(line.media.handlers), line.media.sent) == ([9], {9: [FRAME]})


async def test_an_edge_that_is_away_too_long_ends_it(line, held, monkeypatch):
    monkeypatch.setattr(feeds, "AWAY_S", 0.02)
    never, cut = Hears(), Hears()
    held.open(EDGE, CALL, never)
    feed = held.open(EDGE, CALL, cut)
    held.opened(EDGE, FeedOpened(CALL, feed.id, 3))
    await asyncio.sleep(0.05)
    assert (never.events, cut.events) == ([f"closed: {feeds.AWAY}"], ["opened"])
    held.on_link(EDGE, False)
    await asyncio.sleep(0.05)
    assert cut.events == ["opened", f"closed: {feeds.AWAY}"]


async def test_what_an_edge_that_is_back_does_not_carry_is_over_or_wished_again(line, held):
    carried, wished = Hears(), Hears()
    feed = held.open(EDGE, CALL, carried)
    held.opened(EDGE, FeedOpened(CALL, feed.id, 3))
    later = held.open(EDGE, CALL, wished)
    line.done.clear()
    held.held(EDGE, FeedsHeld(()))
    assert carried.events == ["opened", "closed: the edge carries it no more"]
    assert [command.feed for command in line.done] == [later.id]
    assert wished.events == []
