"""One flow of a call's live sound between its leg and the cloud."""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.media.jitter import JitterBuffer
from edge_agent.media.leg import Ear, Leg
from edge_agent.media.tunnel_pcm import Media, StreamNumbers, TunnelPcm
from telecore.commands import OpenFeed
from telecore.model import Track
from telecore.notices import FeedOpened

MOST_FRAMES = 10
"""What the cloud said and nobody heard yet: 200 ms, what a tunnel may be late at most before it drops sound."""
CALL_OVER = "the call is over"


class Feed(Ear):
    """One flow. It is a Source too: what the cloud says, frame by frame, until the feed is closed.

    What the party says is sent at the leg's own pace, one frame per tick, also where the line pauses.
    """

    def __init__(self, wanted: OpenFeed, leg: Leg, media: Media, numbers: StreamNumbers, ended: Ended) -> None:
        self.call, self.id, self.name = wanted.call, wanted.feed, wanted.name
        self.wants_keys = wanted.keys
        self.finished = False
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
        self._ended(self, because)

    def _from_cloud(self, frame: bytes) -> None:
        self._said.push(frame)

    def _stream(self, media: Media) -> TunnelPcm:
        return TunnelPcm(media, self._numbers.take())


Ended = Callable[[Feed, str], None]


def _ignore(key: str) -> None:
    """Nobody asked."""
