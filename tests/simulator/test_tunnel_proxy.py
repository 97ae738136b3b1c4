"""The proxy between real sockets, fault by fault."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from random import Random

import pytest

from simulator.faults import Faults
from simulator.options import Tunnel
from simulator.timing import LoopTimers
from simulator.tunnel_proxy import TunnelProxy

EDGE = "site-a"
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Bench:
    """An echo server, the proxy before it, and connections through it."""

    def __init__(self, stack: AsyncExitStack, faults: Faults, proxy: TunnelProxy) -> None:
        self._stack = stack
        self.faults = faults
        self.proxy = proxy

    async def connect(self) -> Stream:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.proxy.port)
        self._stack.callback(abort, writer)
        return reader, writer

    def begin(self, kind: str, **options: float) -> str:
        return self.faults.begin(kind, EDGE, options, None).id


def abort(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.transport.abort()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    loop = asyncio.get_running_loop()
    faults = Faults(LoopTimers(loop, speed=1, random=Random(1)))
    faults.edges.add(EDGE)
    async with AsyncExitStack() as stack:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        target = server.sockets[0].getsockname()[1]
        proxy = await stack.enter_async_context(TunnelProxy(Tunnel(EDGE, 0, target), faults, Random(1)))
        yield Bench(stack, faults, proxy)
        server.close()
    await asyncio.sleep(0.05)


async def bounce(stream: Stream, data: bytes, limit: float = 5) -> float:
    """Seconds until the data came back."""
    reader, writer = stream
    start = asyncio.get_running_loop().time()
    async with asyncio.timeout(limit):
        writer.write(data)
        back = await reader.readexactly(len(data))
    assert back == data
    return asyncio.get_running_loop().time() - start


async def test_bytes_pass_whole_and_fast(bench: Bench) -> None:
    data = bytes(range(256)) * 8000
    assert await bounce(await bench.connect(), data) < 4


async def test_the_end_of_a_stream_passes(bench: Bench) -> None:
    reader, writer = await bench.connect()
    writer.write(b"last words")
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 2) == b"last words"


async def test_a_cut_ends_connections_and_refuses_new_ones(bench: Bench) -> None:
    reader, _ = await bench.connect()
    await bounce((reader, _), b"x")
    fault = bench.begin("tunnel_cut")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), 2)
    refused, _ = await bench.connect()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(refused.readexactly(1), 2)
    bench.faults.end(fault)
    await bounce(await bench.connect(), b"again")


async def test_a_black_hole_keeps_everything_open_and_silent(bench: Bench) -> None:
    stream = await bench.connect()
    await bounce(stream, b"x")
    fault = bench.begin("tunnel_blackhole")
    stream[1].write(b"held")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stream[0].readexactly(4), 0.3)
    bench.faults.end(fault)
    assert await asyncio.wait_for(stream[0].readexactly(4), 2) == b"held"


async def test_a_slow_line_has_its_rate_in_both_directions(bench: Bench) -> None:
    bench.begin("tunnel_slow", kbit_s=200)
    took = await bounce(await bench.connect(), bytes(25_000), limit=10)
    assert 0.95 < took < 1.6  # one second each way, overlapping


async def test_a_slow_line_takes_no_more_than_it_carries(bench: Bench) -> None:
    bench.begin("tunnel_slow", kbit_s=80)
    _, writer = await bench.connect()
    writer.transport.set_write_buffer_limits(high=0)
    writer.get_extra_info("socket").setsockopt(1, 7, 16_384)
    writer.write(bytes(1_000_000))
    await asyncio.sleep(0.5)
    assert writer.transport.get_write_buffer_size() > 700_000


async def test_delay_is_added_each_way_and_keeps_order(bench: Bench) -> None:
    stream = await bench.connect()
    await bounce(stream, b"x")
    bench.begin("tunnel_delay", ms=100, jitter_ms=50)
    for _ in range(5):
        assert 0.09 < await bounce(stream, bytes(range(256))) < 0.6
    assert await bounce(stream, bytes(range(256)) * 400) < 3


async def test_flapping_cuts_again_and_again(bench: Bench) -> None:
    fault = bench.begin("tunnel_flap", every_s=0.1)
    for _ in range(3):
        reader, _ = await bench.connect()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 2)
    bench.faults.end(fault)
    await asyncio.sleep(0.15)
    await bounce(await bench.connect(), b"steady")


async def test_without_a_cloud_the_connection_ends(bench: Bench) -> None:
    bench.proxy._target = 1
    reader, _ = await bench.connect()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), 2)
