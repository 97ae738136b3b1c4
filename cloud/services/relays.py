"""Rooms that span edges: what is said at one is handed to the others, each hearing all but itself.

Between two edges frames pass as they come. Of more, a sum is made each 20 ms while they speak.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from cloud.services.feeds import MediaLine
from cloud.services.pace import Pace
from telecore.audio.g711 import l16_to_ulaw, ulaw_to_l16
from telecore.audio.mixing import packed, total, without
from telecore.ids import EdgeId
from telecore.notices import TrunkClosed, TrunkOpened

_WAITING = 6
"""Frames of one edge that may wait for the next sum: the oldest goes."""


class _Relay:
    """One room. ``streams``: the edges that are there, and which stream of theirs it is."""

    def __init__(self, line: MediaLine, pace: Pace) -> None:
        self.streams: dict[EdgeId, int] = {}
        self._line = line
        self._pace = pace
        self._waiting: dict[EdgeId, deque[bytes]] = {}

    def join(self, edge: EdgeId, stream: int) -> None:
        self.leave(edge)
        self.streams[edge] = stream
        self._waiting[edge] = deque(maxlen=_WAITING)
        self._line.on_media(edge, stream, self._ear(edge))

    def leave(self, edge: EdgeId) -> None:
        stream = self.streams.pop(edge, None)
        self._waiting.pop(edge, None)
        if stream is not None:
            self._line.on_media(edge, stream, None)
        if len(self.streams) < 3:
            self._pace.remove(self)

    def _ear(self, edge: EdgeId) -> Callable[[int, bytes], None]:
        return lambda sequence, frame: self._heard(edge, frame)

    def _heard(self, edge: EdgeId, frame: bytes) -> None:
        if len(self.streams) > 2:
            self._waiting[edge].append(frame)
            self._pace.add(self)
            return
        for other, stream in self.streams.items():
            if other != edge:
                self._line.send_media(other, stream, frame)

    def tick(self) -> None:
        """The next sum, of what came in the last 20 ms; when nothing did, the next frame begins anew."""
        came = {edge: ulaw_to_l16(frames.popleft()) for edge, frames in self._waiting.items() if frames}
        if not came:
            self._pace.remove(self)
            return
        sums = total(list(came.values()))
        for_all: bytes | None = None
        for edge, stream in self.streams.items():
            if edge not in came:
                for_all = for_all or l16_to_ulaw(packed(sums))
                self._line.send_media(edge, stream, for_all)
            elif len(came) > 1:
                self._line.send_media(edge, stream, l16_to_ulaw(without(sums, came[edge])))


class Relays:
    """All of this cloud. They live in memory: each edge says again, when it is back, what it carries."""

    def __init__(self, line: MediaLine) -> None:
        self._line = line
        self._pace = Pace()
        self._rooms: dict[str, _Relay] = {}

    def opened(self, edge: EdgeId, notice: TrunkOpened) -> None:
        """An edge carries a room; whether it may, the caller has looked."""
        self._rooms.setdefault(notice.room, _Relay(self._line, self._pace)).join(edge, notice.stream)

    def closed(self, edge: EdgeId, notice: TrunkClosed) -> None:
        relay = self._rooms.get(notice.room)
        if relay is not None and relay.streams.get(edge) == notice.stream:
            self._leave(notice.room, relay, edge)

    def on_link(self, edge: EdgeId, up: bool) -> None:
        """An edge came or went: numbers of an earlier connection may be others' now."""
        for room, relay in list(self._rooms.items()):
            if edge in relay.streams:
                self._leave(room, relay, edge)

    def _leave(self, room: str, relay: _Relay, edge: EdgeId) -> None:
        relay.leave(edge)
        if not relay.streams:
            del self._rooms[room]
