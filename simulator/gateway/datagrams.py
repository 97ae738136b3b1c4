"""A UDP socket of a simulated box, on a network that loses, doubles, delays and so reorders datagrams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import cast

Address = tuple[str, int]


@dataclass(slots=True)
class Weather:
    """Of both directions. `loss` and `doubled`: shares of the datagrams; `delay_s`: at most so long, at random."""

    random: Random
    loss: float = 0.0
    doubled: float = 0.0
    delay_s: float = 0.0
    dropped: int = 0

    def arrivals(self) -> list[float]:
        """After how many seconds each copy arrives; none: it is lost."""
        if self.random.random() < self.loss:
            self.dropped += 1
            return []
        copies = 2 if self.random.random() < self.doubled else 1
        return [self.random.uniform(0, self.delay_s) for _ in range(copies)]


class Datagrams(asyncio.DatagramProtocol):
    """`on_datagram` is called with what comes and whence; `muted`: nothing goes out or comes in."""

    def __init__(self, weather: Weather, on_datagram: Callable[[bytes, Address], None]) -> None:
        self._weather = weather
        self._on_datagram = on_datagram
        self._transport: asyncio.DatagramTransport | None = None
        self.muted = False

    @property
    def address(self) -> Address:
        """Where it is."""
        if self._transport is None:
            raise RuntimeError("the socket is closed")
        host, port = self._transport.get_extra_info("sockname")[:2]
        return str(host), int(port)

    async def open(self, host: str, port: int = 0) -> None:
        """Take a port; 0: a free one."""
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=(host, port))

    def close(self) -> None:
        """Let it go."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def send(self, data: bytes, to: Address) -> None:
        """Perhaps it arrives."""
        self._pass(lambda: self._out(data, to))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        """One came, perhaps."""
        source = (str(addr[0]), int(addr[1]))
        self._pass(lambda: self._in(data, source))

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there; what matters is said again."""

    def _pass(self, deliver: Callable[[], None]) -> None:
        for delay_s in self._weather.arrivals():
            if delay_s > 0:
                asyncio.get_running_loop().call_later(delay_s, deliver)
            else:
                deliver()

    def _out(self, data: bytes, to: Address) -> None:
        if self._transport is not None and not self.muted:
            self._transport.sendto(data, to)

    def _in(self, data: bytes, source: Address) -> None:
        if self._transport is not None and not self.muted:
            self._on_datagram(data, source)
