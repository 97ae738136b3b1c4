"""The SMSC's TCP port."""

from __future__ import annotations

import asyncio
import ssl

from simulator.faults import Fault, Faults
from simulator.smpp.link import LINK, SmppLink
from simulator.smpp.session import Session
from simulator.timing import Timers


class SmscServer:
    """Serves one customer's link on 127.0.0.1. While it is down it lets nobody in."""

    def __init__(
        self, link: SmppLink, faults: Faults, timers: Timers, *, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.link = link
        self.port = port
        self.sessions: set[Session] = set()
        self._faults = faults
        self._timers = timers
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._transports: set[asyncio.Transport] = set()
        faults.watchers.append(self._fault_changed)

    async def start(self) -> None:
        """Listen; `port` is known afterwards."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Cut every connection, without a word."""
        for transport in list(self._transports):
            transport.abort()

    @property
    def where(self) -> dict[str, object]:
        """What a customer is told."""
        link = self.link
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "system_id": link.system_id,
            "password": link.password,
            "numbers": list(link.numbers),
        }

    def is_down(self) -> bool:
        """Whether the fault smsc_down is on."""
        return self._faults.on("smsc_down", LINK) is not None

    def opened(self, transport: asyncio.Transport) -> Session | None:
        """A customer connects; None: nobody is let in."""
        if self.is_down():
            transport.abort()
            return None
        session = Session(self.link, self._faults, self._timers, transport.write, transport.close)
        self._transports.add(transport)
        self.sessions.add(session)
        return session

    def closed(self, transport: asyncio.Transport, session: Session) -> None:
        """He is gone."""
        session.gone()
        self._transports.discard(transport)
        self.sessions.discard(session)

    def _accept(self) -> asyncio.Protocol:
        return _Connection(self)

    def _fault_changed(self, fault: Fault, begins: bool) -> None:
        if begins and fault.kind == "smsc_down":
            self.hang_up()


class _Connection(asyncio.Protocol):
    def __init__(self, server: SmscServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._session: Session | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._session = self._server.opened(transport)

    def data_received(self, data: bytes) -> None:
        if self._session is not None:
            self._session.received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._session is not None and self._transport is not None:
            self._server.closed(self._transport, self._session)
