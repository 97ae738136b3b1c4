"""SIP over TLS (RFC 3261 §26.3, RFC 5626 §3.5.1): connections made when needed, and kept."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable

from edge_agent.drivers.sip.framing import Framing
from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.settings import SipSettings, TlsFiles, Transport
from telecore.errors import DeviceLost, RemoteProtocolError

log = logging.getLogger(__name__)

CONNECT_S = 8.0
PING_S = 60.0
_SILENCES = 5
"""So many times nothing within PING_S, not even the answer to a ping, and the connection is given up."""
_MOST = 64
_WAITING = 64
_BUFFERED = 1 << 20


class TlsConnections:
    """A message sent to a far end without a connection waits while one is made, for ``CONNECT_S`` at most."""

    def __init__(self, settings: SipSettings, on_data: Callable[[bytes, Hop], None]) -> None:
        self._settings = settings
        self._files = settings.tls or TlsFiles()
        self._on_data = on_data
        self._server: asyncio.Server | None = None
        self._writers: dict[Hop, asyncio.StreamWriter] = {}
        self._waiting: dict[Hop, list[bytes]] = {}
        self._names: dict[Hop, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: ssl.SSLContext | None = None
        self._closed = False

    async def open(self) -> int | None:
        """The port that is listened on, None when connections are only made. Raises DeviceLost."""
        try:
            if self._settings.tls is not None:
                self._client = await asyncio.to_thread(_client_context, self._files)
            if self._settings.tls_port is None:
                return None
            self._server = await asyncio.start_server(
                self._taken, self._settings.listen, self._settings.tls_port, ssl=_server_context(self._files)
            )
        except (OSError, ssl.SSLError) as error:
            raise DeviceLost(f"SIP over TLS on address {self._settings.listen}: {error}") from error
        return int(self._server.sockets[0].getsockname()[1])

    def expect_name(self, hop: Hop, name: str) -> None:
        self._names[hop] = name

    def send(self, data: bytes, hop: Hop) -> bool:
        """False: there is no room for it."""
        writer = self._writers.get(hop)
        if writer is not None and not writer.is_closing():
            if writer.transport.get_write_buffer_size() > _BUFFERED:
                return False
            writer.write(data)
            return True
        waiting = self._waiting.get(hop)
        if waiting is not None:
            if len(waiting) >= _WAITING:
                return False
            waiting.append(data)
            return True
        if hop not in self._names or len(self._writers) + len(self._waiting) >= _MOST:
            return False  # only those we know by name are connected to
        self._waiting[hop] = [data]
        self._spawn(hop)
        return True

    async def close(self) -> None:
        self._closed = True
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=2.0)
        for writer in list(self._writers.values()):
            writer.transport.abort()

    def _spawn(self, hop: Hop) -> None:
        task = asyncio.create_task(self._connect(hop))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, hop: Hop) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                if self._client is None:  # the system's list is read when it is first wanted: few sites need it
                    self._client = await asyncio.to_thread(_client_context, self._files)
                reader, writer = await asyncio.open_connection(
                    hop.address, hop.port, ssl=self._client, server_hostname=self._names[hop]
                )
        except (OSError, ssl.SSLError, TimeoutError) as error:
            log.warning("SIP over TLS to %s: %s", hop, error or "no answer")
            self._waiting.pop(hop, None)
            return
        self._writers[hop] = writer
        for data in self._waiting.pop(hop, []):
            writer.write(data)
        await self._read(reader, writer, hop)

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address, port = writer.get_extra_info("peername")[:2]
        hop = Hop(address, port, Transport.TLS)
        if self._closed or len(self._writers) >= _MOST:  # it was shaking hands while we closed
            writer.transport.abort()
            return
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._writers[hop] = writer
        await self._read(reader, writer, hop)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hop: Hop) -> None:
        framing, silences = Framing(), 0
        try:
            while True:
                try:
                    async with asyncio.timeout(PING_S):
                        data = await reader.read(16_384)
                except TimeoutError:
                    silences += 1
                    if silences >= _SILENCES:
                        return
                    writer.write(b"\r\n\r\n")
                    continue
                if not data:
                    return
                silences = 0
                for message in framing.feed(data):
                    self._on_data(message, hop)
                if framing.pings:
                    framing.pings = 0
                    writer.write(b"\r\n")
        except (OSError, ssl.SSLError, RemoteProtocolError) as error:
            log.info("SIP over TLS with %s: %s", hop, error)
        finally:
            if self._writers.get(hop) is writer:
                del self._writers[hop]
            writer.transport.abort()


def _client_context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=files.ca)
    if files.certificate is not None:
        context.load_cert_chain(files.certificate, files.key)
    return context


def _server_context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.ca)
    if files.certificate is not None:
        context.load_cert_chain(files.certificate, files.key)
    if files.ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
