"""An HTTP proxy that knows CONNECT (RFC 9110 §9.3.6), with or without Basic authentication."""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress


class ConnectProxy:
    """Use as an async context manager. ``login``: user and password it wants, None for nobody's."""

    def __init__(self, login: tuple[str, str] | None = None) -> None:
        self._wanted = None
        if login is not None:
            self._wanted = "Basic " + base64.b64encode(":".join(login).encode()).decode()
        self.port = 0
        self.targets: list[str] = []
        """Whom it connected to."""
        self.refused = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> ConnectProxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, version = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        if self._wanted is not None and headers.get("proxy-authorization") != self._wanted:
            self.refused += 1
            writer.write(
                b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="site"\r\n'
                b"Content-Length: 0\r\n\r\n"
            )
            await writer.drain()
            return
        named = headers.get("host", target if version == "HTTP/1.0" else "")
        if method != "CONNECT" or named != target:
            writer.write(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
            await writer.drain()
            return
        host, _, port = target.rpartition(":")
        try:
            far_reader, far_writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except OSError:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            await writer.drain()
            return
        self.targets.append(target)
        writer.write(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 site\r\n\r\n")
        try:
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        finally:
            far_writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()
