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

    proxy: TunnelProxy

    def __init__(self, stack: AsyncExitStack, faults: Faults) -> None:
        self._stack = stack
        self.faults = faults
        self.peers: list[str] = []
        """From where the echo server was reached."""
        self.echoing = 0

    async def echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peers.append(writer.get_extra_info("peername")[0])
        self.echoing += 1
        await echo(reader, writer)
        self.echoing -= 1

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
        bench = Bench(stack, faults)
        server = await asyncio.start_server(bench.echo, "127.0.0.1", 0)
        target = server.sockets[0].getsockname()[1]
        bench.proxy = await stack.enter_async_context(TunnelProxy(Tunnel(EDGE, 0, target), faults, Random(1)))
        yield bench
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


async def test_loss_makes_all_that_follows_late_and_nothing_wrong(bench: Bench) -> None:
    """10 % of 1,448-byte segments: 70 expected in 1 MB each way, each a round trip or a timer of waiting."""
    data = Random(2).randbytes(300_000)
    stream = await bench.connect()
    clean = await bounce(stream, data)
    bench.begin("tunnel_loss", percent=10, rtt_ms=20)
    assert await bounce(stream, data, limit=30) > clean + 0.5


async def test_a_spoilt_line_changes_some_bits(bench: Bench) -> None:
    stream = await bench.connect()
    bench.begin("tunnel_corrupt", every_bytes=2000)
    sent = bytes(100_000)
    stream[1].write(sent)
    back = await asyncio.wait_for(stream[0].readexactly(len(sent)), 5)
    wrong = sum(byte.bit_count() for byte in back)
    assert 50 < wrong < 200  # 50 each way


async def test_another_address_leaves_the_old_connection_without_a_word(bench: Bench) -> None:
    stream = await bench.connect()
    await bounce(stream, b"x")
    assert bench.peers == ["127.0.0.1"]
    bench.begin("tunnel_address")
    stream[1].write(b"lost")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stream[0].read(1), 0.3)
    await bounce(await bench.connect(), b"from elsewhere")
    assert bench.peers == ["127.0.0.1", "127.0.0.2"]
    stream[1].transport.abort()
    await asyncio.sleep(0.1)
    assert bench.echoing == 2  # the cloud is told nothing, not even of the edge's own end
