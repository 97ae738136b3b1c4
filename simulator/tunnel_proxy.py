"""A TCP proxy in front of the cloud's tunnel port, with the line faults of `lab.md`.

Bytes wait in small buffers only: what the slow side does not take stays in the fast side's socket, as on a
real bottleneck.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from random import Random
from types import TracebackType

from simulator.faults import Fault, Faults
from simulator.line_noise import Corruption, Loss
from simulator.options import Tunnel

log = logging.getLogger(__name__)

CHUNK = 4096
SLOW_CHUNK = 512
SOCKET_BUFFER = 16_384
FLIGHT_BYTES = 4 * 1024 * 1024  # of bytes delayed in one direction
CONNECT_S = 5.0
CLOSE_S = 1.0
DEAD_S = 600.0
"""How long the ends of a connection whose address is gone find nobody, not even a reset."""
ADDRESSES = 250


@dataclass(eq=False, slots=True)
class _Bucket:
    """When the line of a direction is free again; both directions have one of their own."""

    free_at: float = 0.0

    def reserve(self, now: float, octets: int, kbit_s: float) -> float:
        """Seconds until these octets have passed."""
        self.free_at = max(now, self.free_at) + octets * 8 / (kbit_s * 1000)
        return self.free_at - now


class _Way:
    """One direction: its rate is shared by all connections, as is its chance."""

    def __init__(self, random: Random) -> None:
        self.bucket = _Bucket()
        self.loss = Loss(random)
        self.corruption = Corruption(random)


@dataclass(eq=False, slots=True)
class _Link:
    """One connection through the proxy."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    dead: bool = False
    """Its address is gone: nothing passes any more, and nobody is told."""

    def cut(self) -> None:
        """Reset both sides."""
        for writer in (self.near, self.far):
            writer.transport.abort()


