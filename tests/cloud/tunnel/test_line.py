"""The cloud's WebSocket door, met by a client that cuts its frames as it likes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import tracemalloc
from collections.abc import AsyncIterator, Mapping

import pytest

from cloud.tunnel.line import Admission, Line, LineTimes, listen
from cloud.tunnel.silence import Watch
from telecore.ids import EdgeId

TIMES = LineTimes(open=2, ping=60, pong=60, close=0.3)
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def frame(first: int, data: bytes, rng: random.Random) -> bytes:
    """A masked frame (RFC 6455 §5.2)."""
    mask = rng.randbytes(4)
    if len(data) < 126:
        head = bytes((first, 0x80 | len(data)))
    elif len(data) < 65536:
        head = bytes((first, 0xFE)) + len(data).to_bytes(2, "big")
    else:
        head = bytes((first, 0xFF)) + len(data).to_bytes(8, "big")
    return head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(data))


class Station:
    """A listening door and one connection to it."""

    def __init__(self) -> None:
        self.got: list[str | bytes] = []
        self.line: Line | None = None
        self.ended: list[str] = []

    async def serve(self, line: Line, admission: Admission) -> None:
        self.line = line
        line.trust()
        line.listen(self.got.append)
        self.ended.append(await line.closed())

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        async def door(headers: Mapping[str, str], address: str) -> Admission:
            return Admission(EdgeId("site-1"))

        async with listen("127.0.0.1", 0, door=door, serve_line=self.serve, times=TIMES) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(UPGRADE)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            yield reader, writer
            writer.close()


@pytest.mark.parametrize("seed", range(6))
async def test_messages_come_out_whole_however_the_bytes_are_cut(seed: int) -> None:
    rng = random.Random(seed)
    sent: list[str | bytes] = []
    stream = b""
    for _ in range(60):
        size = rng.choice((0, 1, 125, 126, 1000, 65535, 65536, 70_000)) if rng.randrange(4) == 0 else rng.randrange(300)
        data = rng.randbytes(size)
        match rng.randrange(4):
            case 0:
                text = data.hex()
                sent.append(text)
                stream += frame(0x81, text.encode(), rng)
            case 1:
                sent.append(data)
                middle = size // 2
                stream += frame(0x02, data[:middle], rng) + frame(0x89, b"ping", rng) + frame(0x80, data[middle:], rng)
            case _:
                sent.append(data)
                stream += frame(0x82, data, rng)
    station = Station()
    async with station.connection() as (reader, writer), asyncio.timeout(20):
        while stream:
            count = rng.choice((1, 2, 3, 7, 100, 5000, 200_000))
            writer.write(stream[:count])
            stream = stream[count:]
            await writer.drain()
            if rng.randrange(8) == 0:
                await asyncio.sleep(0)
        while len(station.got) < len(sent):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert station.got == sent
    assert all(type(message) in (str, bytes) for message in station.got)


async def test_a_line_that_was_held_counts_as_heard_when_it_is_read_again() -> None:
    """What the peer said meanwhile is only seen in a later turn of the loop."""
    station = Station()
    async with station.connection(), asyncio.timeout(10):
        while station.line is None:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        connection = station.line._connection
        station.line.hold(True)
        assert connection.held
        connection.heard = -100.0
        station.line.hold(False)
        assert not connection.held
        assert connection.heard > 0


async def test_byte_by_byte() -> None:
    rng = random.Random(9)
    station = Station()
    async with station.connection() as (reader, writer), asyncio.timeout(10):
        for byte in frame(0x82, b"\x01" * 200, rng) + frame(0x81, b"{}", rng):
            writer.write(bytes((byte,)))
            await asyncio.sleep(0.0005)
        while len(station.got) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert station.got == [b"\x01" * 200, "{}"]


@pytest.mark.parametrize(
    ("nonsense", "code"),
    [
        (b"\x82\x05hello", 1002),
        (b"\x83\x85mask\0\0\0\0\0", 1002),
        (b"\xc2\x85mask\0\0\0\0\0", 1002),
        (b"\x80\x85mask\0\0\0\0\0", 1002),
        (b"\x02\x81\0\0\0\0a\x82\x81\0\0\0\0b", 1002),
        (b"\x82\xff\x7f\0\0\0\0\0\0\0mask", 1009),
    ],
)
async def test_what_breaks_the_rules_of_websocket_ends_with_its_code(nonsense: bytes, code: int) -> None:
    rng = random.Random(1)
    station = Station()
    async with station.connection() as (reader, writer):
        writer.write(frame(0x82, b"before", rng) + nonsense + frame(0x82, b"after", rng))
        answer = await asyncio.wait_for(reader.read(), 5)
        assert answer[0] == 0x88
        assert int.from_bytes(answer[2:4], "big") == code
    assert station.got == [b"before"]
    assert str(code) in station.ended[0] or "1006" in station.ended[0]


async def test_what_came_without_an_end_goes_with_its_line() -> None:
    """Also without a collection of circles, which may be an hour away."""
    rng = random.Random(2)
    megabyte = frame(0x01, b"a" * (1 << 20), rng) + frame(0x00, b"a" * (1 << 20), rng)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(6):
            station = Station()
            async with station.connection() as (reader, writer):
                writer.write(megabyte)
                assert int.from_bytes((await asyncio.wait_for(reader.read(), 10))[2:4], "big") == 1009
        del station, reader, writer
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert after - before < 3 << 20


async def test_what_is_sent_is_framed_by_its_length() -> None:
    station = Station()
    async with station.connection() as (reader, _):
        while station.line is None:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        station.line.send(["é", b"x" * 125, b"y" * 126, b"z" * 65536])
        expected = b"\x81\x02\xc3\xa9" + b"\x82\x7d" + b"x" * 125 + b"\x82\x7e\x00\x7e" + b"y" * 126
        expected += b"\x82\x7f" + (65536).to_bytes(8, "big") + b"z" * 65536
        assert await asyncio.wait_for(reader.readexactly(len(expected)), 5) == expected


async def test_the_kernels_queue_is_seen() -> None:
    station = Station()
    async with station.connection() as (reader, _):
        while station.line is None:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        line = station.line
        assert line.short()
        assert line.free()
        for _ in range(200):
            line.send([b"x" * 60_000])
        assert not line.short()
        assert not line.free()
        while not line.short():
            await asyncio.wait_for(reader.read(1 << 20), 5)


async def test_who_listens_hears_of_it_when_nobody_watches_the_lines_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that are dead without a word would stay for ever, and nobody would know."""

    async def fall(self: Watch) -> None:
        raise RuntimeError("the watch fell")

    monkeypatch.setattr(Watch, "run", fall)
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(5), Station().connection():
            await asyncio.Event().wait()
    assert caught.group_contains(RuntimeError, match="the watch fell")
