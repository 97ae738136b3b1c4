"""All parts together, without a site: what the API says then, and that starting and stopping leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from cloud import app
from cloud.app import Parts
from cloud.config import CloudConfig, parse
from cloud.store import accounts, edges, numbers
from cloud.store.records import AccountRecord
from telecore.errors import InvalidRequest
from telecore.ids import E164, EdgeId

T = TypeVar("T")
NUMBER = "+85510000001"


@dataclass
class Cloud:
    parts: Parts
    account: AccountRecord
    token: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.parts.web.port}"

    async def twilio(self, use: Callable[[Client], T]) -> T:
        client = Client(self.account.sid, self.account.auth_token, http_client=TwilioHttpClient(timeout=10))
        client.api.base_url = self.url
        try:
            return await asyncio.to_thread(use, client)
        finally:
            client.http_client.session.close()

    async def refusal(self, use: Callable[[Client], object]) -> tuple[int, int]:
        with pytest.raises(TwilioRestException) as caught:
            await self.twilio(use)
        return caught.value.status, int(caught.value.code or 0)


def config(directory: Path) -> CloudConfig:
    return parse(b"web: {port: 0}\ntunnel: {port: 0}\nspeech: {program: none-such}\n", directory / "cloud.yaml")


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[Cloud]:
    stop = asyncio.Event()
    async with app.built(config(tmp_path)) as parts:
        account = await parts.db.write(lambda conn: accounts.create(conn, "Clinic"))
        await parts.db.write(lambda conn: numbers.create(conn, account.sid, E164(NUMBER)))
        token = await parts.db.write(lambda conn: edges.create(conn, EdgeId("site-1"), account.sid))
        running = asyncio.create_task(app.run(parts, stop))
        await asyncio.wait_for(parts.web.started.wait(), 10)
        yield Cloud(parts, account, token)
        parts.drain.hurry()
        stop.set()
        await asyncio.wait_for(running, 10)


async def test_a_message_waits_for_its_sim(cloud: Cloud) -> None:
    made = await cloud.twilio(lambda c: c.messages.create(to="+85512000001", from_=NUMBER, body="hi"))
    assert made.status == "queued"
    assert (await cloud.twilio(lambda c: c.messages.list()))[0].sid == made.sid


async def test_what_is_not_the_accounts_is_refused_by_the_services(cloud: Cloud) -> None:
    foreign = "+15005550006"
    message = await cloud.refusal(lambda c: c.messages.create(to="+85512000001", from_=foreign, body="hi"))
    assert message == (400, 21606)
    call = await cloud.refusal(lambda c: c.calls.create(to="+85512000001", from_=foreign, url="http://a.example"))
    assert call == (400, 21210)
    emergency = await cloud.refusal(lambda c: c.calls.create(to="112", from_=NUMBER, url="http://a.example"))
    assert emergency == (400, 21216)
    nowhere = await cloud.refusal(lambda c: c.calls.create(to="+85512000001", from_=NUMBER, url="http://a.example"))
    assert nowhere[0] in (400, 503)
    assert await cloud.twilio(lambda c: (c.messages.list(), c.calls.list())) == ([], [])


async def test_an_edge_enrols_and_learns_where_the_tunnel_is(cloud: Cloud) -> None:
    body = {"token": cloud.token, "key_sha256": "ab" * 32}
    async with aiohttp.ClientSession() as http, http.post(f"{cloud.url}/edges/enrol", json=body) as answer:
        assert (await answer.json())["edge"] == "site-1"


async def test_it_is_ready_and_has_a_page(cloud: Cloud) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{cloud.url}/readyz") as answer:
            assert (await answer.json())["checks"] == {"store": "ok", "disk": "ok", "tunnel": "ok", "accepting": "ok"}
        async with http.get(f"{cloud.url}/operator") as answer:
            assert "Log in" in await answer.text()


async def test_starting_and_stopping_leaves_no_thread_and_no_descriptor(tmp_path: Path) -> None:
    async def once() -> tuple[int, int]:
        stop = asyncio.Event()
        async with app.built(config(tmp_path)) as parts:
            running = asyncio.create_task(app.run(parts, stop))
            await asyncio.wait_for(parts.web.started.wait(), 10)
            stop.set()
            await asyncio.wait_for(running, 10)
        await asyncio.sleep(0.05)
        ours = [t for t in threading.enumerate() if not t.name.startswith("asyncio")]
        return len(ours), len(os.listdir("/proc/self/fd"))

    first = await once()
    for _ in range(4):
        last = await once()
    assert last == first


async def test_a_certificate_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "c.pem").write_text("no certificate")
    bad = parse(b"tunnel: {certificate: c.pem, key: c.pem}\n", tmp_path / "cloud.yaml")
    with pytest.raises(InvalidRequest, match=r"c\.pem"):
        async with app.built(bad):
            pass
