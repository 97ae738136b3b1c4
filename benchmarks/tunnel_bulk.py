"""Whether sound is heard while a recording and a backlog of SMS go up a slow line (goal 5).

``python -m benchmarks.tunnel_bulk [bytes]``. Eight calls at 20 ms through a proxy that throttles, first alone, then
beside an upload (1 MB unless told) and 1,000 SMS events; the naive peer is ``websockets`` with the same sound and the
same bytes in pieces of 4 kB, each awaited. Goodput is of what the sound leaves over.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from benchmarks.tunnel_ends import EDGE, Ends, connected
from tests.fakes.streets import BatchIn, Blobs, Out
from tests.fakes.tcp_proxy import TcpProxy

CALLS = 8
SOUND_BYTES_PER_S = CALLS * 164 * 50
SMS = {"kind": "message.received", "body": "The water stands at two metres and rises. " * 3, "id": "0" * 32}


def stamped(number: int) -> bytes:
    return int(time.monotonic() * 1e6).to_bytes(8, "big") + number.to_bytes(4, "big") + bytes(148)


def age_ms(payload: bytes) -> float:
    return time.monotonic() * 1e3 - int.from_bytes(payload[:8], "big") / 1e3


async def speak(ends: Ends, stop: asyncio.Event) -> None:
    tick, began = 0, time.monotonic()
    while not stop.is_set():
        for stream in range(CALLS):
            ends.uplink.send_media(stream, stamped(tick))
        tick += 1
        await asyncio.sleep(max(0.0, began + tick * 0.02 - time.monotonic()))


async def ours(bytes_per_s: float, size: int) -> tuple[list[float], list[float], float, int]:
    """Ages of sound alone, then beside the upload, goodput of the spare, frames dropped as stale."""
    edge_blobs, cloud_blobs, outgoing, incoming = Blobs(), Blobs(), Out("bench"), BatchIn()
    recording = edge_blobs.add(random.Random(1).randbytes(size))
    ages: list[float] = []
    ends_of = connected((edge_blobs, cloud_blobs), outgoing=outgoing, incoming=incoming, bytes_per_s=bytes_per_s)
    async with ends_of as ends:
        for stream in range(CALLS):
            ends.hub.on_media(EDGE, stream, lambda seq, payload: ages.append(age_ms(payload)))
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(speak(ends, stop))
            await asyncio.sleep(2)
            alone = ages[:]
            ages.clear()
            began = time.monotonic()
            for _ in range(1000):
                outgoing.highest += 1
                outgoing.rows.append((outgoing.highest, SMS))
            ends.uplink.wake()
            await ends.hub.fetch(EDGE, recording, size, 120)
            while len(incoming.values) < 1000:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            took = time.monotonic() - began
            beside = ages[:]
            stop.set()
        link = ends.uplink._link
        dropped = link.media.dropped if link is not None else 0
    carried = size + 1000 * (len(str(SMS)) + 45)
    return alone, beside, carried / took / (bytes_per_s - SOUND_BYTES_PER_S), dropped


async def upload(socket: ClientConnection, size: int) -> None:
    for _ in range(size // 4096):
        await socket.send(bytes(4096))


async def naive(bytes_per_s: float, size: int) -> list[float]:
    """Ages of sound beside an upload on a plain WebSocket."""
    ages: list[float] = []
    got = 0

    async def listen(connection: ServerConnection) -> None:
        nonlocal got
        async for message in connection:
            assert isinstance(message, bytes)
            if len(message) == 160 * CALLS:
                ages.append(age_ms(message))
            else:
                got += len(message)

    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(serve(listen, "127.0.0.1", 0, compression=None))
        port = server.sockets[0].getsockname()[1]
        proxy = await stack.enter_async_context(TcpProxy(port, bytes_per_s).running())
        url = f"ws://127.0.0.1:{proxy.port}/"
        socket = await stack.enter_async_context(connect(url, compression=None, ping_interval=None))
        task = asyncio.create_task(upload(socket, size))
        while got < size // 4096 * 4096:
            await socket.send(stamped(0) + bytes(160 * (CALLS - 1)))
            await asyncio.sleep(0.02)
        await task
    return ages


def quantile(values: list[float], q: float) -> float:
    return sorted(values)[int(len(values) * q)]


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    for mbit in (2, 8):
        rate = mbit * 1e6 / 8
        alone, beside, goodput, dropped = asyncio.run(ours(rate, size))
        worst = asyncio.run(naive(rate, size))
        print(f"\n{mbit} Mbit/s, 8 calls, {size} bytes and 1,000 SMS: age of sound")
        for name, ages in (("ours alone", alone), ("ours beside", beside), ("naive beside", worst)):
            print(f"  {name:14} p50 {quantile(ages, 0.5):7.1f} ms  p99 {quantile(ages, 0.99):7.1f} ms")
        idle, p99, naive99 = (quantile(ages, 0.99) for ages in (alone, beside, worst))
        print(f"  p99 is alone + {p99 - idle:.0f} ms; naive is x{naive99 / p99:.0f} of ours")
        print(f"  goodput {goodput:.0%} of the spare, {dropped} frames dropped as stale", flush=True)


if __name__ == "__main__":
    main()
