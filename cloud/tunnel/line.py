"""The cloud's door to ``websockets``: connections from edges, their handshake, and their kernel queues measured."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import WebSocketException
from websockets.frames import BINARY, TEXT, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import OPEN, Event

from cloud.tunnel.doorkeeper import Challenge
from cloud.tunnel.silence import Watch
from telecore.ids import EdgeId
from telecore.tunnel.frames import TEXT_LIMIT
from telecore.tunnel.gate import Gate
from telecore.tunnel.proof import PROOF_LIMIT

try:
    from websockets.speedups import apply_mask
except ImportError:
    from websockets.utils import apply_mask

if sys.platform == "linux":
    import fcntl

_LIBRARY_LOG = logging.getLogger("cloud.tunnel.line.websockets")
_LIBRARY_LOG.setLevel(logging.WARNING)

_SIOCOUTQ = 0x5411  # tcp(7): bytes not yet acknowledged
_SIOCOUTQNSD = 0x894B  # bytes not yet sent
_WHOLE_TEXT = 0x81
_WHOLE_BINARY = 0x82
_INT = b"\0\0\0\0"
_PING = b"\x89\0"
LOOK_AFTER = 2048
"""Bytes that may be written before the kernel is asked how many wait: saves the system call on a line that is free."""
MOST_STRANGERS = 12_000
"""Connections of nobody knows whom, each for ``open`` and the time to prove at most; the oldest makes way."""
AT_ONCE = 4
"""Connections that are taken in one turn of the loop. The turns grow longer with what there is to do, so those that are
on their way in get in, and those behind them wait in the kernel's queue, where they cost nothing."""
QUEUE = 128
"""Connections that the kernel keeps for us; those beyond are tried again by their own kernels, ever more slowly. Of a
longer queue those at its end have given up when their turn comes, and cost a handshake all the same."""


@dataclass(frozen=True, slots=True)
class LineTimes:
    """Seconds. A line on which nothing came for ``ping`` is pinged, and is cut when nothing comes for ``pong`` more.

    ``quiet``: in place of ``ping``, for an edge that has to save data. Longer than its own, so that one asks for both.
    """

    open: float = 10.0
    ping: float = 10.0
    pong: float = 10.0
    quiet: float = 90.0
    close: float = 3.0


@dataclass(frozen=True, slots=True)
class Rejection:
    """An HTTP answer instead of a tunnel; ``reason`` is its body."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Admission:
    """Who says to be at the door. ``headers``: of our answer. ``challenge``: what is still to be answered, if so.

    ``shut_out``: how often the edge had been shut out before it was asked who it is.
    """

    edge: EdgeId
    headers: tuple[tuple[str, str], ...] = ()
    challenge: Challenge | None = None
    shut_out: int = 0


Door = Callable[[Mapping[str, str], str], Awaitable["Admission | Rejection"]]
"""Given the headers of the request and the peer's address: who it is, or why it may not come in."""


