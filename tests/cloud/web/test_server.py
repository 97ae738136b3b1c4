"""Requests in, responses out; a stop that ends what has no end and finishes what has one."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from cloud.web import health
from cloud.web.errors import TooMany
from cloud.web.http import Request, Response, Route, json_response
from cloud.web.server import WebServer
from telecore.errors import NotFound, TunnelDown


@asynccontextmanager
async def serving(*routes: Route) -> AsyncIterator[tuple[WebServer, asyncio.Task[None]]]:
    server = WebServer("127.0.0.1", 0, routes)
    task = asyncio.create_task(server.run())
    await asyncio.wait_for(server.started.wait(), 5)
    try:
        yield server, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_request_arrives_whole() -> None:
    seen: list[Request] = []

    async def keep(request: Request) -> Response:
        seen.append(request)
        return json_response({"ok": True}, 201, {"X-Own": "1"})

    async with serving(Route("POST", "/things/{name}.json", keep)) as (server, _), aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{server.port}/things/a%20b.json?q=1&q=2"
        async with http.post(url, data={"To": "+1 ü", "E": ""}, headers={"Cookie": "s=1"}) as answer:
            assert (answer.status, await answer.json(), answer.headers["X-Own"]) == (201, {"ok": True}, "1")
    (request,) = seen
    assert request.fields == {"name": "a b"}
    assert request.params() == (("q", "1"), ("q", "2"), ("To", "+1 ü"), ("E", ""))
    assert request.cookies["s"] == "1"
    assert request.remote == "127.0.0.1"


@pytest.mark.parametrize(
    ("error", "status", "code", "header"),
    [
        (NotFound("nothing"), 404, 20404, None),
        (TooMany("slow down", 7.2), 429, 20429, ("Retry-After", "7")),
        (TunnelDown("cut"), 503, 20503, ("Retry-After", "5")),
    ],
)
async def test_errors_become_bodies(error: Exception, status: int, code: int, header: tuple[str, str] | None) -> None:
    async def fail(_: Request) -> Response:
        raise error

    async with serving(Route("GET", "/", fail)) as (server, _), aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{server.port}/"
        async with http.get(url) as answer:
            assert (answer.status, (await answer.json())["code"]) == (status, code)
            if header:
                assert answer.headers[header[0]] == header[1]


async def test_a_stop_cuts_streams_at_once_and_waits_for_answers() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"data: x\n\n"
            await asyncio.sleep(0.01)

    async def stream(_: Request) -> Response:
        return Response(content_type="text/event-stream", stream=endless())

    begun = asyncio.Event()

    async def slow(_: Request) -> Response:
        begun.set()
        await asyncio.sleep(0.3)
        return json_response("done")

    routes = (Route("GET", "/stream", stream), Route("GET", "/slow", slow))
    async with serving(*routes) as (server, task), aiohttp.ClientSession() as http:
        base = f"http://127.0.0.1:{server.port}"
        events = await http.get(f"{base}/stream")
        assert await events.content.readany() != b""
        answer = asyncio.create_task(http.get(f"{base}/slow"))
        await begun.wait()
        started = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert time.monotonic() - started < 3
        assert await (await answer).json() == "done"
        events.close()


async def test_a_client_that_leaves_a_stream_ends_it() -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"data: x\n\n"
                await asyncio.sleep(0.01)
        finally:
            ended.set()

    async def stream(_: Request) -> Response:
        return Response(content_type="text/event-stream", stream=endless())

    async with serving(Route("GET", "/", stream)) as (server, _), aiohttp.ClientSession() as http:
        answer = await http.get(f"http://127.0.0.1:{server.port}/")
        await answer.content.readany()
        answer.close()
        await asyncio.wait_for(ended.wait(), 5)


async def test_a_port_that_is_taken_is_an_oserror() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            await WebServer("127.0.0.1", taken.getsockname()[1], []).run()


async def test_health_and_readiness() -> None:
    state = {"good": True}

    async def part() -> bool:
        return state["good"]

    async def broken() -> bool:
        raise TunnelDown("x")

    routes = health.routes({"part": part})
    async with serving(*routes) as (server, _), aiohttp.ClientSession() as http:
        base = f"http://127.0.0.1:{server.port}"
        async with http.get(f"{base}/healthz") as answer:
            assert answer.status == 200
        async with http.get(f"{base}/readyz") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "ok", "checks": {"part": "ok"}})
        state["good"] = False
        async with http.get(f"{base}/readyz") as answer:
            assert (answer.status, (await answer.json())["checks"]) == (503, {"part": "failing"})
    async with serving(*health.routes({"b": broken})) as (server, _), aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{server.port}/readyz"
        async with http.get(url) as answer:
            assert answer.status == 503


async def test_a_full_disk_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = health.room(tmp_path)
    assert await check()
    monkeypatch.setattr(health, "LEAST_ROOM", shutil.disk_usage(tmp_path).total + 1)
    assert not await check()


@pytest.mark.parametrize(
    "data",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
    ],
)
async def test_what_is_not_http_gets_the_one_shape_and_one_line(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="cloud.web.server")
    async with serving() as (server, _), asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(data)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 400 " in head.splitlines()[0]
    assert b"aiohttp" not in answer
    assert set(json.loads(body)) == {"code", "message", "more_info", "status"}
    assert [record.exc_info for record in caplog.records if record.levelname != "DEBUG"] == [None]


async def test_a_client_that_waits_to_be_told_to_go_on() -> None:
    async def echo(request: Request) -> Response:
        return json_response(request.body.decode())

    async with serving(Route("POST", "/", echo)) as (server, _), asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
        )
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hello")
        assert (await reader.read()).endswith(b'"hello"')
        writer.close()
        await writer.wait_closed()


async def test_a_file_is_sent_with_its_type(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"RIFF" * 50_000)

    async def give(_: Request) -> Response:
        return Response(content_type="audio/x-wav", file=tmp_path / "a")

    async with serving(Route("GET", "/", give)) as (server, _), aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{server.port}/"
        async with http.get(url) as answer:
            assert (answer.content_type, await answer.read()) == ("audio/x-wav", b"RIFF" * 50_000)
