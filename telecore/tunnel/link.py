"""One end of a live tunnel: the protocol, the streets' stores, blobs and sound, tied together.

Still no loop and no socket. The owner hands in what arrives (``receive``), sends what ``urgent`` and ``paced`` give,
and runs each ``Work`` in a task of its own whenever ``wake`` names it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, ClassVar

from telecore import codec
from telecore.errors import LocalProtocolError, RemoteProtocolError
from telecore.notices import BlobMissing, BlobWanted, Notice
from telecore.tunnel import events
from telecore.tunnel.bulk import BlobReceiver, BlobSender
from telecore.tunnel.frames import BINARY_LIMIT, ByeCode, Hello, Side
from telecore.tunnel.media import MediaFrame, MediaQueue, decode_media
from telecore.tunnel.protocol import TunnelProtocol
from telecore.tunnel.resync import Verdict
from telecore.tunnel.streets import BlobStore, Incoming, Outgoing, hears, takes_batches, weighs

MediaHandler = Callable[[int, bytes], None]
"""Called with sequence and payload of each frame of a stream."""


MOST_TOLD = 50
"""Different oddities of a peer that one connection reports."""


class Work(Enum):
    """What there is to do, each by one task."""

    __hash__ = object.__hash__  # Enum's own is written in Python, and sets of these are looked at for every message

    READ = auto()
    """Take in what came, sound apart."""
    OUTPUT = auto()
    """Send ``urgent()``, then ``paced()`` while there is room."""
    SETTLE = auto()
    """Commit what came."""
    FEED = auto()
    """Offer rows."""
    LOAD = auto()
    """Read blobs."""
    KEEP = auto()
    """Write blobs."""


@dataclass(frozen=True, slots=True)
class Sinks:
    """Whom a link tells. All but ``admit`` are plain calls that return at once.

    ``admit`` answers a Hello: None to go on, or the reason why this agent may not come in.
    ``on_over`` is told once that either side said Bye: what ``urgent`` has is to be sent and the line closed.
    ``on_strange`` is told, for the log, of things that were passed over.
    """

    on_notice: Callable[[Notice], None]
    on_greeted: Callable[[Hello], None]
    on_over: Callable[[str, str], None]
    on_strange: Callable[[str], None]
    wake: Callable[[Work], None]
    admit: Callable[[Hello], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Stores:
    """What a link speaks for."""

    outgoing: Outgoing
    incoming: Incoming
    blobs: BlobStore


class Link:
    """One end, from its first byte to its last. ``clock`` is monotonic, in seconds."""

    def __init__(
        self,
        side: Side,
        edge: str,
        stores: Stores,
        sinks: Sinks,
        *,
        instance: str,
        clock: Callable[[], float],
        time_ms: int = 0,
    ) -> None:
        self._stores = stores
        self._sinks = sinks
        self.wake = sinks.wake
        outgoing = stores.outgoing
        self.protocol = TunnelProtocol(
            side,
            edge=edge,
            instance=instance,
            stream=outgoing.stream,
            highest=outgoing.highest,
            time=time_ms,
            weigh=weighs(outgoing),
        )
        self.media = MediaQueue(clock)
        self.media_handlers: dict[int, MediaHandler] = {}
        self.fetches = BlobReceiver(stores.blobs, self.notify, lambda: sinks.wake(Work.KEEP))
        self.served = BlobSender(stores.blobs, self.notify, lambda: sinks.wake(Work.LOAD), self._pass_over)
        self._to_settle: deque[events.HelloArrived | events.Resumed | events.ItemArrived] = deque()
        self._to_forget = 0
        self._passed_over: set[str] = set()
        self.was_greeted = False
        self.up = False
        """Greeted, and the end has not begun; the owner clears it when the line is gone."""
        self.stay_away_s = 0.0
        """What the peer's Bye asked for."""
        if side is Side.EDGE:
            self.protocol.start()
            sinks.wake(Work.OUTPUT)

    # Outwards.

    def notify(self, notice: Notice) -> bool:
        """Queue a notice; False while not greeted, or no more."""
        if not self.up:
            return False
        try:
            queued = self.protocol.notice(codec.encode(notice))
        except LocalProtocolError as error:
            self._pass_over(str(error))
            return False
        if queued:
            self._sinks.wake(Work.OUTPUT)
        return queued

    def leave(self, code: ByeCode, reason: str, after: float = 0.0) -> None:
        """Say Bye, unless one was said before. ``after``: seconds for which the peer is to stay away."""
        if self.protocol.over:
            return
        self.up = False
        self.protocol.leave(code, reason, after)
        self._sinks.on_over(code, reason)

    def urgent(self) -> list[str]:
        """All text that goes ahead of items."""
        return self.protocol.data_to_send()

    def paced(self) -> str | bytes | None:
        """The next item, or else the next piece of a blob: one at a time, while the kernel's queue is short."""
        return self.protocol.next_item() or self.served.take()

    @property
    def items_waiting(self) -> bool:
        return self.protocol.items_waiting

    @property
    def paced_waiting(self) -> bool:
        return self.protocol.items_waiting or bool(self.served)

    # Inwards.

    def receive(self, data: str | bytes) -> None:
        """Take in one message."""
        self.protocol.receive(data)
        for event in self.protocol.events():
            self._HANDLERS[type(event)](self, event)

    def receive_media(self, data: bytes) -> None:
        """The short way for a message of sound; one that is at fault goes the long way."""
        try:
            frames = decode_media(data) if len(data) <= BINARY_LIMIT else None
        except RemoteProtocolError:
            frames = None
        if frames is None:
            self.receive(data)
        else:
            self._hand_on(frames)

    def _hand_on(self, frames: list[MediaFrame]) -> None:
        handlers = self.media_handlers
        for stream, sequence, payload in frames:
            if stream in handlers:
                handlers[stream](sequence, payload)

    def _on_media(self, event: events.MediaArrived) -> None:
        self._hand_on(event.frames)

    def _on_notice(self, event: events.NoticeArrived) -> None:
        try:
            notice = codec.decode_notice(event.payload)
        except RemoteProtocolError as error:
            self._pass_over(str(error))
            return
        if isinstance(notice, BlobWanted):
            self.served.wanted(notice)
        elif isinstance(notice, BlobMissing):
            self.fetches.missing(notice)
        else:
            self._sinks.on_notice(notice)

    def _pass_over(self, what: str) -> None:
        """Tell the same thing once, and not without end."""
        if what not in self._passed_over and len(self._passed_over) < MOST_TOLD:
            self._passed_over.add(what)
            self._sinks.on_strange(what)

    def _on_bulk(self, event: events.BulkArrived) -> None:
        self.fetches.arrived(event.bulk)

    def _on_to_settle(self, event: events.HelloArrived | events.Resumed | events.ItemArrived) -> None:
        self._to_settle.append(event)
        self._sinks.wake(Work.SETTLE)

    def _on_acknowledged(self, event: events.Acknowledged) -> None:
        self._to_forget = event.upto
        self._sinks.wake(Work.FEED)

    def _on_greeted(self, event: events.Greeted) -> None:
        self.up = self.was_greeted = True
        self._sinks.on_greeted(event.peer)
        self._sinks.wake(Work.FEED)

    def _on_ignored(self, event: events.FrameIgnored) -> None:
        self._pass_over(event.reason)

    def _on_fault(self, event: events.PeerFault) -> None:
        self.up = False
        self._sinks.on_over(event.code, f"the peer broke a rule: {event.reason}")

    def _on_left(self, event: events.PeerLeft) -> None:
        self.up = False
        self.stay_away_s = event.after
        self._sinks.on_over(event.code, event.reason)

    # Work with the stores.

    async def settle(self) -> None:
        """Answer a Hello; commit items one by one, in order, or together where the store can; confirm them."""
        while self._to_settle and not self.protocol.over:
            first = self._to_settle.popleft()
            if isinstance(first, events.HelloArrived):
                await self._answer(first.hello)
            elif isinstance(first, events.Resumed):
                await self._weigh(first)
            else:
                await self._apply(first)

    async def _answer(self, hello: Hello) -> None:
        refusal = await self._sinks.admit(hello)
        if refusal is not None:
            self.leave(ByeCode.SECOND_AGENT, refusal)
            return
        incoming, mark = self._stores.incoming, ""
        if hears(incoming):
            applied, mark = await incoming.greeted(hello)
        else:
            applied = await incoming.applied(hello.stream)
        if self.protocol.hello.side is Side.CLOUD and not self.protocol.over:
            self.protocol.start()
        self.protocol.resume(applied, mark)
        self._told()

    async def _weigh(self, resumed: events.Resumed) -> None:
        outgoing = self._stores.outgoing
        peer = self.protocol.peer
        assert weighs(outgoing)
        assert peer is not None
        if await outgoing.resumed(resumed.applied, resumed.mark, peer) is Verdict.SENDER_OLDER:
            self.leave(ByeCode.STREAM, "this end remembers less than it has told, and begins a new street")
            return
        self.protocol.settled(resumed.applied)
        self._told()

    def _told(self) -> None:
        """Hand on what the protocol made of it."""
        self._sinks.wake(Work.OUTPUT)
        for event in self.protocol.events():
            self._HANDLERS[type(event)](self, event)

    async def _apply(self, first: events.ItemArrived) -> None:
        incoming = self._stores.incoming
        stream = self._peer_stream()
        last = first.seq
        if takes_batches(incoming):
            batch = [(first.seq, first.payload, first.history)]
            while self._to_settle and isinstance(item := self._to_settle[0], events.ItemArrived):
                self._to_settle.popleft()
                batch.append((item.seq, item.payload, item.history))
            await incoming.apply_batch(stream, batch)
            last = batch[-1][0]
        else:
            await incoming.apply(stream, first.seq, first.payload, history=first.history)
        self.protocol.confirm(last)
        self._sinks.wake(Work.OUTPUT)

    def _peer_stream(self) -> str:
        if self.protocol.peer is None:
            raise LocalProtocolError("an item is to be applied before the peer's Hello")
        return self.protocol.peer.stream

    async def feed(self) -> None:
        """Forget what the peer has; offer what the window has room for."""
        outgoing = self._stores.outgoing
        if self._to_forget:
            upto, self._to_forget = self._to_forget, 0
            await outgoing.forget(upto)
        after, limit = self.protocol.wants()
        if limit == 0:
            return
        rows = await outgoing.read(after, limit)
        if rows and not self.protocol.over:
            self.protocol.offer(rows)
            self._sinks.wake(Work.OUTPUT)

    _HANDLERS: ClassVar[dict[type[Any], Callable[[Link, Any], None]]] = {
        events.MediaArrived: _on_media,
        events.NoticeArrived: _on_notice,
        events.BulkArrived: _on_bulk,
        events.ItemArrived: _on_to_settle,
        events.HelloArrived: _on_to_settle,
        events.Resumed: _on_to_settle,
        events.Acknowledged: _on_acknowledged,
        events.Greeted: _on_greeted,
        events.FrameIgnored: _on_ignored,
        events.PeerFault: _on_fault,
        events.PeerLeft: _on_left,
    }
