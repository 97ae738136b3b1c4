"""UDP sockets on the loopback interface, opened at once and read by the loop."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable
from typing import Protocol

from simulator.sip.message import Address

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
LARGEST = 65_535
READS_AT_ONCE = 32
Received = Callable[[bytes, Address], None]


class Datagrams(Protocol):
    """A bound UDP port."""

    @property
    def port(self) -> int:
        """Where it listens."""

    def send(self, data: bytes, to: Address) -> None:
        """Send; what cannot be sent is lost, as on any network."""

    def close(self) -> None:
        """Harmless when it is closed."""


class UdpSocket:
    """Datagrams on a free port, or on the port asked for. OSError when it is taken."""

    def __init__(self, loop: asyncio.AbstractEventLoop, received: Received, port: int = 0) -> None:
        self._loop = loop
        self._received = received
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._open = True
        try:
            self._socket.setblocking(False)
            self._socket.bind((HOST, port))
        except OSError:
            self._socket.close()
            raise
        self._port: int = self._socket.getsockname()[1]
        loop.add_reader(self._socket.fileno(), self._readable)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    def send(self, data: bytes, to: Address) -> None:
        """Send; what cannot be sent is lost."""
        if not self._open or not numeric(to):
            return
        try:
            self._socket.sendto(data, to)
        except OSError as error:
            log.debug("%d octets to port %d are lost: %s", len(data), to[1], error)

    def close(self) -> None:
        """Harmless when it is closed."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _readable(self) -> None:
        for _ in range(READS_AT_ONCE):
            if not self._open:
                return
            try:
                data, address = self._socket.recvfrom(LARGEST)
            except OSError:  # nothing more to read, or an ICMP message of a port that is closed
                return
            self._received(data, (address[0], address[1]))


def numeric(address: Address) -> bool:
    """Whether it can be sent to without asking a resolver, which would block."""
    host, port = address
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return 0 < port <= 65_535


def even_port(loop: asyncio.AbstractEventLoop, received: Received) -> UdpSocket:
    """A socket on an even port, as RTP wants it (RFC 3550 §11)."""
    while True:
        found = UdpSocket(loop, received)
        if found.port % 2 == 0:
            return found
        found.close()
