"""Live sound of calls in the cloud: opens feeds at edges and hands their frames to whoever asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from telecore.commands import CloseFeed, Command, FlushFeed, OpenFeed
from telecore.ids import CallSid, EdgeId, FeedId, new_id
from telecore.model import Track
from telecore.notices import Do, FeedClosed, FeedKey, FeedOpened, FeedsHeld, Notice
from telecore.tunnel.link import MediaHandler

log = logging.getLogger(__name__)

AWAY_S = 30.0
"""How long a feed waits to be opened, or for its edge to come back."""
AWAY = "the edge was away too long"


class MediaLine(Protocol):
    """What feeds need of the hub."""

    def notify(self, edge: EdgeId, notice: Notice) -> bool: ...
    def send_media(self, edge: EdgeId, stream: int, payload: bytes) -> bool: ...
    def on_media(self, edge: EdgeId, stream: int, handler: MediaHandler | None) -> None: ...


class FeedEar:
    """Whoever asked for a feed. All are plain calls that return at once; frames are 160 bytes of µ-law, 20 ms."""

    def opened(self) -> None:
        """Sound flows from now on. Comes once."""

    def heard(self, track: Track, frame: bytes) -> None:
        """Frames that the tunnel lost do not come; while it is down none do."""

    def pressed(self, key: str) -> None:
        """The party pressed a key. Only where ``keys`` were asked for."""

    def closed(self, because: str) -> None:
        """It is over, or never came about; not called when its owner closed it. Comes once, and last."""


class Feed:
    """One flow of one call's sound, from its wish to its end."""

    def __init__(self, line: MediaLine, edge: EdgeId, wanted: OpenFeed, ear: FeedEar, ended: Ended) -> None:
        self.edge = edge
        self.call = wanted.call
        self.id = wanted.feed
        self.wanted = wanted
        self.is_open = False
        self.over = False
        self.ear = ear
        self._line = line
        self._ended = ended
        self._speech: int | None = None
        self._streams: tuple[int, ...] = ()
        self._patience: asyncio.TimerHandle | None = None
        self.wait()

    def send(self, frame: bytes) -> bool:
        """Say 20 ms of µ-law to the party, at real-time pace. False, and it is lost, while nothing can be said."""
        return self._speech is not None and self._line.send_media(self.edge, self._speech, frame)

    def flush(self) -> None:
        """The party is to hear nothing more of what was sent."""
        self.do(FlushFeed(call=self.call, feed=self.id))

    def close(self) -> None:
        """Its owner has enough of it."""
        if not self.over:
            self._end()
            self.do(CloseFeed(call=self.call, feed=self.id))

    def ask(self) -> None:
        """Wish it to be opened; harmless when it is."""
        self.do(self.wanted)

    def do(self, command: Command) -> None:
        self._line.notify(self.edge, Do(command))

    def wait(self) -> None:
        """For the edge, and not for ever."""
        if self._patience is None and not self.over:
            self._patience = asyncio.get_running_loop().call_later(AWAY_S, self.fail, AWAY)

    def carry(self, told: FeedOpened) -> None:
        """The edge says which streams it is; after a reconnect they may be others."""
        self._still()
        self._let_go()
        streams = {Track.INBOUND: told.inbound, Track.OUTBOUND: told.outbound}
        for track, number in streams.items():
            if number is not None:
                self._line.on_media(self.edge, number, self._handler(track) if track in self.wanted.tracks else None)
        self._streams = tuple(number for number in streams.values() if number is not None)
        self._speech = told.inbound if self.wanted.speaks else None
        if not self.is_open:
            self.is_open = True
            self.ear.opened()

    def fail(self, because: str) -> None:
        """It is over, and not by its owner's wish."""
        if not self.over:
            self._end()
            self.ear.closed(because)

    def _handler(self, track: Track) -> MediaHandler:
        heard = self.ear.heard
        return lambda sequence, frame: heard(track, frame)

    def _end(self) -> None:
        self.over = True
        self._still()
        self._let_go()
        self._ended(self)

    def _still(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _let_go(self) -> None:
        self._speech = None
        for number in self._streams:
            self._line.on_media(self.edge, number, None)
        self._streams = ()


Ended = Callable[[Feed], None]


class Feeds:
    """All feeds of this cloud. They live in memory: one that this process does not know is closed at its edge."""

    def __init__(self, line: MediaLine) -> None:
        self._line = line
        self._feeds: dict[tuple[EdgeId, FeedId], Feed] = {}

    def open(
        self,
        edge: EdgeId,
        call: CallSid,
        ear: FeedEar,
        *,
        tracks: tuple[Track, ...] = (Track.INBOUND,),
        speaks: bool = False,
        keys: bool = False,
        name: str = "",
        feed: FeedId | None = None,
        answers: bool = False,
    ) -> Feed:
        """Ask the edge for a call's sound; ``ear`` hears how it goes. Within AWAY_S it is opened or closed."""
        wanted = OpenFeed(
            call=call,
            feed=feed or FeedId(new_id()),
            tracks=tracks,
            speaks=speaks,
            keys=keys,
            name=name,
            answers=answers,
        )
        made = Feed(self._line, edge, wanted, ear, self._ended)
        self._feeds[edge, made.id] = made
        made.ask()
        return made

    def refuse(self, edge: EdgeId, call: CallSid, feed: FeedId) -> None:
        """There is to be no such feed; harmless when it is over."""
        self._line.notify(edge, Do(CloseFeed(call=call, feed=feed)))

    def of_call(self, call: CallSid) -> list[Feed]:
        """Those of a call that are not over."""
        return [feed for feed in self._feeds.values() if feed.call == call]

    def on_link(self, edge: EdgeId, up: bool) -> None:
        """An edge came or went. What it still carries it says itself."""
        if not up:
            for feed in self._of(edge):
                feed.wait()

    def opened(self, edge: EdgeId, notice: FeedOpened) -> None:
        feed = self._feeds.get((edge, notice.feed))
        if feed is None:
            log.info("edge %s carries feed %s, which nobody here asked for; it is closed", edge, notice.feed)
            self._line.notify(edge, Do(CloseFeed(call=notice.call, feed=notice.feed)))
        else:
            feed.carry(notice)

    def closed(self, edge: EdgeId, notice: FeedClosed) -> None:
        if (feed := self._feeds.get((edge, notice.feed))) is not None:
            feed.fail(notice.because)

    def pressed(self, edge: EdgeId, notice: FeedKey) -> None:
        if (feed := self._feeds.get((edge, notice.feed))) is not None:
            feed.ear.pressed(notice.key)

    def held(self, edge: EdgeId, notice: FeedsHeld) -> None:
        """The edge is back: what it carried and does no more is over, what was only wished is wished again."""
        for feed in self._of(edge):
            if feed.id in notice.feeds:
                continue
            if feed.is_open:
                feed.fail("the edge carries it no more")
            else:
                feed.ask()

    def close(self) -> None:
        """The cloud stops: every owner is told."""
        for feed in list(self._feeds.values()):
            feed.fail("the cloud is stopping")

    def _of(self, edge: EdgeId) -> list[Feed]:
        return [feed for feed in self._feeds.values() if feed.edge == edge]

    def _ended(self, feed: Feed) -> None:
        self._feeds.pop((feed.edge, feed.id), None)
