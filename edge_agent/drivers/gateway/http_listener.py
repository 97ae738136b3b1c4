"""Where a gateway's webhooks arrive: from its own address only, few at a time, each bounded in size and time."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

from edge_agent.drivers.gateway.http_request import HttpRequest, HttpRequestReader, response
from telecore.errors import DeviceLost, DeviceRefused, RemoteProtocolError, StorageFailed

log = logging.getLogger(__name__)

REQUEST_S = 10.0
IDLE_S = 60.0
CONNECTIONS = 16
WRITES = frozenset({"POST", "PUT"})
_TELL_S = 60.0
_REASONS = {200: "OK", 400: "Bad Request", 405: "Method Not Allowed", 503: "Service Unavailable"}

OnRequest = Callable[[HttpRequest], Awaitable[int]]
"""Takes one request; the status to answer with. What it raises as StorageFailed is answered by 503: tell it again."""


class HttpListener:
    """``host``: the only one who is listened to. ``strangers`` counts the others, who get no answer at all.

    ``methods``: what is taken; everything else is answered by 405.
    """

    def __init__(
        self, listen: str, port: int, host: str, on_request: OnRequest, methods: frozenset[str] = WRITES
    ) -> None:
        self._listen = listen
        self._wanted_port = port
        self._host = host
        self._on_request = on_request
        self._methods = methods
        self._allowed: frozenset[str] = frozenset()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._told_at = -_TELL_S
        self.strangers = 0

    @property
    def port(self) -> int:
        """The port it listens on, when ``start`` has returned."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server is not None else 0

    async def start(self) -> None:
        """Raises DeviceRefused when the port is taken, DeviceLost when the box's name leads to no address."""
        self._allowed = await _addresses(self._host)
        try:
            self._server = await asyncio.start_server(self._accept, self._listen, self._wanted_port)
        except OSError as error:
            where = f"{self._listen}:{self._wanted_port}"
            raise DeviceRefused("error", None, f"webhooks cannot be awaited on {where}: {error.strerror}") from error

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        if self._connections:
            await asyncio.wait(list(self._connections))

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = writer.get_extra_info("peername")  # None when it has gone already
        peer = _plain(str(name[0])) if name else "nobody"
        if peer not in self._allowed:
            self._stranger(peer)
            writer.transport.abort()
        elif len(self._connections) >= CONNECTIONS:
            writer.transport.abort()
        else:
            task = asyncio.get_running_loop().create_task(self._serve(reader, writer), name=f"webhooks of {peer}")
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
            task.add_done_callback(
                lambda _: writer.close()
            )  # one that is stopped before it began closes nothing itself

    def _stranger(self, peer: str) -> None:
        self.strangers += 1
        now = asyncio.get_running_loop().time()
        if now - self._told_at >= _TELL_S:
            self._told_at = now
            log.warning(
                "%s is not the gateway at %s and was not listened to (%d so far)", peer, self._host, self.strangers
            )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests = HttpRequestReader()
        try:
            while (request := await self._read(requests, reader, writer)) is not None:
                status = await self._answer(request)
                writer.write(response(status, _REASONS.get(status, "Error"), keep=request.keep))
                await self._drain(writer)
                if not request.keep:
                    break
        except RemoteProtocolError as error:
            log.warning("webhook of %s: %s", self._host, error)
            writer.write(response(400, _REASONS[400]))
        except (OSError, TimeoutError) as error:
            log.debug("webhook of %s: %s", self._host, error or "too slow")
        finally:
            writer.close()
            with suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), 1.0)

    async def _read(
        self, requests: HttpRequestReader, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> HttpRequest | None:
        request = requests.next()
        if request is not None:
            return request
        async with asyncio.timeout(IDLE_S):
            data = await reader.read(65536)
        async with asyncio.timeout(REQUEST_S):
            while data:
                requests.feed(data)
                if (request := requests.next()) is not None:
                    return request
                if requests.wants_continue:
                    writer.write(response(100, ""))
                data = await reader.read(65536)
        return None

    async def _answer(self, request: HttpRequest) -> int:
        if request.method not in self._methods:
            return 405
        try:
            return await self._on_request(request)
        except StorageFailed as error:
            log.warning("webhook of %s cannot be kept: %s", self._host, error)
            return 503

    async def _drain(self, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(REQUEST_S):
            await writer.drain()


async def _addresses(host: str) -> frozenset[str]:
    try:
        async with asyncio.timeout(REQUEST_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        raise DeviceLost(f"the box at {host} is gone: its name leads to no address ({error})") from error
    return frozenset(_plain(str(entry[4][0])) for entry in found)


def _plain(address: str) -> str:
    """IPv4 in IPv6 as IPv4; no zone."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)
