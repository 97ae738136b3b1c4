"""Live sound of calls, carried to the cloud and back: who hears which call on which stream of the tunnel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from edge_agent.call.report import Notify
from edge_agent.media.jitter import JitterBuffer
from edge_agent.media.leg import Ear, Leg
from edge_agent.media.tunnel_pcm import Media, StreamNumbers, TunnelPcm
from telecore.commands import OpenFeed
from telecore.errors import Busy
from telecore.ids import CallSid, FeedId
from telecore.model import Track
from telecore.notices import FeedClosed, FeedKey, FeedOpened, FeedsHeld, Notice

log = logging.getLogger(__name__)

AWAY_S = 30.0
"""A tunnel that is down longer than this takes its feeds with it."""
MOST_FEEDS = 256
MOST_FRAMES = 10
"""What the cloud said and nobody heard yet: 200 ms, what a tunnel may be late at most before it drops sound."""

NO_CALL = "there is no such call"
CALL_OVER = "the call is over"
TUNNEL_AWAY = "the tunnel was down too long"


class Feed(Ear):
    """One flow. It is a Source too: what the cloud says, frame by frame, until the feed is closed.

    What the party says is sent at the leg's own pace, one frame per tick, also where the line pauses.
    """

    def __init__(self, wanted: OpenFeed, leg: Leg, media: Media, numbers: StreamNumbers, ended: Ended) -> None:
        self.call, self.id, self.name = wanted.call, wanted.feed, wanted.name
        self.wants_keys = wanted.keys
        self.finished = False
        self.done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why it ended."""
        self.on_key: Callable[[str], None] = _ignore
        self._leg = leg
        self._numbers = numbers
        self._ended = ended
        self._hears = Track.INBOUND in wanted.tracks
        self._speaks = wanted.speaks
        self._said = JitterBuffer(MOST_FRAMES)
        self._party = JitterBuffer()
        self._inbound = self._stream(media) if self._hears or wanted.speaks else None
        self._outbound = self._stream(media) if Track.OUTBOUND in wanted.tracks else None
        if self._inbound is not None and wanted.speaks:
            self._inbound.on_frame = self._from_cloud

    @property
    def opened(self) -> FeedOpened:
        """How it is told."""
        inbound, outbound = (None if pcm is None else pcm.number for pcm in (self._inbound, self._outbound))
        return FeedOpened(self.call, self.id, inbound, outbound)

    def begin(self) -> None:
        """From now on. What the cloud says is the leg's background unless somebody else has that."""
        self._leg.attach(self)
        if self._speaks and self._leg.background is None:
            self._leg.background = self

    def hear(self, frame: bytes) -> None:
        if self._hears:
            self._party.push(frame)

    def sent(self, frame: bytes) -> None:
        if self._hears and self._inbound is not None:
            self._inbound.send(self._party.pull())
        if self._outbound is not None:
            self._outbound.send(frame)

    def press(self, key: str) -> None:
        self.on_key(key)

    def over(self) -> None:
        self.end(CALL_OVER)

    def pull(self) -> bytes:
        """The next 20 ms of what the cloud says."""
        return self._said.pull()

    def flush(self) -> None:
        """Forget what waits to be heard."""
        self._said = JitterBuffer(MOST_FRAMES)

    def end(self, because: str) -> None:
        """Close it; the first reason counts."""
        if self.finished:
            return
        self.finished = True
        self._leg.detach(self)
        if self._leg.background is self:
            self._leg.background = None
        for stream in (self._inbound, self._outbound):
            if stream is not None:
                stream.close()
                self._numbers.give_back(stream.number)
        self.done.set_result(because)
        self._ended(self, because)

    def _from_cloud(self, frame: bytes) -> None:
        self._said.push(frame)

    def _stream(self, media: Media) -> TunnelPcm:
        return TunnelPcm(media, self._numbers.take())


Ended = Callable[[Feed, str], None]


class Feeds:
    """All of this edge. ``numbers`` are of all streams of the tunnel, for others who carry sound in it."""

    def __init__(self, notify: Notify, media: Media) -> None:
        self.numbers = StreamNumbers()
        self._notify = notify
        self._media = media
        self._feeds: dict[FeedId, Feed] = {}
        self._away: asyncio.TimerHandle | None = None

    def open(self, wanted: OpenFeed, leg: Leg | None) -> Feed | None:
        """Begin to carry this leg's sound, or say why not. One that is open is told again."""
        feed = self._feeds.get(wanted.feed)
        if feed is not None and feed.call == wanted.call:
            self._notify(feed.opened)
            return feed
        if leg is None or feed is not None or len(self._feeds) >= MOST_FEEDS:
            why = NO_CALL if leg is None else "another call has this feed" if feed is not None else "too many feeds"
            self._notify(FeedClosed(wanted.call, wanted.feed, why))
            return None
        feed = self._new(wanted, leg)
        if feed is not None:
            self._notify(feed.opened)
            feed.begin()
        return feed

    def find(self, feed: FeedId) -> Feed | None:
        return self._feeds.get(feed)

    def named(self, call: CallSid, name: str) -> Feed | None:
        """The open one of this call with this name."""
        return next((feed for feed in self._feeds.values() if feed.call == call and feed.name == name), None)

    def close(self, feed: FeedId, because: str = "closed") -> None:
        """End one, if it is open."""
        if (found := self._feeds.get(feed)) is not None:
            found.end(because)

    def flush(self, feed: FeedId) -> None:
        if (found := self._feeds.get(feed)) is not None:
            found.flush()

    def repeat(self) -> Sequence[Notice]:
        """What a cloud that was away has to be told again, before ``held``."""
        return [feed.opened for feed in self._feeds.values()]

    @property
    def held(self) -> FeedsHeld:
        return FeedsHeld(tuple(self._feeds))

    def on_link(self, up: bool) -> None:
        """The tunnel came or went. Feeds outlive a short cut."""
        if self._away is not None:
            self._away.cancel()
            self._away = None
        if not up and self._feeds:
            self._away = asyncio.get_running_loop().call_later(AWAY_S, self._give_up)

    def _new(self, wanted: OpenFeed, leg: Leg) -> Feed | None:
        try:
            feed = Feed(wanted, leg, self._media, self.numbers, self._ended)
        except Busy as error:
            self._notify(FeedClosed(wanted.call, wanted.feed, str(error)))
            return None
        feed.on_key = lambda key: self._pressed(feed, key)
        self._feeds[wanted.feed] = feed
        return feed

    def _pressed(self, feed: Feed, key: str) -> None:
        self._notify(FeedKey(feed.call, feed.id, key))

    def _give_up(self) -> None:
        self._away = None
        for feed in list(self._feeds.values()):
            feed.end(TUNNEL_AWAY)

    def _ended(self, feed: Feed, because: str) -> None:
        del self._feeds[feed.id]
        log.info("feed %s of call %s ended: %s", feed.id, feed.call, because)
        self._notify(FeedClosed(feed.call, feed.id, because))


def _ignore(key: str) -> None:
    """Nobody asked."""
