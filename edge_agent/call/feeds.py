"""Live sound of calls, carried to the cloud and back: who hears which call on which stream of the tunnel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from edge_agent.call.feed import CALL_OVER, Feed
from edge_agent.call.report import Notify
from edge_agent.media.leg import Ear, Leg
from edge_agent.media.tunnel_pcm import Media, StreamNumbers
from telecore.commands import OpenFeed
from telecore.errors import Busy
from telecore.ids import CallSid, FeedId
from telecore.notices import FeedClosed, FeedKey, FeedsHeld, Notice, StreamWanted

log = logging.getLogger(__name__)

AWAY_S = 30.0
"""A tunnel that is down longer than this takes its feeds with it."""
MOST_FEEDS = 256

NO_CALL = "there is no such call"
TUNNEL_AWAY = "the tunnel was down too long"
STOPPED = "stopped"


class Wish(Ear):
    """A stream that a page wants and the cloud has not answered yet."""

    def __init__(self, feeds: Feeds, wanted: StreamWanted, leg: Leg) -> None:
        self.wanted = wanted
        self.answer: asyncio.Future[Feed | None] = asyncio.get_running_loop().create_future()
        """The feed, or None when there will be none."""
        self._feeds = feeds
        self._leg = leg
        leg.attach(self)

    def over(self) -> None:
        self._feeds.close(self.wanted.stream, CALL_OVER)

    def settle(self, feed: Feed | None) -> None:
        self._leg.detach(self)
        if not self.answer.done():
            self.answer.set_result(feed)


class Feeds:
    """All of this edge. ``numbers`` are of all streams of the tunnel, for others who carry sound in it."""

    def __init__(self, notify: Notify, media: Media) -> None:
        self.numbers = StreamNumbers()
        self._notify = notify
        self._media = media
        self._feeds: dict[FeedId, Feed] = {}
        self._wishes: dict[FeedId, Wish] = {}
        self._away: asyncio.TimerHandle | None = None

    def want(self, wanted: StreamWanted, leg: Leg) -> Wish:
        """Ask the cloud to let an application hear this leg. Raises Busy."""
        if len(self._feeds) + len(self._wishes) >= MOST_FEEDS:
            raise Busy("too many streams are open at this edge")
        wish = self._wishes[wanted.stream] = Wish(self, wanted, leg)
        self._notify(wanted)
        return wish

    def open(self, wanted: OpenFeed, leg: Leg | None) -> None:
        """Begin to carry this leg's sound, or say why not. One that is open is told again."""
        feed = self._feeds.get(wanted.feed)
        if feed is not None and feed.call == wanted.call:
            self._notify(feed.opened)
            return
        why = NO_CALL if leg is None else "another call has this feed" if feed is not None else ""
        if wanted.answers and wanted.feed not in self._wishes:
            why = why or "it is wanted no more"
        if len(self._feeds) >= MOST_FEEDS:
            why = why or "too many feeds"
        opened = None if leg is None or why else self._new(wanted, leg)
        if opened is None:
            self._notify(FeedClosed(wanted.call, wanted.feed, why or "no stream of the tunnel is free"))
        self._settle(wanted.feed, opened)

    def find(self, feed: FeedId) -> Feed | None:
        return self._feeds.get(feed)

    def close(self, feed: FeedId, because: str = "closed") -> None:
        """End one, if it is open or wished for."""
        wish, found = self._wishes.get(feed), self._feeds.get(feed)
        if found is not None:
            found.end(because)
        elif wish is not None:
            self._settle(feed, None)
            self._notify(FeedClosed(wish.wanted.call, feed, because))

    def stop(self, call: CallSid, name: str) -> bool:
        """End those of this call with this name; whether there were any."""
        named = [feed.id for feed in self._feeds.values() if feed.call == call and feed.name == name]
        named += [
            wish.wanted.stream
            for wish in self._wishes.values()
            if wish.wanted.call == call and wish.wanted.spec.name == name
        ]
        for feed in named:
            self.close(feed, STOPPED)
        return bool(named)

    def flush(self, feed: FeedId) -> None:
        if (found := self._feeds.get(feed)) is not None:
            found.flush()

    def repeat(self) -> Sequence[Notice]:
        """What a cloud that was away has to be told again, before ``held``."""
        wanted: list[Notice] = [wish.wanted for wish in self._wishes.values()]
        return [*wanted, *(feed.opened for feed in self._feeds.values())]

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
            log.warning("feed %s of call %s: %s", wanted.feed, wanted.call, error)
            return None
        feed.on_key = lambda key: self._pressed(feed, key)
        self._feeds[wanted.feed] = feed
        self._notify(feed.opened)
        feed.begin()
        return feed

    def _settle(self, feed: FeedId, opened: Feed | None) -> None:
        if (wish := self._wishes.pop(feed, None)) is not None:
            wish.settle(opened)

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
