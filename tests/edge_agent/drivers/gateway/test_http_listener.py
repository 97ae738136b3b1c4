"""Where webhooks arrive, by real sockets."""

import asyncio
import shutil
from contextlib import asynccontextmanager

import pytest

from edge_agent.drivers.gateway import http_listener
from edge_agent.drivers.gateway.http_listener import CONNECTIONS, HttpListener
from telecore.errors import DeviceLost, DeviceRefused, StorageFailed

HOOK = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def listening(on_request, host="127.0.0.1"):
    listener = HttpListener("127.0.0.1", 0, host, on_request)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


@asynccontextmanager
async def connected(listener):
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def fine(request):
    return 200


async def test_requests_of_one_connection_are_answered_in_turn():
    async with listening(fine) as listener, connected(listener) as (reader, writer):
        for _ in range(2):
            writer.write(HOOK)
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(
    "more",
    [[], ["-H", "Expect: 100-continue"], ["-H", "Transfer-Encoding: chunked"], ["-0"]],
    ids=["plain", "expect", "chunked", "http1.0"],
)
async def test_another_programs_requests_are_read(more):
    bodies = []

    async def keep(request):
        bodies.append(request.body)
        return 200

    text = '{"text": "ភាសា"}' * 500
    async with listening(keep) as listener:
        where = f"http://127.0.0.1:{listener.port}/"
        command = [
            "curl",
            "-s",
            "--noproxy",
            "*",
            "-m",
            "5",
            "-w",
            "%{http_code}",
            *more,
            "--data-binary",
            "@-",
            where,
            where,
        ]
        curl = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await curl.communicate(text.encode())
        assert out.startswith(b"200")
        assert bodies[0] == text.encode()


async def test_what_cannot_be_kept_is_to_be_told_again():
    async def full(request):
        raise StorageFailed("full")

    async with listening(full) as listener, connected(listener) as (reader, writer):
        writer.write(HOOK)
        assert b" 503 " in await reader.readuntil(b"\r\n\r\n")


async def test_nonsense_is_refused_and_other_methods_too():
    async with listening(fine) as listener:
        async with connected(listener) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert b" 405 " in await reader.readuntil(b"\r\n\r\n")
        async with connected(listener) as (reader, writer):
            writer.write(b"\x16\x03\x01 nonsense\r\n\r\n")
            assert b" 400 " in await reader.read()


async def test_who_dawdles_is_cut_off(monkeypatch):
    monkeypatch.setattr(http_listener, "REQUEST_S", 0.1)
    async with listening(fine) as listener, connected(listener) as (reader, writer):
        writer.write(HOOK[:20])
        assert await asyncio.wait_for(reader.read(), 2) == b""


async def test_strangers_get_nothing_and_connections_are_few():
    async with listening(fine, host="127.0.0.77") as listener, connected(listener) as (reader, writer):
        writer.write(HOOK)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readuntil(b"\r\n\r\n")
        assert listener.strangers == 1
    async with listening(fine) as listener:
        held = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(CONNECTIONS)]
        await asyncio.sleep(0.05)
        async with connected(listener) as (reader, _):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
        for _, writer in held:
            writer.close()


async def test_a_port_that_is_taken_and_a_name_that_leads_nowhere():
    async with listening(fine) as listener:
        with pytest.raises(DeviceRefused, match="cannot be awaited"):
            await HttpListener("127.0.0.1", listener.port, "127.0.0.1", fine).start()
    with pytest.raises(DeviceLost, match="no address"):
        await HttpListener("127.0.0.1", 0, "no-such-box.invalid", fine).start()
