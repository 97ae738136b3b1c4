"""A real uplink and a real hub in one process, for benchmarks that look at the line between them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tunnel_servers import NoStreets
from cloud.tunnel.hub import Hub
from edge_agent.identity import Identity
from edge_agent.joining import Joining
from edge_agent.uplink import Uplink
from telecore.ids import EdgeId
from telecore.tunnel.streets import BlobStore, Incoming, Outgoing
from tests.fakes.tcp_proxy import TcpProxy

EDGE = EdgeId("bench")


@dataclass(frozen=True)
class Ends:
    """Both ends, greeted."""

    hub: Hub
    uplink: Uplink
    proxy: TcpProxy | None

    def socket(self) -> socket.socket:
        """The uplink's."""
        session = self.uplink._session
        assert session is not None
        found = session._line._socket
        assert found is not None
        return found  # type: ignore[no-any-return]


@contextlib.asynccontextmanager
async def connected(
    blobs: tuple[BlobStore, BlobStore],
    *,
    outgoing: Outgoing | None = None,
    incoming: Incoming | None = None,
    directory: Path | None = None,
    bytes_per_s: float | None = None,
) -> AsyncIterator[Ends]:
    """``blobs`` are the edge's and the cloud's; TLS with the certificate in ``directory``; a proxy that throttles."""

    async def anybody(edge: EdgeId, key: str) -> bool:
        return True

    streets = NoStreets()
    server_tls, client_tls = (None, None) if directory is None else contexts(directory)
    up = asyncio.Event()
    hub = Hub(
        "127.0.0.1",
        0,
        authenticate=anybody,
        outgoing=lambda edge: streets,
        incoming=lambda edge: incoming or streets,
        blobs=blobs[1],
        on_notice=lambda edge, notice: None,
        on_link=lambda edge, is_up: up.set(),
        tls=server_tls,
    )
    async with contextlib.AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        serving = tasks.create_task(hub.run())
        await hub.ready()
        proxy, port = None, hub.port
        if bytes_per_s is not None:
            proxy = await stack.enter_async_context(TcpProxy(hub.port, bytes_per_s).running())
            port = proxy.port
        uplink = Uplink(
            f"{'wss' if directory else 'ws'}://127.0.0.1:{port}/",
            Joining(Identity(EDGE, "key", ""), None),
            outgoing or streets,
            streets,
            blobs[0],
            on_notice=lambda notice: None,
            greeting=lambda: (),
            on_link=lambda is_up: None,
            tls=client_tls,
        )
        running = tasks.create_task(uplink.run())
        await up.wait()
        while not uplink.connected:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        yield Ends(hub, uplink, proxy)
        running.cancel()
        await asyncio.wait([running])
        serving.cancel()


def contexts(directory: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's and a client's that asks for no name."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    client = ssl.create_default_context()
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    return server, client
