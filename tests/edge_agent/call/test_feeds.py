"""A call's sound goes to the cloud and comes back: opened, told, carried, flushed and closed."""

import asyncio
import random
import struct

import pytest

from edge_agent.call import feed, feeds
from edge_agent.call.feeds import MOST_FEEDS
from telecore.audio.g711 import l16_to_ulaw, ulaw_to_l16
from telecore.commands import CloseFeed, FlushFeed, HangUp, OpenFeed
from telecore.ids import CallSid, FeedId
from telecore.model import Track
from telecore.notices import FeedClosed, FeedKey, FeedOpened, FeedsHeld
from telecore.twiml.verbs.pause import Pause
from tests.fakes.edge import FakeEdge
from tests.fakes.line import SILENCE
from tests.fakes.media import FakeMedia

FEED = FeedId("MZ1")
BOTH = (Track.INBOUND, Track.OUTBOUND)
QUIET = b"\xff" * 160


def ulaw(frames, seed=1):
    """Loud frames of µ-law: nothing of them is taken for a place to stretch."""
    chance = random.Random(seed)
    return [
        l16_to_ulaw(struct.pack("<160h", *(chance.choice((-8000, 8000, 4000)) for _ in range(160))))
        for _ in range(frames)
    ]


class Site:
    def __init__(self, edge, media):
        self.edge, self.media = edge, media

    async def talking(self):
        """A call that is answered and has time."""
        call, voice = await self.edge.ring()
        await self.edge.run_page(call, Pause(3600))
        await self.edge.calls._find(call).answer()
        await self.edge.tick()
        return call, voice

    def open(self, call, feed=FEED, **options):
        self.edge.calls.open_feed(OpenFeed(call=call, feed=feed, **options))
        return self.edge.notices[-1]


@pytest.fixture
async def site(tmp_path):
    media = FakeMedia()
    async with FakeEdge(tmp_path, media=media) as edge:
        yield Site(edge, media)
    assert not media.handlers


async def test_the_cloud_hears_what_the_party_says_and_hears_at_the_legs_pace(site):
    call, voice = await site.talking()
    opened = site.open(call, tracks=BOTH)
    assert opened == FeedOpened(call, FEED, opened.inbound, opened.outbound)
    assert None not in (opened.inbound, opened.outbound)
    assert opened.inbound != opened.outbound
    said = ulaw(5)
    voice.far.say(b"".join(map(ulaw_to_l16, said)))
    await site.edge.tick(8)
    sent = site.media.sent[opened.inbound]
    assert len(sent) == 8
    assert [frame for frame in sent if frame != QUIET] == said
    assert site.media.sent[opened.outbound] == [QUIET] * 8


async def test_a_line_that_pauses_is_silence_and_no_gap(site):
    call, voice = await site.talking()
    opened = site.open(call, tracks=(Track.INBOUND,))
    assert opened.outbound is None
    voice.far.always_on = False
    await site.edge.tick(50)
    assert len(site.media.sent[opened.inbound]) == 50


async def test_the_party_hears_what_the_cloud_says_and_not_what_is_flushed(site):
    call, voice = await site.talking()
    opened = site.open(call, speaks=True)
    assert opened.inbound is not None
    words = ulaw(4)
    site.media.say(opened.inbound, *words)
    await site.edge.tick(6)
    assert [frame for frame in voice.far.sent if frame != SILENCE] == [ulaw_to_l16(word) for word in words]
    assert site.media.sent[opened.inbound] == []  # nobody asked to hear
    site.media.say(opened.inbound, *ulaw(4, seed=2))
    site.edge.calls.flush_feed(FlushFeed(call=call, feed=FEED))
    before = len(voice.far.sent)
    await site.edge.tick(6)
    assert set(voice.far.sent[before:]) == {SILENCE}


async def test_a_flood_is_bounded_and_delay_with_it(site):
    call, voice = await site.talking()
    opened = site.open(call, speaks=True)
    words = ulaw(500)
    site.media.say(opened.inbound, *words)
    await site.edge.tick(30)
    heard = [frame for frame in voice.far.sent if frame != SILENCE]
    assert heard == [ulaw_to_l16(word) for word in words[-feed.MOST_FRAMES :]]


async def test_keys_are_told_to_who_asked(site):
    call, voice = await site.talking()
    site.open(call)
    voice.press("5")
    assert site.edge.told(FeedKey) == []
    site.open(call, FeedId("MZ2"), keys=True)
    voice.press("7")
    assert site.edge.told(FeedKey) == [FeedKey(call, FeedId("MZ2"), "7")]


async def test_told_again_for_a_repetition_and_after_a_reconnect(site):
    call, _ = await site.talking()
    opened = site.open(call, tracks=BOTH)
    assert site.open(call, tracks=BOTH) == opened
    assert list(site.edge.calls.repeat())[-1:] == [opened]
    assert site.edge.calls.feeds.held == FeedsHeld((FEED,))
    site.edge.calls.close_feed(CloseFeed(call=call, feed=FEED))
    assert site.edge.told(FeedClosed) == [FeedClosed(call, FEED, "closed")]
    assert site.edge.calls.feeds.held == FeedsHeld(())
    before = len(site.media.sent[opened.inbound])
    await site.edge.tick(3)
    assert len(site.media.sent[opened.inbound]) == before


async def test_the_end_of_the_call_ends_its_feeds(site):
    call, _ = await site.talking()
    opened = site.open(call, tracks=BOTH, speaks=True)
    site.edge.calls.hang_up(HangUp(call=call))
    await site.edge.until(lambda: site.edge.told(FeedClosed))
    assert site.edge.told(FeedClosed) == [FeedClosed(call, FEED, "the call is over")]
    assert opened.inbound not in site.media.handlers


async def test_no_call_another_calls_feed_and_too_many_are_refused(site):
    nobody = CallSid("CA" + "0" * 32)
    assert site.open(nobody, tracks=BOTH) == FeedClosed(nobody, FEED, "there is no such call")
    call, _ = await site.talking()
    other, _ = await site.edge.place()
    site.open(call)
    assert site.open(other) == FeedClosed(other, FEED, "another call has this feed")
    for number in range(MOST_FEEDS - 1):
        assert isinstance(site.open(call, FeedId(f"f{number}")), FeedOpened)
    assert site.open(call, FeedId("more")) == FeedClosed(call, FeedId("more"), "too many feeds")


async def test_a_short_cut_is_outlived_a_long_one_is_not(site, monkeypatch):
    call, voice = await site.talking()
    site.open(call, tracks=BOTH, speaks=True)
    monkeypatch.setattr(feeds, "AWAY_S", 0.05)
    held = site.edge.calls.feeds
    held.on_link(False)
    await asyncio.sleep(0.02)
    held.on_link(True)
    await asyncio.sleep(0.05)
    assert held.find(FEED) is not None
    held.on_link(False)
    await asyncio.sleep(0.08)
    assert held.find(FEED) is None
    assert site.edge.told(FeedClosed)[-1].because == "the tunnel was down too long"
    await site.edge.tick(2)
    assert voice.far.sent[-1] == SILENCE