class TunnelProxy:
    """Listens on one port for one edge; use as an async context manager."""

    def __init__(self, tunnel: Tunnel, faults: Faults, random: Random) -> None:
        self.edge = tunnel.edge
        self.port = tunnel.listen_port
        self._target = tunnel.target_port
        self._faults = faults
        self._random = random
        self._links: set[_Link] = set()
        self._ways = (_Way(random), _Way(random))
        self._address = 1
        self._server: asyncio.Server | None = None
        self._closing = False
        self._open = asyncio.Event()
        self._open.set()
        self._flap: asyncio.Task[None] | None = None

    async def __aenter__(self) -> TunnelProxy:
        listener = _small_socket()
        listener.bind(("127.0.0.1", self.port))
        self._server = await asyncio.start_server(self._serve, sock=listener, limit=SOCKET_BUFFER)
        self.port = self._server.sockets[0].getsockname()[1]
        self._faults.watchers.append(self._fault_changed)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._faults.watchers.remove(self._fault_changed)
        if self._flap is not None:
            self._flap.cancel()
        self._closing = True
        self._open.set()
        self._cut_all()
        if self._server is not None:
            self._server.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._on("tunnel_cut"):
            writer.transport.abort()
            return
        await self._open.wait()
        if self._closing:
            writer.transport.abort()
            return
        try:
            async with asyncio.timeout(CONNECT_S):
                far_reader, far_writer = await self._reach_cloud()
        except (OSError, TimeoutError) as error:
            log.info("tunnel of %s: the cloud does not answer: %s", self.edge, error)
            writer.transport.abort()
            return
        link = _Link(writer, far_writer)
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(link, reader, far_writer, self._ways[0]))
                tasks.create_task(self._pump(link, far_reader, writer, self._ways[1]))
        except* (OSError, ConnectionError):
            pass
        finally:
            self._links.discard(link)
            link.cut()

    async def _reach_cloud(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        far = _small_socket()
        far.setblocking(False)
        with ExitStack() as stack:
            stack.callback(far.close)
            if self._address > 1:
                far.bind((f"127.0.0.{self._address}", 0))
            await asyncio.get_running_loop().sock_connect(far, ("127.0.0.1", self._target))
            streams = await asyncio.open_connection(sock=far, limit=SOCKET_BUFFER)
            stack.pop_all()
        return streams

    async def _pump(self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: _Way) -> None:
        writer.transport.set_write_buffer_limits(high=SOCKET_BUFFER)
        flight = _Flight(writer)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(flight.land())
                data = b"first"
                while data:
                    data = await reader.read(SLOW_CHUNK if self._on("tunnel_slow") else CHUNK)
                    await self._open.wait()
                    if link.dead:
                        break
                    await self._pass(data, flight, way)
                if link.dead:
                    await asyncio.sleep(DEAD_S)
        except* OSError:
            if not link.dead:
                raise
            await asyncio.sleep(DEAD_S)

    async def _pass(self, data: bytes, flight: _Flight, way: _Way) -> None:
        """One chunk, late and spoilt as the faults of this moment say."""
        slow, corrupt = self._on("tunnel_slow"), self._on("tunnel_corrupt")
        if slow and data:
            await asyncio.sleep(
                way.bucket.reserve(asyncio.get_running_loop().time(), len(data), slow.options["kbit_s"])
            )
        if corrupt:
            data = way.corruption.spoil(data, corrupt.options["every_bytes"])
        await flight.take_off(data, self._delay() + self._lost_for(data, way))

    def _lost_for(self, data: bytes, way: _Way) -> float:
        loss = self._on("tunnel_loss")
        if loss is None or not data:
            return 0.0
        return way.loss.delay_s(len(data), loss.options["percent"], loss.options["rtt_ms"] / 1000)

    def _delay(self) -> float:
        fault = self._on("tunnel_delay")
        if fault is None:
            return 0.0
        jitter = fault.options["jitter_ms"]
        return max(0.0, fault.options["ms"] + self._random.uniform(-jitter, jitter)) / 1000

    def _on(self, kind: str) -> Fault | None:
        return self._faults.on(kind, self.edge)

    def _fault_changed(self, fault: Fault, begins: bool) -> None:
        if self.edge not in fault.devices:
            return
        if fault.kind == "tunnel_cut" and begins:
            self._cut_all()
        elif fault.kind == "tunnel_blackhole":
            if self._on("tunnel_blackhole"):
                self._open.clear()
            else:
                self._open.set()
        elif fault.kind == "tunnel_address" and begins:
            self._move()
        elif fault.kind == "tunnel_flap" and begins:
            if self._flap is not None:
                self._flap.cancel()
            self._flap = asyncio.get_running_loop().create_task(self._flapping(fault))

    async def _flapping(self, fault: Fault) -> None:
        while self._on("tunnel_flap") is fault:
            self._cut_all()
            every, most = fault.options["every_s"], fault.options["most_s"]
            await asyncio.sleep(self._random.uniform(every, most) if most > every else every)

    def _move(self) -> None:
        """Another address: what was connected from the old one hears nothing more, and what comes next is from it."""
        self._address = self._address % ADDRESSES + 1
        for link in self._links:
            link.dead = True

    def _cut_all(self) -> None:
        for link in list(self._links):
            link.cut()


def _small_socket() -> socket.socket:
    """A TCP socket whose kernel buffers are those of a slow line; set before connecting, or they only grow."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
    return made


class _Flight:
    """Bytes on their way: each chunk lands at its own time, never before the one ahead of it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._chunks: deque[tuple[float, bytes]] = deque()
        self._size = 0
        self._changed = asyncio.Condition()
        self._last = 0.0

    async def take_off(self, data: bytes, delay: float) -> None:
        """Send a chunk off; empty data is the end of the stream. Waits while too much is in flight."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._size < FLIGHT_BYTES)
            self._last = max(self._last, asyncio.get_running_loop().time() + delay)
            self._chunks.append((self._last, data))
            self._size += len(data)
            self._changed.notify_all()

    async def land(self) -> None:
        """Write what has arrived, until the end of the stream."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._chunks))
                due, data = self._chunks.popleft()
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            if not data:
                with suppress(OSError):
                    self._writer.write_eof()
                return
            self._writer.write(data)
            await self._writer.drain()
            async with self._changed:
                self._size -= len(data)
                self._changed.notify_all()
