"""A TCP proxy on loopback that cuts, goes silent and throttles."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from functools import partial

SMALL = 2048
LATE_S = 0.005


class TcpProxy:
    """Stands before ``target``, a port of localhost.

    ``bytes_per_s`` throttles each direction, with hardly any buffer: what the proxy had taken in would look delivered
    to the sender's kernel, and would stand in the way of what comes behind it.
    """

    def __init__(self, target: int, bytes_per_s: float | None = None) -> None:
        self.target = target
        self.bytes_per_s = bytes_per_s
        self.silent = False
        self.port = 0
        self.connections = 0
        self.passed = [0, 0]
        """Bytes from those who connect, and to them."""
        self.refused: set[str] = set()
        """Source addresses whose connections are reset."""
        self.sources: list[str] = []
        """From where it was reached, refused ones included."""
        self._sockets: set[socket.socket] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[TcpProxy]:
        listener = self._socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        self.port = int(listener.getsockname()[1])
        accepting = asyncio.create_task(self._accept(listener))
        try:
            yield self
        finally:
            accepting.cancel()
            self.cut()
            await asyncio.gather(accepting, *self._tasks, return_exceptions=True)
            listener.close()

    def cut(self) -> None:
        """Reset every connection."""
        for sock in self._sockets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        for task in self._tasks:
            task.cancel()

    def _socket(self) -> socket.socket:
        sock = socket.socket()
        sock.setblocking(False)
        if self.bytes_per_s is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        return sock

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            near, source = await loop.sock_accept(listener)
            near.setblocking(False)
            self.sources.append(source[0])
            if source[0] in self.refused:
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                near.close()
                continue
            self.connections += 1
            task = asyncio.create_task(self._serve(near))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(partial(_close, near))  # cut before it began, it closes nothing itself

    async def _serve(self, near: socket.socket) -> None:
        far = self._socket()
        pair = {near, far}
        self._sockets |= pair
        try:
            await asyncio.get_running_loop().sock_connect(far, ("127.0.0.1", self.target))
            for sock in pair:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ways = [asyncio.create_task(self._copy(near, far, 0)), asyncio.create_task(self._copy(far, near, 1))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            return
        finally:
            self._sockets -= pair
            for sock in pair:
                sock.close()

    async def _copy(self, source: socket.socket, sink: socket.socket, way: int) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(source, 1024 if self.bytes_per_s else 65536):
                while self.silent:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                if self.bytes_per_s is not None:
                    # A timer that fired late is made good, so that the rate holds on a busy machine.
                    due = max(due, loop.time() - LATE_S) + len(data) / self.bytes_per_s
                    await asyncio.sleep(due - loop.time())
                self.passed[way] += len(data)
                await loop.sock_sendall(sink, data)


def _close(sock: socket.socket, task: object) -> None:
    sock.close()
