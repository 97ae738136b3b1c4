"""Customers' servers that are slow, dead or lying, each on a port of its own, all in one process.

The ports are printed as JSON: behaviour → port. ``good`` writes what it is told to the file named.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Serve = Callable[[Writer], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


async def _dead(writer: Writer) -> None:
    await asyncio.sleep(3600)


async def _slow_body(writer: Writer) -> None:
    writer.write(OK + b"Content-Length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.3)


async def _short(writer: Writer) -> None:
    writer.write(OK + b"Content-Length: 1000\r\n\r\nten bytes.")


async def _endless(writer: Writer) -> None:
    writer.write(OK + b"\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def _huge(writer: Writer) -> None:
    size = 20 * 1024 * 1024
    writer.write(OK + b"Content-Length: %d\r\n\r\n" % size)
    for _ in range(size // 65536):
        writer.write(b"x" * 65536)
        await writer.drain()


async def _loop(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")


async def _inward(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")


async def _failing(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops")


async def _rubbish(writer: Writer) -> None:
    writer.write(b"\x00\xff" * 500)


async def _headers(writer: Writer) -> None:
    writer.write(OK)
    while True:
        writer.write(b"X-Filler: " + b"x" * 60_000 + b"\r\n")
        await writer.drain()


async def _hangs_up(writer: Writer) -> None:
    return


LIARS: dict[str, Serve] = {
    "dead": _dead,
    "slow body": _slow_body,
    "wrong length": _short,
    "endless body": _endless,
    "20 MB": _huge,
    "redirect loop": _loop,
    "redirect inwards": _inward,
    "500": _failing,
    "no HTTP": _rubbish,
    "endless headers": _headers,
    "hangs up": _hangs_up,
}


def _serving(serve: Serve) -> Callable[[Reader, Writer], Awaitable[None]]:
    async def connected(reader: Reader, writer: Writer) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await serve(writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    return connected


class _Good:
    """Takes what it is told, and keeps the order in which that came."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    async def connected(self, reader: Reader, writer: Writer) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode("latin-1").lower().split("\r\n")
                size = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length:"))
                body = (await reader.readexactly(size)).decode()
                self._file.write(f"{time.time()} {body}\n")
                writer.write(OK + b"Content-Length: 0\r\n\r\n")
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, StopIteration):
            writer.close()


async def main(kept: Path, certificate: str, key: str) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    servers = {name: await asyncio.start_server(_serving(serve), "127.0.0.1", 0) for name, serve in LIARS.items()}
    good = _Good(kept)
    servers["good"] = await asyncio.start_server(good.connected, "127.0.0.1", 0)
    servers["wrong certificate"] = await asyncio.start_server(good.connected, "127.0.0.1", 0, ssl=tls)
    print(json.dumps({name: server.sockets[0].getsockname()[1] for name, server in servers.items()}), flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
