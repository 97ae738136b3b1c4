"""Slow clients, many connections, proxies, rates and guessing, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import pytest

from cloud.store.records import AccountRecord
from cloud.web import refusals
from cloud.web.connections import Bounds
from cloud.web.errors import TooMany
from cloud.web.gate import SECONDS_AT_ONCE, STRANGE_AT_ONCE, WRONG_AT_ONCE, Gate, Limits
from cloud.web.http import Request, Response, Route
from cloud.web.refusals import QUIET_S, Refusals
from cloud.web.server import WebServer
from cloud.web.source import Proxies
from telecore.ids import AccountSid

SOON = Bounds(per_address=5, head_s=0.3, idle_s=1.0)
GET = b"GET /from HTTP/1.1\r\nHost: x\r\n"


async def told_source(request: Request) -> Response:
    return Response(body=request.remote.encode(), content_type="text/plain")


@asynccontextmanager
async def serving(proxies: Proxies | None = None) -> AsyncIterator[tuple[WebServer, Refusals]]:
    refused = Refusals()
    routes = [Route("GET", "/from", told_source), Route("POST", "/from", told_source)]
    server = WebServer("127.0.0.1", 0, routes, bounds=SOON, proxies=proxies, refused=refused, https=True)
    running = asyncio.create_task(server.run())
    await asyncio.wait_for(server.started.wait(), 5)
    try:
        yield server, refused
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def ask(server: WebServer, data: bytes, source: str = "127.0.0.2") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=(source, 0))
    writer.write(data)
    answer = b""
    async with asyncio.timeout(5):
        with suppress(ConnectionError):
            answer = await reader.read()
    writer.close()
    return answer


async def test_a_head_that_comes_drop_by_drop_is_not_waited_for() -> None:
    async with serving() as (server, refused):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        began = asyncio.get_running_loop().time()
        writer.write(GET)
        while not reader.at_eof() and reader.exception() is None:  # it may be reset
            writer.write(b"X-A: b\r\n")
            await asyncio.sleep(0.05)
        writer.close()
        assert asyncio.get_running_loop().time() - began < 3
        assert refused.counts[refusals.TOO_SLOW] == 1


async def test_the_second_request_of_a_connection_is_bounded_too() -> None:
    async with serving() as (server, refused):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(GET + b"\r\n")
        await reader.readuntil(b"127.0.0.1")
        writer.write(b"GET /fr")
        assert await asyncio.wait_for(reader.read(), 3) == b""
        assert refused.counts[refusals.TOO_SLOW] == 1
        writer.close()


async def test_a_body_that_takes_longer_than_a_head_may_is_waited_for() -> None:
    async with serving() as (server, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST /from HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\n")
        for _ in range(4):
            await asyncio.sleep(SOON.head_s / 2)
            writer.write(b"a")
        assert b"200 OK" in await asyncio.wait_for(reader.read(), 3)
        writer.close()


async def test_an_address_has_so_many_connections_and_others_are_not_disturbed() -> None:
    async with serving() as (server, refused):
        held = [
            await asyncio.open_connection("127.0.0.1", server.port, local_addr=("127.0.0.2", 0))
            for _ in range(SOON.per_address)
        ]
        await asyncio.sleep(0.05)
        assert await ask(server, GET + b"Connection: close\r\n\r\n") == b""
        assert b"127.0.0.3" in await ask(server, GET + b"Connection: close\r\n\r\n", "127.0.0.3")
        assert refused.counts[refusals.CONNECTIONS] == 1
        for _, writer in held:
            writer.close()
        await asyncio.sleep(0.05)
        assert b"127.0.0.2" in await ask(server, GET + b"Connection: close\r\n\r\n"), "they are given back"


async def test_what_every_answer_has() -> None:
    async with serving() as (server, _):
        head = (await ask(server, GET + b"Connection: close\r\n\r\n")).partition(b"\r\n\r\n")[0]
        for header in (
            b"Strict-Transport-Security: max-age=31536000",
            b"X-Content-Type-Options: nosniff",
            b"Cache-Control: no-store",
            b"Twilio-Request-Id: RQ",
        ):
            assert header in head


@pytest.mark.parametrize(
    ("peer", "forwarded", "source"),
    [
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9, 127.0.0.1", "203.0.113.9"),
        ("203.0.113.5", "10.0.0.1", "203.0.113.5"),
        ("127.0.0.1", "203.0.113.9, nonsense", "127.0.0.1"),
        ("127.0.0.1", "::ffff:1.2.3.4, 2001:db8::7", "2001:db8::7"),
    ],
)
def test_a_proxy_is_believed_and_nobody_else(peer: str, forwarded: str, source: str) -> None:
    assert Proxies(["127.0.0.1"]).source(peer, forwarded) == source


async def test_a_client_cannot_write_its_own_address() -> None:
    async with serving(Proxies(["127.0.0.1"])) as (server, _):
        headers = b"X-Forwarded-For: 1.1.1.1\r\nConnection: close\r\n\r\n"
        assert (await ask(server, GET + headers)).endswith(b"127.0.0.2")
        assert (await ask(server, GET + headers, "127.0.0.1")).endswith(b"1.1.1.1")


def account(per_s: int | None = None, sid: str = "AC1") -> AccountRecord:
    made = datetime(2026, 1, 1, tzinfo=UTC)
    return AccountRecord(AccountSid(sid), "One", "t", made, made, requests_per_s=per_s)


def passed(gate: Gate, record: AccountRecord, tries: int) -> int:
    count = 0
    for _ in range(tries):
        try:
            gate.take(record)
        except TooMany:
            continue
        count += 1
    return count


def test_an_account_has_its_rate_and_others_theirs() -> None:
    now = [0.0]
    gate = Gate(Limits(requests_per_s=10), clock=lambda: now[0])
    assert passed(gate, account(), 100) == 10 * SECONDS_AT_ONCE
    assert passed(gate, account(sid="AC2"), 100) == 10 * SECONDS_AT_ONCE
    assert passed(gate, account(50, "AC3"), 500) == 50 * SECONDS_AT_ONCE
    assert passed(gate, account(0, "AC4"), 500) == 500
    now[0] = 1.0
    assert passed(gate, account(), 100) == 10
    assert gate.refused.counts[refusals.RATE] == 80 + 80 + 400 + 90


def guessed(gate: Gate, source: str, user: str, tries: int) -> int:
    """How many got as far as their credentials being looked at."""
    count = 0
    for _ in range(tries):
        try:
            gate.knock(source, user)
        except TooMany:
            continue
        gate.wrong(source, user)
        count += 1
    return count


def test_guessing_is_slowed_and_the_owner_is_not_kept_out() -> None:
    now = [0.0]
    gate = Gate(Limits(guessing=True), clock=lambda: now[0])
    gate.right("192.0.2.1", "AC1")
    assert guessed(gate, "203.0.113.9", "AC1", 1000) == WRONG_AT_ONCE
    total = sum(guessed(gate, f"203.0.113.{n}", "AC1", WRONG_AT_ONCE) for n in range(10, 60))
    assert total == STRANGE_AT_ONCE - WRONG_AT_ONCE, "from a thousand addresses no more"
    gate.knock("192.0.2.1", "AC1")
    with pytest.raises(TooMany):
        gate.knock("203.0.113.200", "AC1")
    guessed(gate, "192.0.2.1", "AC9", 100)
    gate.knock("192.0.2.1", "AC1")
    now[0] = 60.0
    gate.knock("203.0.113.200", "AC1")


def test_what_is_refused_is_counted_each_and_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    refused = Refusals(lambda: now[0])
    for _ in range(500):
        refused.count(refusals.CREDENTIALS, "203.0.113.9")
    refused.count(refusals.CREDENTIALS, "203.0.113.10")
    assert refused.counts[refusals.CREDENTIALS] == 501
    assert len(caplog.records) == 2
    now[0] = QUIET_S
    refused.count(refusals.CREDENTIALS, "203.0.113.9")
    assert "(499 more since)" in caplog.records[-1].getMessage()
