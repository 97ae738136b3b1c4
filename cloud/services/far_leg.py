"""One leg of a <Dial> that one edge holds and another dials: its sound, and what each is told of the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cloud.services.feeds import Feed, FeedEar, Feeds, MediaLine
from cloud.store.records import CallRecord
from telecore.causes import Cause
from telecore.commands import FarNews, HangUp, TellFarLeg
from telecore.ids import CallSid, EdgeId
from telecore.model import CallStatus, Track
from telecore.notices import Do
from telecore.states import FINAL_CALL

AWAY_S = 30.0
"""How long either edge may be away before the leg is over."""
HELD_AGAIN_S = 5.0
"""An edge that is back says within this what it still holds."""

_NEWS = {CallStatus.RINGING: FarNews.RINGING, CallStatus.IN_PROGRESS: FarNews.ANSWERED}


class FarLine(MediaLine, Protocol):
    """What far legs need of the hub."""

    def connected(self, edge: EdgeId) -> bool: ...


@dataclass(frozen=True, slots=True)
class Ends:
    """``near`` holds the leg, ``far`` dials it."""

    near: EdgeId
    far: EdgeId


class FarLeg(FeedEar):
    """``near`` holds the leg, ``far`` dials it. ``over`` is called once, when neither needs it any more.

    ``left``: its holder has let it go, and the far edge has not ended it yet.
    """

    def __init__(
        self, child: CallRecord, ends: Ends, feeds: Feeds, line: FarLine, over: Callable[[CallSid], None]
    ) -> None:
        self.call = child.sid
        self.near, self.far = ends.near, ends.far
        self.left = False
        self._status = child.status
        self._keys_apart = False
        self._feeds = feeds
        self._line = line
        self._over = over
        self._stream: int | None = None
        self._feed: Feed | None = None
        self._waits: dict[EdgeId, asyncio.TimerHandle] = {}
        self.miss(self.near, AWAY_S)

    # ------------------------------------------------------------------ the edge that holds it

    def hold(self, stream: int) -> None:
        """Its holder says by which stream its sound goes, perhaps again: it hears how the leg stands."""
        if self.left:
            self._tell(FarNews.ENDED, Cause.NETWORK_OUT_OF_ORDER)
            return
        self._found(self.near)
        for edge in (self.near, self.far):  # the holder may be gone since it said so
            if not self._line.connected(edge):
                self.miss(edge, AWAY_S)
        self._let_go_of_stream()
        self._stream = stream
        self._line.on_media(self.near, stream, self._from_near)
        if self._status in _NEWS:
            self._tell(_NEWS[self._status])
        if self._feed is not None and self._feed.is_open:
            self._tell(FarNews.READY)

    def leave(self, cause: int) -> None:
        """Its holder lets it go: the far edge is to hang up."""
        self.left = True
        self._let_go_of_stream()
        self._found(self.near)
        self._close_feed()
        self._hang_up(cause)

    # ------------------------------------------------------------------ the edge that dials it

    def progress(self, record: CallRecord) -> None:
        """The far edge has told how the call goes, and that is written down."""
        if record.status in FINAL_CALL:
            cause = Cause.NORMAL_CLEARING if record.cause is None else record.cause
            self._finish(FarNews.ENDED, cause)
            return
        if record.status is not self._status and record.status in _NEWS:
            self._tell(_NEWS[record.status])
        self._status = record.status
        if self.left:
            self._hang_up(Cause.NORMAL_CLEARING)

    def ready(self, keys_apart: bool) -> None:
        """It may be joined: its sound is asked for."""
        if self.left:
            self._hang_up(Cause.NORMAL_CLEARING)
        elif self._feed is None or self._feed.over:
            self._keys_apart = keys_apart
            self._feed = self._feeds.open(self.far, self.call, self, speaks=True, keys=keys_apart)

    def taken(self) -> None:
        """A page of its own took it out of its <Dial>."""
        self._finish(FarNews.TAKEN)

    # ------------------------------------------------------------------ links

    def link(self, edge: EdgeId, up: bool) -> None:
        """One of both edges came or went."""
        if not up:
            self.miss(edge, AWAY_S)
        elif edge == self.near:
            self._let_go_of_stream()  # numbers of an earlier connection may be others' now
            self._found(edge)
            self.miss(edge, HELD_AGAIN_S)
        else:
            self._found(edge)
            if self.left:
                self._hang_up(Cause.NORMAL_CLEARING)

    def miss(self, edge: EdgeId, seconds: float) -> None:
        """Wait for this edge, and not for ever."""
        if edge not in self._waits and not (edge == self.near and self.left):
            self._waits[edge] = asyncio.get_running_loop().call_later(seconds, self._gone, edge)

    def close(self) -> None:
        """The cloud stops: the edges keep the leg and tell of it again."""
        self._forget()

    # ------------------------------------------------------------------ its sound

    def opened(self) -> None:
        self._tell(FarNews.READY)

    def heard(self, track: Track, frame: bytes) -> None:
        if self._stream is not None:
            self._line.send_media(self.near, self._stream, frame)

    def pressed(self, key: str) -> None:
        self._line.notify(self.near, Do(TellFarLeg(call=self.call, news=FarNews.DIGIT, digit=key)))

    def closed(self, because: str) -> None:
        """The far edge carries its sound no more. Whether the call is over, or ends for want of it, it says itself."""
        self._feed = None
        self._hang_up(Cause.TEMPORARY_FAILURE)

    def _from_near(self, sequence: int, frame: bytes) -> None:
        if self._feed is not None:
            self._feed.send(frame)

    # ------------------------------------------------------------------ how it is done

    def _gone(self, edge: EdgeId) -> None:
        self._waits.pop(edge, None)
        if edge == self.near:
            self.leave(Cause.NETWORK_OUT_OF_ORDER)
        else:  # it ends its side by itself, and tells when it is back
            self._tell(FarNews.ENDED, Cause.NETWORK_OUT_OF_ORDER)
            self.left = True
            self._let_go_of_stream()
            self._close_feed()

    def _finish(self, news: FarNews, cause: int = Cause.NORMAL_CLEARING) -> None:
        if not self.left:
            self._tell(news, cause)
        self._forget()
        self._over(self.call)

    def _forget(self) -> None:
        for edge in list(self._waits):
            self._found(edge)
        self._let_go_of_stream()
        self._close_feed()

    def _tell(self, news: FarNews, cause: int = Cause.NORMAL_CLEARING) -> None:
        told = TellFarLeg(call=self.call, news=news, cause=cause, keys_apart=self._keys_apart)
        self._line.notify(self.near, Do(told))

    def _hang_up(self, cause: int) -> None:
        self._line.notify(self.far, Do(HangUp(call=self.call, cause=cause)))

    def _found(self, edge: EdgeId) -> None:
        timer = self._waits.pop(edge, None)
        if timer is not None:
            timer.cancel()

    def _let_go_of_stream(self) -> None:
        if self._stream is not None:
            self._line.on_media(self.near, self._stream, None)
            self._stream = None

    def _close_feed(self) -> None:
        feed, self._feed = self._feed, None
        if feed is not None:
            feed.close()
