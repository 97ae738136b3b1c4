"""Servers that echo sound: ours, a plain ``websockets`` and a bare protocol. Each is a process of its own.

``python -m benchmarks.tunnel_servers NAME DIRECTORY [uvloop] [tls] [coalesce=SECONDS]`` prints its port and serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from benchmarks.tunnel_load import CALLS_PER_TUNNEL
from cloud.tunnel.hub import Hub, HubTimes
from telecore.ids import EdgeId, Sha256


class NoStreets:
    """Stores with nothing in them."""

    stream = "bench"
    highest = 0

    async def read(self, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        return []

    async def forget(self, upto: int) -> None:
        return None

    async def applied(self, stream: str) -> int:
        return 0

    async def apply(self, stream: str, seq: int, payload: dict[str, Any], *, history: bool) -> None:
        return None


class NoBlobs:
    async def size(self, sha256: Sha256) -> int | None:
        return None

    async def read(self, sha256: Sha256, offset: int, count: int) -> bytes:
        return b""

    async def partial(self, sha256: Sha256) -> int:
        return 0

    async def write(self, sha256: Sha256, offset: int, data: bytes) -> None:
        return None

    async def complete(self, sha256: Sha256) -> bool:
        return False


class EchoCall:
    """A call whose other leg is itself."""

    def __init__(self, hub: Hub, edge: EdgeId, stream: int) -> None:
        self.frames = 0
        self._hub = hub
        self._edge = edge
        self._stream = stream

    def heard(self, sequence: int, payload: bytes) -> None:
        self.frames += 1
        self._hub.send_media(self._edge, self._stream, payload)


async def serve_hub(tls: ssl.SSLContext | None, coalesce_s: float) -> None:
    """Ours."""

    async def anybody(edge: EdgeId, key: str) -> bool:
        return True

    def linked(edge: EdgeId, up: bool) -> None:
        if up:
            for stream in range(CALLS_PER_TUNNEL):
                hub.on_media(edge, stream, EchoCall(hub, edge, stream).heard)

    streets = NoStreets()
    hub = Hub(
        "127.0.0.1",
        0,
        authenticate=anybody,
        outgoing=lambda edge: streets,
        incoming=lambda edge: streets,
        blobs=NoBlobs(),
        on_notice=lambda edge, notice: None,
        on_link=linked,
        times=HubTimes(coalesce=coalesce_s),
        tls=tls,
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(hub.run())
        await hub.ready()
        print(hub.port, flush=True)


async def serve_websockets(tls: ssl.SSLContext | None) -> None:
    """The peer: ``async for`` and ``await send``, one answer for each message."""

    async def echo(connection: ServerConnection) -> None:
        frames = dict.fromkeys(range(CALLS_PER_TUNNEL), 0)
        with contextlib.suppress(ConnectionClosed):
            async for message in connection:
                assert isinstance(message, bytes)
                for at in range(0, len(message), 164):
                    frames[message[at] << 8 | message[at + 1]] += 1
                await connection.send(message)

    async with serve(echo, "127.0.0.1", 0, ssl=tls, compression=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


async def serve_floor(tls: ssl.SSLContext | None) -> None:
    """Python's floor: one write for each read, nothing looked into."""

    class Echo(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(data)

    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Be a server."""
    kind, directory, *options = sys.argv[1:]
    tls = None
    if "tls" in options:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(Path(directory) / "cert.pem", Path(directory) / "key.pem")
    coalesce = float(next((option[9:] for option in options if option.startswith("coalesce=")), "0"))
    servers = {
        "ours": lambda: serve_hub(tls, coalesce),
        "websockets": lambda: serve_websockets(tls),
        "floor": lambda: serve_floor(tls),
    }
    if "uvloop" in options:
        import uvloop

        uvloop.install()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(servers[kind]())


if __name__ == "__main__":
    main()
