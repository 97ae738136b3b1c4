"""One media stream: between a call's feed and a customer's WebSocket application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from cloud.services.feeds import Feed, FeedEar, Feeds
from cloud.services.pace import Pace
from cloud.services.stream_socket import StreamDoor, StreamSocket
from telecore.audio.speech_queue import SpeechQueue
from telecore.ids import AccountSid, CallSid, EdgeId, FeedId
from telecore.media_streams import (
    CONNECTED,
    INVALID,
    Cleared,
    Fault,
    Marked,
    Said,
    StreamIdentity,
    Teller,
    read,
)
from telecore.model import Track
from telecore.signature import HEADER, sign
from telecore.twiml.control import StreamSpec

OVERFLOW, DISCARDED = 31930, 31931
MOST_SPEECH = 8000 * 600
"""Bytes that an application may say ahead: ten minutes."""
MOST_MARKS = 10_000
LATE_FRAMES = 12
"""A track that is so far behind (240 ms, more than the tunnel keeps) has lost sound: silence takes its place."""
MOST_WARNINGS = 10
_SILENCE = b"\xff" * 160


@dataclass(frozen=True, slots=True)
class StreamOrder:
    """A stream to be had. ``url`` is canonical, ``secret`` signs; ``answers``: the edge asked for it."""

    edge: EdgeId
    call: CallSid
    account: AccountSid
    secret: str
    stream: FeedId
    url: str
    spec: StreamSpec
    answers: bool


class Stream(FeedEar):
    """``warn`` is told, a bounded number of times, what the application did wrong."""

    def __init__(
        self, order: StreamOrder, feeds: Feeds, door: StreamDoor, pace: Pace, warn: Callable[[int, str], None]
    ) -> None:
        self.order = order
        self._feeds = feeds
        self._door = door
        self._pace = pace
        self._warn = warn
        self._warned: set[tuple[int, str]] = set()
        who = StreamIdentity(order.account, order.call, order.stream)
        self._teller = Teller(who, order.spec.tracks, order.spec.parameters)
        self._speech = SpeechQueue(MOST_SPEECH, MOST_MARKS)
        self._due = 0
        self._feed: Feed | None = None
        self._socket: StreamSocket | None = None
        self._over = asyncio.Event()

    async def open(self) -> bool:
        """Reach the application and let it hear the call. False when nobody wants that any more.

        Raises StreamFailed.
        """
        order = self.order
        if self._over.is_set():
            return False
        reaching = asyncio.ensure_future(self._door.open(order.url, {HEADER: sign(order.secret, order.url)}))
        over = asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait({reaching, over}, return_when=asyncio.FIRST_COMPLETED)
            if not reaching.done():
                return False
            self._socket = reaching.result()
        finally:
            for task in (reaching, over):
                task.cancel()
            await asyncio.wait({reaching, over})
        self._socket.send(CONNECTED)
        self._socket.send(self._teller.start())
        both = order.spec.both_ways
        self._feed = self._feeds.open(
            order.edge,
            order.call,
            self,
            tracks=order.spec.tracks,
            speaks=both,
            keys=both,
            name=order.spec.name,
            feed=order.stream,
            answers=order.answers,
        )
        self._socket.listen(self._received)
        self._pace.add(self)
        return True

    async def serve(self) -> None:
        """Until either side is through with it. Raises StreamFailed when the application broke off."""
        if self._socket is None:
            return
        gone, over = asyncio.ensure_future(self._socket.ended()), asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait({gone, over}, return_when=asyncio.FIRST_COMPLETED)
            failure = gone.result() if gone.done() else None
        finally:
            for task in (gone, over):
                task.cancel()
            await asyncio.wait({gone, over})
        if failure is not None:
            raise failure

    async def close(self) -> None:
        """Leave the call alone and say goodbye to the application."""
        self._pace.remove(self)
        if self._feed is not None:
            self._feed.close()
        else:
            self._feeds.refuse(self.order.edge, self.order.call, self.order.stream)
        if self._socket is not None:
            self._socket.send(self._teller.stop())
            await self._socket.close()

    def end(self) -> None:
        """The page or the customer has enough of it, or the call is over."""
        self._over.set()

    # ------------------------------------------------------------------ from the call

    def opened(self) -> None:
        self._due = max(map(self._teller.sent, self.order.spec.tracks))

    def heard(self, track: Track, frame: bytes) -> None:
        self._tell(self._teller.media(track, frame))
        # An edge whose clock is faster than ours is never behind.
        self._due = max(self._due, self._teller.sent(track) - LATE_FRAMES)

    def pressed(self, key: str) -> None:
        self._tell(self._teller.dtmf(key))

    def closed(self, because: str) -> None:
        self.end()

    def tick(self) -> None:
        """20 ms have passed."""
        self._due += 1
        for track in self.order.spec.tracks:
            if self._due - self._teller.sent(track) > LATE_FRAMES:
                self._tell(self._teller.media(track, _SILENCE))
        self._speech.tick()
        self._say()

    # ------------------------------------------------------------------ from the application

    def _received(self, text: str | bytes) -> None:
        message = read(text, self.order.stream)
        if isinstance(message, Fault):
            self._note(message.code, f"ignored {message.why}")
        elif not self.order.spec.both_ways:
            self._note(INVALID, "ignored what the application said: this stream only listens")
        elif isinstance(message, Said):
            if not self._speech.add(message.sound):
                self._note(OVERFLOW, f"more than {MOST_SPEECH // 8000} s of sound wait to be heard; the rest is lost")
        elif isinstance(message, Marked):
            if not self._speech.mark(message.name):
                self._note(OVERFLOW, f"more than {MOST_MARKS} marks wait; the rest are lost")
        elif isinstance(message, Cleared):
            self._clear()
        self._say()

    def _say(self) -> None:
        """What is due now, to the party and back to the application."""
        if self._feed is not None and self._feed.is_open:
            for frame in self._speech.take():
                self._feed.send(frame)
        for name in self._speech.heard():
            self._tell(self._teller.mark(name))

    def _clear(self) -> None:
        if self._feed is not None:
            self._feed.flush()
        for name in self._speech.clear():
            self._tell(self._teller.mark(name))

    def _tell(self, text: str) -> None:
        if self._socket is not None and not self._socket.send(text):
            self._note(DISCARDED, "the application reads too slowly; sound is left out")

    def _note(self, code: int, text: str) -> None:
        if not self._over.is_set() and (code, text) not in self._warned and len(self._warned) < MOST_WARNINGS:
            self._warned.add((code, text))
            self._warn(code, text)
