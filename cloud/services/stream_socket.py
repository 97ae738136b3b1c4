"""The cloud's door to ``websockets`` as a client: connections to customers' applications, guarded and bounded."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
from websockets.frames import BINARY, TEXT, Frame, Opcode
from websockets.protocol import OPEN, Event

from cloud.services.addresses import AddressPolicy
from cloud.services.lookups import Lookups
from telecore.errors import TelecoreError

_LIBRARY_LOG = logging.getLogger("cloud.services.stream_socket.websockets")
_LIBRARY_LOG.setLevel(logging.CRITICAL)  # every failure reaches the caller as an exception

USER_AGENT = "Twilio.TmeWs/1.0"
TIMED_OUT, REFUSED, BROKEN, UNREACHABLE, TLS, HANDSHAKE, CLOSED = 31901, 31902, 31903, 31904, 31910, 31920, 31921
SCHEME = 31922
LONGEST_MESSAGE = 4 << 20
"""Bytes of one message from an application: some minutes of sound in base64."""
MOST_UNSENT = 256 * 1024
"""Bytes that may wait for an application that reads slowly: ten seconds of a track, or more."""
WINDOW_S, WINDOW_MESSAGES, WINDOW_BYTES = 0.1, 200, 1 << 20
"""What is taken from one application in so many seconds; the rest waits in its own socket."""
_GOOD_ENDS = frozenset({1000, 1001, 1005})


class StreamFailed(TelecoreError):
    """The application cannot be had. ``code`` is Twilio's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class SocketTimes:
    """Seconds. An application that answers no ping for ``ping + pong`` is given up."""

    open: float = 10.0
    ping: float = 20.0
    pong: float = 20.0
    close: float = 2.0


class _Connection(ClientConnection):
    """Hands each message on at once, as many as a window has room for; ``recv`` is not used."""

    sink: Callable[[str | bytes], None] | None = None
    _opcode: Opcode = TEXT
    _partial: bytearray | None = None
    _early: tuple[str | bytes, ...] = ()
    _messages = _bytes = 0
    _window: asyncio.TimerHandle | None = None

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
        self._count(len(frame.data))
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

    def _count(self, size: int) -> None:
        self._messages += 1
        self._bytes += size
        if self._window is None:
            self._window = self.loop.call_later(WINDOW_S, self._next_window)
        if (self._messages > WINDOW_MESSAGES or self._bytes > WINDOW_BYTES) and not self.transport.is_closing():
            self.transport.pause_reading()

    def _next_window(self) -> None:
        self._window = None
        self._messages = self._bytes = 0
        if not self.transport.is_closing():
            self.transport.resume_reading()


class StreamSocket:
    """An open WebSocket to an application. ``send`` never waits."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def listen(self, sink: Callable[[str | bytes], None]) -> None:
        """From now on call ``sink`` with each message, those that came earlier included."""
        self._connection.open_sink(sink)

    def send(self, text: str) -> bool:
        """Write it; False, and it is lost, when the connection is over or too much waits already."""
        connection = self._connection
        protocol, transport = connection.protocol, connection.transport
        if protocol.state is not OPEN or transport.get_write_buffer_size() > MOST_UNSENT:
            return False
        protocol.send_text(text.encode())
        transport.write(b"".join(protocol.data_to_send()))
        return True

    async def ended(self) -> StreamFailed | None:
        """Wait for the end; what was wrong with it, None for a proper one."""
        await self._connection.wait_closed()
        code, reason = self._connection.close_code, self._connection.close_reason
        if code in _GOOD_ENDS:
            return None
        if code == 1006:
            return StreamFailed(BROKEN, "the connection broke")
        return StreamFailed(CLOSED, f"the connection was closed with {code} {(reason or '')[:100]}".rstrip())

    async def close(self) -> None:
        """Say goodbye, and do not wait long for an answer."""
        await self._connection.close()


class StreamDoor:
    """Opens sockets to where the operator's address policy lets them lead."""

    def __init__(
        self, policy: AddressPolicy, times: SocketTimes | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._policy = policy
        self._times = times or SocketTimes()
        self._tls = tls
        self._lookups = Lookups()

    async def open(self, url: str, headers: Mapping[str, str]) -> StreamSocket:
        """Connect. Raises StreamFailed."""
        try:
            async with asyncio.timeout(self._times.open):
                return StreamSocket(await self._open(url, headers))
        except TimeoutError as error:
            raise StreamFailed(TIMED_OUT, f"it was not open within {self._times.open:g} s") from error
        except InvalidStatus as error:
            raise StreamFailed(HANDSHAKE, f"the server answered {error.response.status_code}") from error
        except (ssl.SSLError, ssl.CertificateError) as error:
            raise StreamFailed(TLS, "the TLS handshake failed") from error
        except ConnectionRefusedError as error:
            raise StreamFailed(REFUSED, "the connection was refused") from error
        except (InvalidHandshake, WebSocketException, EOFError, ValueError) as error:
            raise StreamFailed(HANDSHAKE, "the server does not speak WebSocket") from error
        except OSError as error:
            raise StreamFailed(UNREACHABLE, f"the connection failed ({type(error).__name__})") from error

    async def _open(self, url: str, headers: Mapping[str, str]) -> _Connection:
        parts = urlsplit(url)
        secure, host = parts.scheme == "wss", parts.hostname or ""
        options: dict[str, Any] = {"ssl": await self._context(), "server_hostname": host} if secure else {}
        connected = await self._connected(host, parts.port or (443 if secure else 80), secure)
        try:
            connection = await connect(
                url,
                sock=connected,
                additional_headers=dict(headers),
                user_agent_header=USER_AGENT,
                compression=None,
                open_timeout=None,
                ping_interval=self._times.ping,
                ping_timeout=self._times.pong,
                close_timeout=self._times.close,
                max_size=LONGEST_MESSAGE,
                logger=_LIBRARY_LOG,
                create_connection=_Connection,
                proxy=None,
                **options,
            )
        except BaseException:
            connected.close()
            raise
        assert isinstance(connection, _Connection)
        return connection

    async def _context(self) -> ssl.SSLContext:
        """The certificates there are, read once and not in the loop."""
        if self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        return self._tls

    async def _connected(self, host: str, port: int, secure: bool) -> socket.socket:
        """A socket to the first address of the name that takes us. What a later look-up would say does not matter."""
        loop = asyncio.get_running_loop()
        try:
            found = await self._lookups.find(host, host, port, socket.AF_UNSPEC, self._times.open)
        except (OSError, UnicodeError) as error:
            raise StreamFailed(UNREACHABLE, "the host name cannot be resolved") from error
        allowed = [entry for entry in found if self._policy.admits(str(entry[4][0]), port)]
        if not allowed:
            raise StreamFailed(UNREACHABLE, "the address is not public and not on the allow-list")
        if not secure and not all(self._policy.lists(str(entry[4][0])) for entry in allowed):
            raise StreamFailed(SCHEME, "a public address is spoken to by wss:// only")
        failure: OSError = OSError()
        for family, kind, protocol, _, address in allowed:
            sock = socket.socket(family, kind, protocol)
            sock.setblocking(False)
            try:
                await loop.sock_connect(sock, address)
            except OSError as error:
                sock.close()
                failure = error
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise failure
