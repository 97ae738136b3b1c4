"""Login, sessions, forgery, headers and the stream, as a program sees them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from http.cookies import SimpleCookie
from typing import Any

import aiohttp
import pytest

from cloud.dashboard import live
from cloud.dashboard.login import COOKIE, LOGIN_COOKIE
from cloud.dashboard.present import bars, view
from cloud.dashboard.sessions import IDLE_S, LIFE_S, Sessions
from cloud.fleet.snapshot import Snapshot
from cloud.store.database import StoreFailed
from tests.cloud.dashboard.conftest import PASSWORD, Desk


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


def csrf_in(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


async def log_in(http: aiohttp.ClientSession, desk: Desk, user: str = "ann", password: str = PASSWORD) -> int:
    async with http.get(f"{desk.url}/operator") as answer:
        csrf = csrf_in(await answer.text())
    form = {"csrf": csrf, "user": user, "password": password}
    async with http.post(f"{desk.url}/operator/login", data=form, allow_redirects=False) as answer:
        return answer.status


async def test_without_a_session_there_is_only_the_form(
    desk: Desk, http: aiohttp.ClientSession, busy: Snapshot
) -> None:
    desk.fleet.show(busy)
    async with http.get(f"{desk.url}/operator") as answer:
        page = await answer.text()
        assert "Log in" in page
        assert "+85510000001" not in page
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe-inline" not in policy
        assert "default-src 'none'" in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
    async with http.get(f"{desk.url}/operator/events") as answer:
        assert answer.status == 403


async def test_log_in_and_out(desk: Desk, http: aiohttp.ClientSession, busy: Snapshot) -> None:
    desk.fleet.show(busy)
    assert await log_in(http, desk) == 303
    async with http.get(f"{desk.url}/operator") as answer:
        page = await answer.text()
    assert "site-1/modem1" in page
    assert "ann" in page
    async with http.post(f"{desk.url}/operator/logout", data={"csrf": "wrong"}) as answer:
        assert answer.status == 403
    async with http.post(f"{desk.url}/operator/logout", data={"csrf": csrf_in(page)}, allow_redirects=False) as answer:
        assert answer.status == 303
    async with http.get(f"{desk.url}/operator") as answer:
        assert "Log in" in await answer.text()


async def test_cookies_are_out_of_reach(desk: Desk, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{desk.url}/operator") as answer:
        csrf = csrf_in(await answer.text())
    form = {"csrf": csrf, "user": "ann", "password": PASSWORD}
    async with http.post(f"{desk.url}/operator/login", data=form, allow_redirects=False) as answer:
        cookies = SimpleCookie()
        for header in answer.headers.getall("Set-Cookie"):
            cookies.load(header)
        morsel = cookies[COOKIE]
    assert morsel["httponly"]
    assert morsel["samesite"] == "Strict"
    assert morsel["path"] == "/operator"
    assert len(morsel.value) >= 43


@pytest.mark.parametrize(("user", "password"), [("ann", "wrong"), ("bob", PASSWORD), ("", ""), ("ann", "x" * 100_000)])
async def test_wrong_passwords(desk: Desk, http: aiohttp.ClientSession, user: str, password: str) -> None:
    assert await log_in(http, desk, user, password) == 403


async def test_a_form_from_elsewhere_is_refused(desk: Desk, http: aiohttp.ClientSession) -> None:
    form = {"user": "ann", "password": PASSWORD}
    async with http.post(f"{desk.url}/operator/login", data=form, allow_redirects=False) as answer:
        assert answer.status == 403
    headers = {"Cookie": f"{LOGIN_COOKIE}="}
    async with http.post(
        f"{desk.url}/operator/login", data={**form, "csrf": ""}, headers=headers, allow_redirects=False
    ) as answer:
        assert answer.status == 403


async def test_guessing_is_locked_out(desk: Desk, http: aiohttp.ClientSession) -> None:
    assert [await log_in(http, desk, password="wrong") for _ in range(5)] == [403] * 5
    assert await log_in(http, desk) == 429


async def test_everything_strangers_wrote_is_escaped(desk: Desk, http: aiohttp.ClientSession, busy: Snapshot) -> None:
    desk.fleet.show(busy)
    await log_in(http, desk)
    async with http.get(f"{desk.url}/operator") as answer:
        page = await answer.text()
    assert "<script>document" not in page
    assert "<img" not in page
    assert "&lt;script&gt;document" in page
    assert '<td class="text" dir="auto">' in page  # what they wrote from right to left stays within its cell


async def test_empty_sections_say_what_to_do(desk: Desk, http: aiohttp.ClientSession) -> None:
    await log_in(http, desk)
    async with http.get(f"{desk.url}/operator") as answer:
        page = await answer.text()
    for hint in ("simferry-cloud enrol-edge", "edge-agent probe", "client.calls.create", "client.messages.create"):
        assert hint in page


async def events_of(answer: aiohttp.ClientResponse) -> AsyncIterator[dict[str, str]]:
    async for line in answer.content:
        if line.startswith(b"data: "):
            yield json.loads(line[6:])["sections"]


async def test_the_stream_sends_all_and_then_what_changed(
    desk: Desk, http: aiohttp.ClientSession, busy: Snapshot
) -> None:
    await log_in(http, desk)
    async with asyncio.timeout(10), http.get(f"{desk.url}/operator/events") as answer:
        assert answer.content_type == "text/event-stream"
        stream = events_of(answer)
        first = await anext(stream)
        assert set(first) == {"warnings", "edges", "channels", "calls", "happened", "messages"}
        desk.fleet.show(Snapshot(edges=busy.edges))
        second = await anext(stream)
        assert set(second) == {"edges"}
        assert "site-2" in second["edges"]
    for _ in range(100):
        if not desk.fleet.readers:
            break
        desk.fleet.show(busy)
        await asyncio.sleep(0.05)
    assert not desk.fleet.readers


async def test_what_the_store_could_not_tell_is_told_later(
    desk: Desk, http: aiohttp.ClientSession, busy: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "AGAIN_S", 0.05)
    await log_in(http, desk)
    snapshot, fails = desk.fleet.snapshot, [StoreFailed("the disk is full")]

    async def now_and_then(*given: Any, **named: Any) -> Snapshot:
        if fails:
            raise fails.pop()
        return await snapshot(*given, **named)

    async with asyncio.timeout(10), http.get(f"{desk.url}/operator/events") as answer:
        stream = events_of(answer)
        await anext(stream)
        monkeypatch.setattr(desk.fleet, "snapshot", now_and_then)
        desk.fleet.show(busy)
        assert "site-2" in (await anext(stream))["edges"]
        assert fails == []


async def test_static_files_and_nothing_else(desk: Desk, http: aiohttp.ClientSession) -> None:
    for name, kind in (
        ("operator.js", "text/javascript"),
        ("times.js", "text/javascript"),
        ("operator.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
    ):
        async with http.get(f"{desk.url}/operator/static/{name}") as answer:
            assert (answer.status, answer.content_type) == (200, kind)
    for name in ("nothing.js", "..%2frouting.py", "..%2f..%2fconfig.py", "%00"):
        async with http.get(f"{desk.url}/operator/static/{name}") as answer:
            assert answer.status == 404


def test_a_session_ends_of_age() -> None:
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    token = sessions.begin("ann")
    assert sessions.get(token) is not None
    for _ in range(int(LIFE_S / IDLE_S) * 2 - 1):
        now[0] += IDLE_S / 2
        assert sessions.get(token) is not None
    now[0] = LIFE_S
    assert sessions.get(token) is None


def test_a_session_ends_when_nobody_uses_it() -> None:
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    token = sessions.begin("ann")
    now[0] = IDLE_S - 1
    assert sessions.get(token, used=False) is not None, "a page that renews itself does not count"
    now[0] = IDLE_S
    assert sessions.get(token) is None


def test_what_an_offline_edge_said_is_not_shown_as_if_it_were_so(busy: Snapshot) -> None:
    edge = busy.edges[1]
    channels = tuple(replace(channel, edge=edge.edge) for channel in busy.channels)
    row = view(Snapshot(edges=(edge,), channels=channels)).channels[0]
    assert (row.state, row.bars, row.busy) == ("edge offline", 0, 0)
    assert row.reason == "was registered"


def test_bars() -> None:
    assert [bars(dbm) for dbm in (-51, -75, -80, -95, -105, -113)] == [4, 4, 3, 2, 1, 0]
