"""Web sockets of our server, as a browser opens them."""

from __future__ import annotations

import asyncio

import aiohttp
import aiohttp.web
import pytest

from cloud.web.http import Response, Route
from cloud.web.server import WebServer
from cloud.web.socket import MOST_FRAMES, MOST_TEXTS, Socket


async def echo(socket: Socket) -> None:
    while (message := await socket.receive()) is not None:
        if message == "enough":
            socket.send("bye")
            socket.close(4001, "enough")
        elif message == "fall":
            raise ValueError("a fault of ours")
        elif isinstance(message, bytes):
            socket.send_frame(message)
        else:
            socket.send(message)


@pytest.fixture
async def server():
    async def door(request: object) -> Response:
        return Response(socket=echo)

    server = WebServer("127.0.0.1", 0, [Route("GET", "/socket", door)])
    running = asyncio.create_task(server.run())
    await asyncio.wait_for(server.started.wait(), 5)
    yield server
    running.cancel()
    await asyncio.wait({running}, timeout=5)


async def test_texts_and_sound_go_both_ways(server: WebServer) -> None:
    url = f"http://127.0.0.1:{server.port}/socket"
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        await socket.send_str("hello")
        assert await socket.receive_str(timeout=3) == "hello"
        await socket.send_bytes(b"\1" * 160)
        assert await socket.receive_bytes(timeout=3) == b"\1" * 160
        await socket.send_str("enough")
        assert await socket.receive_str(timeout=3) == "bye"
        assert (await socket.receive(timeout=3)).data == 4001


async def test_a_socket_that_was_not_asked_for_and_a_message_too_long(server: WebServer) -> None:
    url = f"http://127.0.0.1:{server.port}/socket"
    async with aiohttp.ClientSession() as http:
        async with http.get(url) as answer:
            assert answer.status == 426
        async with http.ws_connect(url) as socket:
            await socket.send_str("x" * 20000)
            assert (await socket.receive(timeout=3)).data == 1009


async def test_a_fault_of_ours_ends_one_socket_only(server: WebServer, caplog: pytest.LogCaptureFixture) -> None:
    url = f"http://127.0.0.1:{server.port}/socket"
    async with aiohttp.ClientSession() as http:
        async with http.ws_connect(url) as socket:
            await socket.send_str("fall")
            assert (await socket.receive(timeout=3)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        async with asyncio.timeout(3):
            while "a fault of ours" not in caplog.text:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        async with http.ws_connect(url) as socket:
            await socket.send_str("still here")
            assert await socket.receive_str(timeout=3) == "still here"


class SlowWire:
    """A reader that reads nothing."""

    def __init__(self) -> None:
        self.sent: list[str | bytes] = []
        self.closed: tuple[int, str] | None = None
        self.free = asyncio.Event()

    async def receive(self) -> str | bytes | None:
        return None

    async def send(self, message: str | bytes) -> None:
        await self.free.wait()
        self.sent.append(message)

    async def close(self, code: int, reason: str) -> None:
        self.closed = code, reason


async def test_a_reader_that_takes_nothing_has_gone() -> None:
    socket = Socket(SlowWire(), send_s=0.01)
    for _ in range(MOST_TEXTS + 50):
        socket.send("x")
    assert len(socket._texts) == MOST_TEXTS + 1  # what is said after the end is not kept
    with pytest.raises(ConnectionError, match="takes nothing"):
        await asyncio.wait_for(socket.pump(), 3)


async def test_a_slow_reader_loses_sound_and_then_its_place() -> None:
    wire = SlowWire()
    socket = Socket(wire)
    pumping = asyncio.create_task(socket.pump())
    for number in range(100):
        socket.send_frame(bytes([number]))
    socket.send("a word")
    wire.free.set()
    await asyncio.sleep(0.01)
    assert wire.sent[0] == "a word"
    assert wire.sent[1:] == [bytes([number]) for number in range(100 - MOST_FRAMES, 100)]
    wire.free.clear()
    for _ in range(MOST_TEXTS + 1):
        socket.send("x")
    wire.free.set()
    await asyncio.wait_for(pumping, 3)
    assert wire.closed == (1008, "too slow")


async def test_who_still_speaks_hears_why_it_was_closed(server: WebServer) -> None:
    """A telephone sends fifty times a second, and reads the close a little later."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        b"GET /socket HTTP/1.1\r\nHost: cloud\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 3)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(masked(0x81, b"enough"))
    for _ in range(20):
        await asyncio.sleep(0.02)
        writer.write(masked(0x82, b"\1" * 160))
    writer.transport.resume_reading()  # type: ignore[attr-defined]
    said = await asyncio.wait_for(reader.readexactly(5 + 4), 3)
    assert said == b"\x81\x03bye" + b"\x88\x08" + (4001).to_bytes(2, "big")
    writer.write(masked(0x88, (4001).to_bytes(2, "big")))
    assert await asyncio.wait_for(reader.read(), 1) == b"enough"  # closed as soon as we have said that we know
    writer.close()


async def test_a_fault_in_reading_ends_it_and_is_logged(
    server: WebServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def receive(self: object) -> object:
        raise RuntimeError("a fault of the library")

    monkeypatch.setattr(aiohttp.web.WebSocketResponse, "receive", receive)
    url = f"http://127.0.0.1:{server.port}/socket"
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        assert (await socket.receive(timeout=3)).type is aiohttp.WSMsgType.CLOSE
        await socket.close()
    async with asyncio.timeout(3):
        while "a fault of the library" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def masked(first: int, body: bytes) -> bytes:
    """A client's frame, masked with zeros (RFC 6455 §5.3)."""
    length = bytes((0x80 | len(body),)) if len(body) < 126 else b"\xfe" + len(body).to_bytes(2, "big")
    return bytes((first,)) + length + b"\0\0\0\0" + body
