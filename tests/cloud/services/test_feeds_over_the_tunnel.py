"""A call's sound through a real hub and a real uplink, there and back, and over a cut."""

from __future__ import annotations

import asyncio

from cloud.services.feeds import FeedEar, Feeds
from edge_agent.call.feeds import Feeds as EdgeFeeds
from edge_agent.media.clock import MediaClock
from edge_agent.media.leg import Leg
from telecore.audio.g711 import l16_to_ulaw, ulaw_to_l16
from telecore.audio.tone import tone
from telecore.commands import CloseFeed, FlushFeed, OpenFeed
from telecore.ids import CallSid
from telecore.model import Track
from telecore.notices import Do, FeedClosed, FeedOpened, FeedsHeld
from tests.fakes.line import FakeVoiceCall
from tests.fakes.tunnel import EDGE, Rig, running, until

CALL = CallSid("CA" + "1" * 32)


class Calls(Rig):
    """Both ends' feeds, wired as the agent and the desk wire them, and one call."""

    def __init__(self) -> None:
        super().__init__()
        self.feeds = Feeds(self.hub)
        self.cloud_notices = _Tell(self.from_edge)  # type: ignore[assignment]
        self.edge_notices = _Tell(self.from_cloud)  # type: ignore[assignment]
        self.cloud_links = _Tell(lambda up: self.feeds.on_link(EDGE, up))  # type: ignore[assignment]

    def begin(self) -> None:
        self.edge_links = _Tell(self.on_edge_link)  # type: ignore[assignment]
        self.link = self.uplink()
        self.at_site = EdgeFeeds(self.link.notify, self.link)
        self.voice = FakeVoiceCall()
        self.voice.pcm = self.voice.far
        self.leg = Leg(MediaClock(), self.voice)
        self.leg.start()

    @property
    def greeting(self):  # type: ignore[override, no-untyped-def]
        return [*self.at_site.repeat(), self.at_site.held]

    @greeting.setter
    def greeting(self, value: object) -> None:
        """What is greeted with is what the feeds say."""

    def on_edge_link(self, up: bool) -> None:
        self.at_site.on_link(up)

    def from_cloud(self, notice: Do) -> None:
        match notice.command:
            case OpenFeed():
                self.at_site.open(notice.command, self.leg)
            case CloseFeed(feed=feed):
                self.at_site.close(feed)
            case FlushFeed(feed=feed):
                self.at_site.flush(feed)

    def from_edge(self, notice: object) -> None:
        handlers = {FeedOpened: self.feeds.opened, FeedClosed: self.feeds.closed, FeedsHeld: self.feeds.held}
        handlers[type(notice)](EDGE, notice)  # type: ignore[index, operator]


class _Tell:
    def __init__(self, to):  # type: ignore[no-untyped-def]
        self.append = to


class Echo(FeedEar):
    """Says back what it hears."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.ended = ""
        self.began = False

    def opened(self) -> None:
        self.began = True

    def heard(self, track: Track, frame: bytes) -> None:
        self.frames.append(frame)
        self.feed.send(frame)

    def closed(self, because: str) -> None:
        self.ended = because


async def test_a_party_hears_its_own_words_from_the_cloud_also_after_a_cut() -> None:
    rig = Calls()
    async with rig.cloud():
        rig.begin()
        async with running(rig.link.run()):
            await until(lambda: rig.hub.connected(EDGE))
            echo = Echo()
            echo.feed = rig.feeds.open(EDGE, CALL, echo, speaks=True)
            await until(lambda: len(echo.frames) > 5)
            word = tone((440, 620), 200)
            rig.voice.far.say(word)
            heard = l16_to_ulaw(word)[800:960]
            await until(lambda: heard in echo.frames and ulaw_to_l16(heard) in rig.voice.far.sent)

            rig.proxy.cut()
            await until(lambda: rig.proxy.connections == 2)  # it is back before it can be seen to be away
            before = len(echo.frames)
            await until(lambda: len(echo.frames) > before + 5)
            rig.voice.far.say(tone((300,), 200))
            again = ulaw_to_l16(l16_to_ulaw(tone((300,), 200))[800:960])
            await until(lambda: again in rig.voice.far.sent)

            rig.leg.close()
            await until(lambda: echo.ended)
            assert echo.ended == "the call is over"
            assert rig.at_site.held == FeedsHeld(())
        rig.at_site.on_link(True)
        rig.feeds.close()
    await asyncio.sleep(0)
