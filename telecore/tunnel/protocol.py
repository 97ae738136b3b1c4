"""One end of the tunnel, without clock, loop or socket: bytes in, events out; calls in, bytes out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Any, ClassVar, NamedTuple

from telecore.errors import LocalProtocolError, RemoteProtocolError
from telecore.tunnel import frames
from telecore.tunnel.events import (
    Acknowledged,
    BulkArrived,
    FrameIgnored,
    Greeted,
    HelloArrived,
    ItemArrived,
    MediaArrived,
    NoticeArrived,
    PeerFault,
    PeerLeft,
    Resumed,
    TunnelEvent,
)
from telecore.tunnel.frames import Ack, Bye, ByeCode, Hello, Item, Resume, Side, TextFrame
from telecore.tunnel.media import decode_media

WINDOW = 64
MOST_UNCONFIRMED = 4 * WINDOW
"""Items a peer may have under way here; one that sends more has lost its window."""
MOST_EARLY = 4096
"""Notices of a peer whose Resume is still weighed. A site with 128 calls says a few of each."""


class Phase(Enum):
    """How far the peer has come in what it must say."""

    HELLO_AWAITED = auto()
    RESUME_AWAITED = auto()
    GREETED = auto()
    OVER = auto()


class Wanted(NamedTuple):
    """Rows the window has room for: at most ``limit`` above ``after``."""

    after: int
    limit: int


class TunnelProtocol:
    """One end. ``stream`` and ``highest`` are of the street that leaves from here.

    ``weigh``: the owner compares the peer's Resume with its store; else only numbers are compared.
    """

    def __init__(
        self,
        side: Side,
        *,
        edge: str,
        stream: str,
        highest: int,
        instance: str = "",
        version: int = frames.VERSION,
        minimum: int = frames.MINIMUM,
        window: int = WINDOW,
        time: int = 0,
        weigh: bool = False,
    ) -> None:
        self.hello = Hello(side, edge, instance, stream, highest, version, minimum, time)
        self._weigh = weigh
        self._settled = False
        self.peer: Hello | None = None
        self.version = version
        self._window = window
        self._phase = Phase.HELLO_AWAITED
        self._started = self._resumed = False
        self._events: list[TunnelEvent] = []
        self._urgent: list[str] = []
        self._items: deque[tuple[int, str]] = deque()
        self._unacked: deque[int] = deque()
        self._offered = 0
        self._acked = 0
        self._received = 0
        self._unconfirmed: deque[int] = deque()
        self._early: list[NoticeArrived] = []
        self._confirmed = 0
        self._ack_due = False

    @property
    def greeted(self) -> bool:
        return self._phase is Phase.GREETED and self._resumed and self._settled

    @property
    def over(self) -> bool:
        """A fault, a Bye in either direction: nothing more is read."""
        return self._phase is Phase.OVER

    # What the owner tells us.

    def start(self) -> None:
        """Say Hello."""
        if self._started:
            raise LocalProtocolError("Hello was said already")
        self._started = True
        self._urgent.append(frames.encode(self.hello))

    def resume(self, applied: int, mark: str = "") -> None:
        """Answer the peer's Hello: its street is committed here up to ``applied``, an item with this id."""
        if self._phase is Phase.OVER:
            return
        if self.peer is None or self._resumed or not self._started:
            raise LocalProtocolError("Resume answers a Hello, once, after our own")
        self._resumed = True
        self._received = self._confirmed = applied
        self._urgent.append(frames.encode(Resume(self.peer.stream, applied, mark)))
        self._greet()

    def settled(self, applied: int) -> None:
        """The peer's Resume is in order: the street goes on above ``applied``."""
        if self._phase is not Phase.GREETED or self._settled:
            return
        self._settled = True
        self._acked = self._offered = applied
        self._events.append(Acknowledged(applied))
        self._greet()

    def wants(self) -> Wanted:
        """Which rows to offer next; a limit of 0 while the window is half full or the greeting is not done."""
        room = self._window - len(self._unacked) if self.greeted else 0
        return Wanted(self._offered, room if room >= self._window / 2 else 0)

    def offer(self, rows: Iterable[tuple[int, dict[str, Any]]]) -> None:
        """Rows above ``wants().after``, in order."""
        for seq, payload in rows:
            if not self.greeted or seq <= self._offered:
                raise LocalProtocolError(f"row {seq} is offered out of turn, after {self._offered}")
            self._offered = seq
            self._unacked.append(seq)
            self._items.append((seq, self._encode_item(seq, payload)))

    def confirm(self, seq: int) -> None:
        """The peer's item ``seq`` is committed."""
        if seq > self._received:
            raise LocalProtocolError(f"item {seq} is confirmed but {self._received} is the last that came")
        if seq > self._confirmed and self._phase is not Phase.OVER:
            self._confirmed = seq
            self._ack_due = True
            while self._unconfirmed and self._unconfirmed[0] <= seq:
                self._unconfirmed.popleft()

    def notice(self, payload: dict[str, Any]) -> bool:
        """Queue a notice. False, and nothing queued, while not greeted. Raises LocalProtocolError above the limit."""
        if not self.greeted:
            return False
        text = frames.encode(frames.Notice(payload))
        if _too_long(text):
            raise LocalProtocolError(f"notice {payload.get('kind')} of {len(text)} characters is above the limit")
        self._urgent.append(text)
        return True

    def leave(self, code: ByeCode, reason: str, after: float = 0.0) -> None:
        """Say Bye; nothing more is sent or read. ``after``: seconds for which the peer is to stay away."""
        if self._phase is Phase.OVER:
            return
        self._phase = Phase.OVER
        self._items.clear()
        self._urgent.append(frames.encode(Bye(code, reason[:1000], after)))

    # What goes out.

    def data_to_send(self) -> list[str]:
        """All that goes ahead of items: greeting, notices, one Ack, Bye."""
        out, self._urgent = self._urgent, []
        if self._ack_due:
            self._ack_due = False
            out.insert(0, frames.encode(Ack(self._confirmed)))
        return out

    def next_item(self) -> str | None:
        """The next item, to be sent when the line has room for it."""
        return self._items.popleft()[1] if self._items else None

    @property
    def items_waiting(self) -> bool:
        """Whether ``next_item`` has one."""
        return bool(self._items)

    # What comes in.

    def events(self) -> list[TunnelEvent]:
        """What happened since the last call."""
        events, self._events = self._events, []
        return events

    def receive(self, data: str | bytes) -> None:
        """Take in one message. Never raises: a fault becomes Bye and PeerFault."""
        if self._phase is Phase.OVER:
            return
        try:
            if isinstance(data, str):
                self._receive_text(data)
            else:
                self._receive_binary(data)
        except frames.UnknownFrame as error:
            self._unknown(str(error))
        except RemoteProtocolError as error:
            self._fault(ByeCode.FAULT, str(error))

    def _receive_text(self, text: str) -> None:
        early = self._phase is not Phase.GREETED
        if _too_long(text, frames.EARLY_LIMIT if early else frames.TEXT_LIMIT):
            raise RemoteProtocolError(f"a text frame of {len(text)} characters is above the limit")
        frame = frames.decode(text)
        if type(frame) not in _ALLOWED[self._phase]:
            raise RemoteProtocolError(f"{type(frame).__name__} is out of turn ({self._phase.name.lower()})")
        self._HANDLERS[type(frame)](self, frame)

    def _receive_binary(self, data: bytes) -> None:
        if len(data) > frames.BINARY_LIMIT:
            raise RemoteProtocolError(f"a binary frame of {len(data)} bytes is above the limit")
        if self._phase is not Phase.GREETED or not self._resumed:
            raise RemoteProtocolError("a binary frame before the greeting")
        kind = data[0] if data else 0
        if kind == frames.MEDIA_TYPE:
            self._events.append(MediaArrived(decode_media(data)))
        elif kind == frames.BULK_TYPE:
            self._events.append(BulkArrived(frames.decode_bulk(data)))
        else:
            raise frames.UnknownFrame(f"unknown binary type {kind}")

    def _unknown(self, reason: str) -> None:
        if self.peer is not None and self.peer.version > self.hello.version:
            self._events.append(FrameIgnored(reason))
        else:
            self._fault(ByeCode.FAULT, reason)

    def _fault(self, code: ByeCode, reason: str) -> None:
        self.leave(code, reason)
        self._events.append(PeerFault(code, reason))

    def _on_hello(self, hello: Hello) -> None:
        ours = self.hello
        if hello.side is ours.side or hello.edge != ours.edge:
            raise RemoteProtocolError(
                f"Hello from {hello.side} {hello.edge[:70]!r}, which is not whom the key belongs to"
            )
        agreed = min(ours.version, hello.version)
        if agreed < max(ours.minimum, hello.minimum):
            spoken = f"{hello.minimum}-{hello.version} there, {ours.minimum}-{ours.version} here"
            self._fault(ByeCode.VERSION, f"no version in common: {spoken}")
            return
        self.peer, self.version = hello, agreed
        self._phase = Phase.RESUME_AWAITED
        self._events.append(HelloArrived(hello))

    def _on_resume(self, resume: Resume) -> None:
        if not self._started or resume.stream != self.hello.stream:
            raise RemoteProtocolError(f"Resume of street {resume.stream[:40]!r}, which is not ours")
        if self._weigh:
            self._phase = Phase.GREETED
            self._events.append(Resumed(resume.applied, resume.mark))
        elif resume.applied > self.hello.highest:
            self._fault(
                ByeCode.STREAM,
                f"{resume.applied} of street {resume.stream} is applied but only {self.hello.highest} was given out: "
                "its store was restored from an older copy and must begin a new street",
            )
        else:
            self._phase = Phase.GREETED
            self.settled(resume.applied)

    def _greet(self) -> None:
        if self.greeted and self.peer is not None:
            self._events += [Greeted(self.peer, self.version), *self._early]
            self._early.clear()

    def _on_item(self, item: Item) -> None:
        if not self._resumed or self.peer is None:
            raise RemoteProtocolError("an item before our Resume")
        if item.seq <= self._confirmed:
            self._ack_due = True  # a repetition: the peer missed our Ack
        elif item.seq <= self._received:
            raise RemoteProtocolError(f"item {item.seq} after {self._received}: the order is broken")
        elif len(self._unconfirmed) >= MOST_UNCONFIRMED:
            raise RemoteProtocolError(f"item {item.seq} comes while {MOST_UNCONFIRMED} are not yet acknowledged")
        else:
            self._received = item.seq
            self._unconfirmed.append(item.seq)
            self._events.append(ItemArrived(item.seq, item.payload, item.seq <= self.peer.highest))

    def _on_ack(self, ack: Ack) -> None:
        sent = self._items[0][0] - 1 if self._items else self._offered
        if not self._acked <= ack.applied <= sent:
            raise RemoteProtocolError(f"Ack of {ack.applied}, but {self._acked} was acknowledged and {sent} is sent")
        self._acked = ack.applied
        while self._unacked and self._unacked[0] <= ack.applied:
            self._unacked.popleft()
        self._events.append(Acknowledged(ack.applied))

    def _on_notice(self, notice: frames.Notice) -> None:
        if not self._resumed:
            raise RemoteProtocolError("a notice before our Resume")
        arrived = NoticeArrived(notice.payload)
        if self.greeted:
            self._events.append(arrived)
        elif len(self._early) >= MOST_EARLY:
            raise RemoteProtocolError(f"more than {MOST_EARLY} notices before the greeting is over")
        else:
            # What its owner answers could not be sent yet: the peer's Resume is still weighed.
            self._early.append(arrived)

    def _on_bye(self, bye: Bye) -> None:
        self._phase = Phase.OVER
        self._items.clear()
        self._events.append(PeerLeft(bye.code, bye.reason, bye.after))

    @staticmethod
    def _encode_item(seq: int, payload: dict[str, Any]) -> str:
        text = frames.encode(Item(seq, payload))
        if _too_long(text):
            # One impossible row must not stop the street: the peer logs it, skips it and counts it.
            text = frames.encode(Item(seq, {"kind": "oversized", "was": str(payload.get("kind")), "size": len(text)}))
        return text

    _HANDLERS: ClassVar[dict[type[Any], Callable[[TunnelProtocol, Any], None]]] = {
        Hello: _on_hello,
        Resume: _on_resume,
        Item: _on_item,
        Ack: _on_ack,
        frames.Notice: _on_notice,
        Bye: _on_bye,
    }


_ALLOWED: dict[Phase, frozenset[type[TextFrame]]] = {
    Phase.HELLO_AWAITED: frozenset({Hello, Bye}),
    Phase.RESUME_AWAITED: frozenset({Resume, Bye}),
    Phase.GREETED: frozenset({Item, Ack, frames.Notice, Bye}),
    Phase.OVER: frozenset(),
}


def _too_long(text: str, limit: int = frames.TEXT_LIMIT) -> bool:
    """Whether UTF-8 of it is above the limit; counts bytes only where the answer is not plain."""
    return len(text) > limit or (len(text) * 4 > limit and len(text.encode("utf-8", "replace")) > limit)