class _Connection(ServerConnection):
    """Hands each message on at once; ``recv`` is not used.

    Sound arrives as whole, unfragmented binary frames, and their number decides how many calls a core carries. They
    are unmasked here; every other frame goes to the library, complete, so that its parser never stands within one.
    """

    sink: Callable[[str | bytes], None] | None = None
    admission: Admission | None = None
    limit = PROOF_LIMIT
    strangers: OrderedDict[_Connection, None] | None = None
    """All that have not said who they are, the oldest first."""
    on_silent: Callable[[str], None] = staticmethod(lambda address: None)
    heard = 0.0
    """When something came last, by the loop's clock."""
    said = 0.0
    quiet = False
    held = False
    _from = ""
    _opcode: Opcode = TEXT
    _partial: bytearray | None = None
    _early: tuple[str | bytes, ...] = ()
    _failed = False
    _needed = 0

    def data_received(self, data: bytes) -> None:
        self.heard = self.loop.time()
        if self.sink is None or self._failed:
            super().data_received(data)
            return
        tail = self._tail
        if tail:
            tail += data
            if len(tail) < self._needed:
                return
            data = bytes(tail)
            tail.clear()
        self._split(data, self.sink)

    def _split(self, data: bytes, sink: Callable[[str | bytes], None]) -> None:
        """Hand on whole frames and keep what is left (RFC 6455 §5.2)."""
        at, end = 0, len(data)
        while at < end:
            length, body = _measure(data, at)
            if length > self.limit:
                self._failed = True
                super().data_received(data[at:])
                return
            after = body + length
            if after > end:
                self._tail += data[at:]
                self._needed = after - at
                return
            if data[at] == _WHOLE_BINARY and self._partial is None and self.protocol.state is OPEN:
                sink(apply_mask(data[body:after], data[body - 4 : body]))
            else:
                super().data_received(data[at:after])
            at = after

    def process_event(self, event: Event) -> None:
        if isinstance(event, Frame) and event.opcode in (TEXT, BINARY, Opcode.CONT):
            self._take(event)
        else:
            super().process_event(event)

    def _take(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._opcode, self._partial = frame.opcode, bytearray()
        if self._partial is None:
            return
        self._partial += frame.data
        if frame.fin:
            data, self._partial = bytes(self._partial), None
            self._hand_on(data.decode("utf-8", "replace") if self._opcode is TEXT else data)

    def _hand_on(self, message: str | bytes) -> None:
        if self.sink is None:
            self._early += (message,)
        else:
            self.sink(message)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._from = _address_of(self)
        if self.strangers is None:
            return
        self.strangers[self] = None
        if len(self.strangers) > MOST_STRANGERS:
            self.strangers.popitem(last=False)[0].transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.strangers is not None:
            self.strangers.pop(self, None)
        if self.response is None:
            self.on_silent(self._from)
        super().connection_lost(exc)
        self._let_go()

    def _let_go(self) -> None:
        """Of megabytes that somebody sent without an end: this object is in circles, and may stay for an hour."""
        self._partial, self._early, self._tail = None, (), bytearray()
        wrong: BaseException | None = self.protocol.parser_exc
        while wrong is not None:
            wrong.__traceback__ = None  # its frames have what was being read
            wrong = wrong.__cause__ or wrong.__context__

    @property
    def is_open(self) -> bool:
        return self.protocol.state is OPEN

    def poke(self) -> None:
        """Ask the peer for a sign of life."""
        self.transport.write(_PING)

    def abort(self) -> None:
        self.transport.abort()

    def forget_greeting(self) -> None:
        """Headers are not looked at any more; the library only asks whether they came."""
        for said in (self.request, self.response):
            if said is not None:
                said.headers.clear()

    def trust(self) -> None:
        """Read messages of any size that the protocol allows: from now on it is known who sends them."""
        self.limit = self.protocol.max_message_size = TEXT_LIMIT
        if self.strangers is not None:
            self.strangers.pop(self, None)

    def open_sink(self, sink: Callable[[str | bytes], None]) -> None:
        self._tail = bytearray()
        # A peer that did not wait for our answer may have left the library's parser within a frame.
        self._failed = bool(self._early) or bool(self.protocol.reader.buffer)
        self.sink = sink
        early, self._early = self._early, ()
        for message in early:
            sink(message)


def _measure(data: bytes, at: int) -> tuple[int, int]:
    """Length of the frame that begins at ``at`` and where its masked body begins; one past the limit if it may not be.

    While the header is not here the body begins behind the end.
    """
    if len(data) < at + 2:
        return 0, at + 2
    if not data[at + 1] & 0x80:
        return TEXT_LIMIT + 1, at
    length = data[at + 1] & 0x7F
    if length < 126:
        return length, at + 6
    size = 2 if length == 126 else 8
    if len(data) < at + 2 + size:
        return 0, at + 2 + size
    return int.from_bytes(data[at + 2 : at + 2 + size], "big"), at + 6 + size


class Line:
    """An open WebSocket."""

    saves = False
    """Whether the peer has hardly any data left, as it told last."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._transport = connection.transport
        self._socket = self._transport.get_extra_info("socket")
        self._loop = asyncio.get_running_loop()
        self._gate = Gate()
        self._unsent_at_most = 0
        self._free = True
        self._paused = False

    def listen(self, sink: Callable[[str | bytes], None]) -> None:
        """From now on call ``sink`` with each message, those that came earlier included."""
        self._connection.open_sink(sink)

    def hand_to(self, sink: Callable[[str | bytes], None]) -> None:
        """Call another one from now on."""
        self._connection.sink = sink

    def trust(self) -> None:
        """It is known who is at the other end: more than a first message is read."""
        self._connection.trust()

    @property
    def address(self) -> str:
        """The peer's, for people; empty when it is gone."""
        return _address_of(self._connection)

    def send(self, messages: Sequence[str | bytes]) -> None:
        """Write these in one go. Nothing happens on a closed line: ``closed`` tells."""
        connection = self._connection
        if not messages or connection.protocol.state is not OPEN:
            return
        pieces: list[bytes] = []
        for message in messages:
            if isinstance(message, str):
                data = message.encode()
                pieces += (_header(_WHOLE_TEXT, len(data)), data)
            else:
                pieces += (_header(_WHOLE_BINARY, len(message)), message)
        data = b"".join(pieces)
        self._transport.write(data)
        self._unsent_at_most += len(data)
        connection.said = self._loop.time()
        self._gate.wrote(len(data), connection.said)

    def be_quiet(self, quiet: bool) -> None:
        """Whether the peer is asked for signs of life only now and then, as long as we have nothing to say."""
        if self._connection.quiet is not quiet:
            self._connection.quiet = quiet

    def free(self) -> bool:
        """Whether sound that is written now leaves soon."""
        if self._unsent_at_most >= LOOK_AFTER or not self._free:
            self._unsent_at_most = self._queued(_SIOCOUTQNSD)
            self._free = self._gate.may_speak(self._unsent_at_most, self._queued(_SIOCOUTQ), self._loop.time())
        return self._free

    def short(self, items: bool = False) -> bool:
        """Whether items and bulk may be written: few bytes are on their way unacknowledged."""
        return self._gate.seen(self._queued(_SIOCOUTQ), self._loop.time(), items=items)

    def _queued(self, request: int) -> int:
        """Bytes that wait here, and in the kernel where it can be asked."""
        buffered = int(self._transport.get_write_buffer_size())
        if sys.platform != "linux" or self._socket is None or self._socket.fileno() < 0:
            return buffered
        answer = fcntl.ioctl(self._socket.fileno(), request, _INT)
        return buffered + int.from_bytes(answer, sys.byteorder)

    def hold(self, hold: bool) -> None:
        """Stop reading, or go on."""
        if hold is self._paused or self._transport.is_closing():
            return
        self._paused = self._connection.held = hold
        if hold:
            self._transport.pause_reading()
        else:
            self._connection.heard = self._loop.time()  # what came meanwhile is only read now
            self._transport.resume_reading()

    async def ping(self, within_s: float) -> bool:
        """Whether the peer answers in time."""
        try:
            async with asyncio.timeout(within_s):
                await (await self._connection.ping())
        except (WebSocketException, TimeoutError):
            return False
        return True

    async def closed(self) -> str:
        """Wait for the end and say why it came."""
        await self._connection.wait_closed()
        code, reason = self._connection.close_code, self._connection.close_reason
        return f"closed with {code} {reason}".rstrip()

    async def close(self, reason: str = "") -> None:
        """End it, within the time to close."""
        await self._connection.close(1000, reason[:100])

    def abort(self) -> None:
        """End it now, without a word."""
        self._transport.abort()


def _header(first: int, length: int) -> bytes:
    """An unmasked frame's, as a server sends (RFC 6455 §5.2)."""
    if length < 126:
        return bytes((first, length))
    if length < 65536:
        return bytes((first, 126)) + length.to_bytes(2, "big")
    return bytes((first, 127)) + length.to_bytes(8, "big")


def _address_of(connection: ServerConnection) -> str:
    address = connection.remote_address
    return str(address[0]) if address else ""


async def _ask(door: Door, connection: ServerConnection, request: Request) -> Response | None:
    assert isinstance(connection, _Connection)
    answer = await door(request.headers, _address_of(connection))
    if isinstance(answer, Admission):
        connection.admission = answer
        return None
    response = connection.respond(answer.status, answer.reason + "\n")
    for name, value in answer.headers:
        response.headers[name] = value
    return response


def _lengthen(listening: Iterable[socket.socket]) -> None:
    """asyncio's ``backlog`` is both how many it takes at once and how many the kernel keeps."""
    for one in listening:
        with socket.socket(fileno=os.dup(one.fileno())) as same:
            same.listen(QUEUE)


def _answer(connection: ServerConnection, request: Request, response: Response) -> None:
    assert isinstance(connection, _Connection)
    for name, value in connection.admission.headers if connection.admission else ():
        response.headers[name] = value


@asynccontextmanager
async def listen(
    host: str,
    port: int,
    *,
    door: Door,
    serve_line: Callable[[Line, Admission], Awaitable[None]],
    times: LineTimes,
    tls: ssl.SSLContext | None = None,
    on_silent: Callable[[str], None] = lambda address: None,
) -> AsyncIterator[int]:
    """Accept tunnels and give the port. At the end the lines are closed, within the time to close.

    ``on_silent`` is told the address of who left without a whole request. Who waits within is cancelled and gets an
    ExceptionGroup when the watch over silent lines falls.
    """

    async def handler(connection: ServerConnection) -> None:
        assert isinstance(connection, _Connection)
        assert connection.admission is not None
        admission, connection.admission = connection.admission, None
        connection.forget_greeting()
        watch.add(connection)
        await serve_line(Line(connection), admission)

    watch = Watch(times.ping, times.pong, times.quiet)
    strangers: OrderedDict[_Connection, None] = OrderedDict()

    def make(*args: Any, **kwargs: Any) -> _Connection:
        made = _Connection(*args, **kwargs)
        made.strangers, made.on_silent = strangers, on_silent
        return made

    async with (
        asyncio.TaskGroup() as group,
        serve(
            handler,
            host,
            port,
            process_request=partial(_ask, door),
            process_response=_answer,
            compression=None,
            open_timeout=times.open,
            backlog=AT_ONCE,
            ping_interval=None,
            close_timeout=times.close,
            max_size=PROOF_LIMIT,
            logger=_LIBRARY_LOG,
            create_connection=make,  # type: ignore[arg-type]  # any callable will do
            ssl=tls,
        ) as server,
    ):
        _lengthen(server.sockets)
        watching = group.create_task(watch.run(), name="tunnel lines")
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            watching.cancel()
