"""The least a server of ``websockets`` can do for so many connections: shake hands over TLS and hold them."""

from __future__ import annotations

import asyncio
import resource
import ssl
import sys

from websockets.asyncio.server import ServerConnection, serve


async def hold(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def main(port: int, certificate: str, key: str) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    options = {"compression": None, "ping_interval": 10, "ping_timeout": 10, "backlog": 4096}
    async with serve(hold, "127.0.0.1", port, ssl=tls, open_timeout=10, **options):  # type: ignore[arg-type]
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        from uvloop import run
    except ImportError:
        run = asyncio.run
    run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
