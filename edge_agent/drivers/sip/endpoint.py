"""The sockets: one for UDP, and TLS connections where they are set up. Checks every address before it sends."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

from edge_agent.drivers.sip.hop import Hop, sendable
from edge_agent.drivers.sip.settings import SipSettings, Transport
from edge_agent.drivers.sip.tls import TlsConnections
from telecore.errors import DeviceLost

log = logging.getLogger(__name__)

_RECEIVED = 1 << 20
"""Octets the system may hold for us, where it allows as many: a burst while the loop is busy is not lost."""

OnData = Callable[[bytes, Hop], None]


class Endpoint:
    """``on_data`` gets each datagram or message, and its sender. ``lost`` is done when the socket is gone."""

    def __init__(self, settings: SipSettings, on_data: OnData) -> None:
        self._settings = settings
        self._on_data = on_data
        self._udp: asyncio.DatagramTransport | None = None
        self._tls = TlsConnections(settings, on_data)
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.port = settings.port
        self.tls_port = settings.tls_port
        self.unsendable = 0
        self.full = False

    async def open(self) -> None:
        """Raises DeviceLost when the address cannot be had."""
        settings = self._settings
        loop = asyncio.get_running_loop()
        try:
            self._udp, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self), local_addr=(settings.listen, settings.port)
            )
        except OSError as error:
            raise DeviceLost(f"SIP cannot listen on address {settings.listen}:{settings.port}: {error}") from error
        made: socket.socket | None = self._udp.get_extra_info("socket")
        if made is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVED)
        self.port = self._udp.get_extra_info("sockname")[1]
        try:
            self.tls_port = await self._tls.open()
        except (DeviceLost, asyncio.CancelledError):
            await self.close()
            raise

    def send(self, data: bytes, hop: Hop) -> None:
        """Never raises. What cannot be sent to is counted."""
        if not sendable(hop):
            self.unsendable += 1
        elif hop.transport is Transport.TLS:
            if not self._tls.send(data, hop):
                self.unsendable += 1
        elif self._udp is not None and not self._udp.is_closing():
            if self.full:
                self.unsendable += 1  # the network takes nothing: what is lost is sent again, what is kept is too late
            else:
                self._udp.sendto(data, (hop.address, hop.port))

    def expect_name(self, hop: Hop, name: str) -> None:
        """Over TLS, the far end there must have a certificate for this name."""
        self._tls.expect_name(hop, name)

    async def close(self) -> None:
        udp, self._udp = self._udp, None
        if udp is not None:
            udp.close()
            await asyncio.sleep(0)  # connection_lost is called in the next turn of the loop
        await self._tls.close()

    def received(self, data: bytes, address: tuple[str, int]) -> None:
        self._on_data(data, Hop(address[0], address[1]))

    def gone(self, error: Exception | None) -> None:
        if self._udp is not None and not self.lost.done():
            self.lost.set_result(str(error or "the socket was closed"))


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._endpoint.received(data, addr)

    def pause_writing(self) -> None:
        self._endpoint.full = True

    def resume_writing(self) -> None:
        self._endpoint.full = False

    def error_received(self, exc: Exception) -> None:
        # An ICMP "port unreachable" of one far end says nothing of the socket.
        log.debug("SIP socket: %s", exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._endpoint.gone(exc)
