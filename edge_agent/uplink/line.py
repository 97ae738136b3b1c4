"""The edge's door to ``websockets``: one connection to the cloud, its errors translated, its kernel queue measured."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI, WebSocketException
from websockets.frames import BINARY, TEXT, Frame, Opcode
from websockets.protocol import OPEN, Event

from edge_agent.config.cloud import UplinkConfig
from edge_agent.tls import WrongCertificate, check_pin
from edge_agent.uplink.proxy import proxy_for, target_of
from edge_agent.uplink.reach import carried, reach
from telecore.errors import InvalidRequest, NotAllowed, TunnelDown
from telecore.tunnel.frames import TEXT_LIMIT
from telecore.tunnel.gate import Gate
from telecore.tunnel.meter import Meter

if sys.platform == "linux":
    import fcntl

_LIBRARY_LOG = logging.getLogger("edge_agent.uplink.line.websockets")
_LIBRARY_LOG.setLevel(logging.CRITICAL)  # every failure reaches the caller as an exception

_SIOCOUTQ = 0x5411  # tcp(7): bytes not yet acknowledged
_SIOCOUTQNSD = 0x894B  # bytes not yet sent
_INT = b"\0\0\0\0"
LOOK_AFTER = 2048
"""Bytes that may be written before the kernel is asked how many wait: saves the system call on a line that is free."""
MOST_PUT_OFF_S = 300.0
"""A proxy in front of the cloud may say anything."""


@dataclass(frozen=True, slots=True)
class LineTimes:
    """Seconds. A half-open line is noticed within ``ping + pong + close``.

    ``quiet``: in place of ``ping`` to save data, as long as nothing was said that the cloud may not have heard.
    """

    open: float = 10.0
    ping: float = 10.0
    pong: float = 10.0
    close: float = 3.0
    quiet: float = 60.0


class AuthenticationRefused(NotAllowed):
    """The cloud does not know this edge or this key."""


class PutOff(TunnelDown):
    """The cloud has too much to do, or is stopping: it is to be asked again after ``after_s`` seconds."""

    def __init__(self, message: str, after_s: float) -> None:
        super().__init__(message)
        self.after_s = after_s


class _Connection(ClientConnection):
    """Hands each message on at once; ``recv`` is not used."""

    sink: Callable[[str | bytes], None] | None = None
    _opcode: Opcode = TEXT
    _partial: bytearray | None = None
    _early: tuple[str | bytes, ...] = ()
    last_look: Callable[[], None] | None = None
    """Called when the connection is lost, while its socket can still be asked."""

    pins: frozenset[bytes] = frozenset()
    wrong: WrongCertificate | None = None
    heard = 0.0
    """When something came last, by the loop's clock."""

    def data_received(self, data: bytes) -> None:
        self.heard = self.loop.time()
        super().data_received(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Before anything is said to it: is it whom this site has pinned?"""
        super().connection_made(transport)
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        try:
            if tls is not None:
                check_pin(tls.getpeercert(binary_form=True) or b"", self.pins)
        except WrongCertificate as error:
            self.wrong = error
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.last_look is not None:
            self.last_look()
        super().connection_lost(exc)

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

    def open_sink(self, sink: Callable[[str | bytes], None]) -> None:
        self.sink = sink
        early, self._early = self._early, ()
        for message in early:
            sink(message)


class Line:
    """An open WebSocket by ``uplink``, measured by ``meter``."""

    def __init__(
        self, connection: _Connection, sock: socket.socket, uplink: UplinkConfig, sent: Mapping[str, str]
    ) -> None:
        self.uplink = uplink
        self.sent = sent
        """The headers that we opened it with."""
        self.meter = Meter()
        self._connection = connection
        self._transport = connection.transport
        self._socket = sock
        connection.last_look = self.look
        self._loop = asyncio.get_running_loop()
        self._gate = Gate()
        self._unsent_at_most = 0
        self._said = 0.0
        self._free = True
        self._paused = False
        self._aborted = ""

    def listen(self, sink: Callable[[str | bytes], None]) -> None:
        """From now on call ``sink`` with each message, those that came earlier included."""

        def heard(message: str | bytes) -> None:
            self.meter.heard(message)
            sink(message)

        self._connection.open_sink(heard)

    def look(self) -> None:
        """Ask the kernel what the line has carried so far; the meter knows it then."""
        if (found := carried(self._socket)) is not None:
            self.meter.wire(*found)

    @property
    def address(self) -> str | None:
        """This machine's end of it."""
        found = self._transport.get_extra_info("sockname")
        return str(found[0]) if found else None

    def send(self, messages: Sequence[str | bytes]) -> None:
        """Write these in one go. Nothing happens on a closed line: ``closed`` tells."""
        connection = self._connection
        protocol = connection.protocol
        if not messages or protocol.state is not OPEN:
            return
        for message in messages:
            if isinstance(message, str):
                protocol.send_text(message.encode())
            else:
                protocol.send_binary(message)
        data = b"".join(protocol.data_to_send())
        self._transport.write(data)
        self.meter.sent(messages)
        self._unsent_at_most += len(data)
        self._said = self._loop.time()
        self._gate.wrote(len(data), self._said)

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
        if sys.platform != "linux" or self._socket.fileno() < 0:
            return buffered
        answer = fcntl.ioctl(self._socket.fileno(), request, _INT)
        return buffered + int.from_bytes(answer, sys.byteorder)

    def hold(self, hold: bool) -> None:
        """Stop reading, or go on."""
        if hold is self._paused or self._transport.is_closing():
            return
        self._paused = hold
        if hold:
            self._transport.pause_reading()
        else:
            self._connection.heard = self._loop.time()  # what came meanwhile is only read now
            self._transport.resume_reading()

    async def watch(self, times: LineTimes, saves: Callable[[], bool]) -> None:
        """While the peer is silent ask it for signs of life, less often when data is to be saved; end a dead line."""
        while True:
            heard = self._connection.heard
            quiet = saves() and self._said <= heard
            wait_s = heard + (times.quiet if quiet else times.ping) - self._loop.time()
            if self._paused or wait_s > 0:  # we may stop reading, something may be said, a call may begin meanwhile
                await asyncio.sleep(min(wait_s, times.ping) if wait_s > 0 else times.ping)
            elif not await self.ping(times.pong) and self._connection.heard == heard and not self._paused:
                self.abort("nobody answers")
                return

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
        if self._aborted:
            return self._aborted
        return f"closed with {code} {reason}".rstrip()

    async def close(self, reason: str = "") -> None:
        """End it, within the time to close."""
        await self._connection.close(1000, reason[:100])

    def abort(self, why: str) -> None:
        """End it now, without a word to the other side."""
        if self._connection.protocol.state is OPEN:  # else it has ended by itself, and says why
            self._aborted = why
        self._transport.abort()

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the answer that opened the line."""
        response = self._connection.response
        return response.headers if response is not None else {}

    @property
    def certificate(self) -> bytes:
        """That the peer has shown, in DER; empty without TLS."""
        tls: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object")
        return (tls.getpeercert(binary_form=True) or b"") if tls is not None else b""


async def open_line(
    url: str,
    headers: Mapping[str, str],
    times: LineTimes,
    tls: ssl.SSLContext | None = None,
    *,
    uplink: UplinkConfig | None = None,
    proxy: str | None = None,
    pins: frozenset[bytes] = frozenset(),
) -> Line:
    """Connect by this uplink. Raises AuthenticationRefused, or TunnelDown with the cause in one sentence.

    ``proxy``: its address, ``none`` for none; without one the environment's.
    """
    way = uplink or UplinkConfig()
    host, port = target_of(url)
    try:
        found = proxy_for(url, proxy, os.environ)
    except InvalidRequest as error:
        raise TunnelDown(f"the proxy of this site {error.message}") from error
    sock = await reach(host, port, way, found, times.open)
    try:
        connection = await _greet(url, headers, times, tls, sock, pins=pins)
    except BaseException:
        sock.close()
        raise
    return Line(connection, sock, way, headers)


async def _greet(
    url: str,
    headers: Mapping[str, str],
    times: LineTimes,
    tls: ssl.SSLContext | None,
    sock: socket.socket,
    *,
    pins: frozenset[bytes],
) -> _Connection:
    """TLS and the WebSocket's handshake. No redirect is followed: the key goes where the operator said."""
    options: dict[str, Any] = {} if tls is None else {"ssl": tls}
    made: list[_Connection] = []

    def make(*args: Any, **kwargs: Any) -> _Connection:
        made.append(_Connection(*args, **kwargs))
        made[-1].pins = pins
        return made[-1]

    try:
        connection = await connect(
            url,
            additional_headers=dict(headers),
            compression=None,
            open_timeout=times.open,
            ping_interval=None,  # see ``Line.watch``
            close_timeout=times.close,
            max_size=TEXT_LIMIT,
            logger=_LIBRARY_LOG,
            create_connection=make,  # type: ignore[arg-type]  # any callable will do
            proxy=None,
            sock=sock,
            **options,
        )
    except InvalidStatus as error:
        body = bytes(error.response.body or b"")[:200].decode("utf-8", "replace").strip()
        status = error.response.status_code
        if status in (401, 403):
            raise AuthenticationRefused(f"the cloud answers {status}: {body}") from error
        after_s = _retry_after_s(error.response.headers.get("Retry-After", ""))
        raise PutOff(f"it answers {status}: {body}", after_s) from error
    except InvalidURI as error:
        raise TunnelDown("this is not the address of a tunnel") from error
    except (InvalidHandshake, WebSocketException, OSError, EOFError) as error:
        if made and made[-1].wrong is not None:
            raise AuthenticationRefused(str(made[-1].wrong)) from error
        if not isinstance(error, InvalidHandshake):
            raise TunnelDown(f"it cannot be reached: {error or type(error).__name__}") from error
        raise TunnelDown(f"it does not speak WebSocket: {error}") from error
    except TimeoutError as error:
        raise TunnelDown(f"it cannot be reached: {error or type(error).__name__}") from error
    except ValueError as error:
        raise TunnelDown(f"this is not the address of the tunnel: {error}") from error
    assert isinstance(connection, _Connection)
    return connection


def _retry_after_s(text: str) -> float:
    """The seconds of the header, as far as they are sensible; a date (RFC 9110 §10.2.3) counts for nothing."""
    return min(float(text), MOST_PUT_OFF_S) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0
