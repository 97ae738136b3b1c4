"""A TCP proxy on loopback that cuts, goes silent and throttles."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

SMALL = 4096


class TcpProxy:
    """Stands before ``target`` (a port of localhost). ``bytes_per_s`` throttles each direction."""

    def __init__(self, target: int, bytes_per_s: float | None = None) -> None:
        self.target = target
        self.bytes_per_s = bytes_per_s
        self.silent = False
        self.port = 0
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[TcpProxy]:
        listener = socket.socket()
        if self.bytes_per_s is not None:
            # What lies in the proxy's own buffers would pass for a long line.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        listener.bind(("127.0.0.1", 0))
        self.port = int(listener.getsockname()[1])
        server = await asyncio.start_server(self._serve, sock=listener, limit=SMALL)
        try:
            yield self
        finally:
            server.close()
            self.cut()
            await server.wait_closed()
            await asyncio.sleep(0)

    def cut(self) -> None:
        """Reset every connection."""
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target, limit=SMALL)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, far_writer}
        self._writers |= pair
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._copy(reader, far_writer))
                group.create_task(self._copy(far_reader, writer))
        finally:
            for end in pair:
                end.transport.abort()
            self._writers -= pair

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        with contextlib.suppress(OSError):
            while data := await reader.read(1024 if self.bytes_per_s else 65536):
                while self.silent:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                if self.bytes_per_s is not None:
                    due = max(due, loop.time()) + len(data) / self.bytes_per_s
                    await asyncio.sleep(due - loop.time())
                writer.write(data)
                await writer.drain()
        for end in self._writers:
            if end is writer:
                end.transport.abort()
