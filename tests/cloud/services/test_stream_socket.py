"""The door to stream applications: who may be reached, in which way, and what is told when not."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest
from websockets.asyncio.server import serve

from cloud.services import stream_socket
from cloud.services.addresses import AddressPolicy
from cloud.services.stream_socket import SocketTimes, StreamDoor, StreamFailed

LOOPBACK = AddressPolicy(["127.0.0.0/8"])
QUICK = SocketTimes(open=1.0, ping=0.2, pong=0.2, close=0.2)


async def code_of(door: StreamDoor, url: str) -> int:
    with pytest.raises(StreamFailed) as failed:
        await door.open(url, {})
    return failed.value.code


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=DNS:localhost", "-keyout", tmp_path / "key.pem", "-out",
         tmp_path / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return tmp_path


async def test_tls_is_spoken_and_certificates_are_looked_at(certificate: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    trusting = ssl.create_default_context(cafile=certificate / "cert.pem")
    heard: list[str] = []

    async def handle(connection):  # type: ignore[no-untyped-def]
        async for text in connection:
            heard.append(text)
            await connection.send(text)

    async with serve(handle, "127.0.0.1", 0, ssl=server, close_timeout=0.2) as listening:
        url = f"wss://localhost:{listening.sockets[0].getsockname()[1]}/"
        assert await code_of(StreamDoor(AddressPolicy(["127.0.0.0/8", "::1"]), QUICK), url) == stream_socket.TLS
        door = StreamDoor(AddressPolicy(["127.0.0.0/8", "::1"]), QUICK, trusting)
        socket = await door.open(url, {"X-A": "b"})
        came: asyncio.Queue[str | bytes] = asyncio.Queue()
        socket.listen(came.put_nowait)
        assert socket.send("hello")
        assert await asyncio.wait_for(came.get(), 2) == "hello"
        await socket.close()
        assert not socket.send("more")
        assert await socket.ended() is None
    assert heard == ["hello"]


async def test_addresses_are_judged_after_the_name_is_resolved() -> None:
    """A name may lead anywhere, so what it leads to is what counts."""
    assert await code_of(StreamDoor(AddressPolicy(), QUICK), "wss://localhost:1/") == stream_socket.UNREACHABLE
    assert await code_of(StreamDoor(AddressPolicy(), QUICK), "ws://127.0.0.1:1/") == stream_socket.UNREACHABLE
    assert await code_of(StreamDoor(AddressPolicy(), QUICK), "wss://[::ffff:10.0.0.1]/") == stream_socket.UNREACHABLE
    assert await code_of(StreamDoor(LOOPBACK, QUICK), "ws://8.8.8.8/") == stream_socket.SCHEME


async def test_redirects_lead_nowhere() -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(redirect, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert await code_of(StreamDoor(LOOPBACK, QUICK), url) == stream_socket.HANDSHAKE


async def test_silence_at_the_handshake_and_afterwards_is_not_waited_for() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        times = SocketTimes(open=0.2)
        assert await code_of(StreamDoor(LOOPBACK, times), url) == stream_socket.TIMED_OUT

    async def handle(connection):  # type: ignore[no-untyped-def]
        connection.transport.pause_reading()  # it answers no ping any more
        await connection.wait_closed()

    async with serve(handle, "127.0.0.1", 0, ping_interval=None, close_timeout=0.2) as listening:
        url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        socket = await StreamDoor(LOOPBACK, QUICK).open(url, {})
        socket.listen(lambda message: None)
        failure = await asyncio.wait_for(socket.ended(), 3)
        assert failure is not None
        for connection in listening.connections:
            connection.transport.abort()
    assert failure.code in (stream_socket.BROKEN, stream_socket.CLOSED)


async def test_a_flood_is_read_as_fast_as_a_window_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_socket, "WINDOW_MESSAGES", 10)

    async def handle(connection):  # type: ignore[no-untyped-def]
        for number in range(2000):
            await connection.send(f"{number}" * 500)

    async with serve(handle, "127.0.0.1", 0, close_timeout=0.2) as listening:
        url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        socket = await StreamDoor(LOOPBACK, QUICK).open(url, {})
        came: list[str | bytes] = []
        socket.listen(came.append)
        await asyncio.sleep(0.35)
        assert 0 < len(came) < 1500
        assert [text[:1] for text in came[:3]] == ["0", "1", "2"]
        await socket.close()
