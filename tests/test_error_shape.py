"""Every route, asked wrongly, answers in the one shape; and no tenant reaches what is another's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import aiohttp
import pytest

from cloud.api.urls import PATHS
from cloud.store import accounts
from cloud.web.http import Request, Response, Route
from cloud.web.server import WebServer
from tests.cloud.api.conftest import site as site  # noqa: PLC0414
from tests.fakes.api_site import HANDSET, NUMBER, Site, basic

SID = "0" * 32
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def filled(path: str, account: str) -> str:
    kind = {"Calls": "CA", "Messages": "SM", "IncomingPhoneNumbers": "PN", "Recordings": "RE", "Transcriptions": "TR"}
    found = re.search(r"/(\w+)/\{sid", path)
    sid = kind.get(found[1] if found else "", "CA") + SID
    path = re.sub(r"\{sid(:[^/]*)?\}$|\{sid\}", sid, path)
    return path.replace("{account}", account).replace("{call}", "CA" + SID)


async def shaped(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    """Check the shape of an error and give it back."""
    assert answer.content_type == "application/json"
    assert re.fullmatch(r"RQ[0-9a-f]{32}", answer.headers["Twilio-Request-Id"])
    body = await answer.json()
    assert set(body) == {"code", "message", "more_info", "status"}
    assert body["status"] == answer.status
    assert isinstance(body["code"], int)
    assert body["message"]
    assert body["more_info"] == f"https://www.twilio.com/docs/errors/{body['code']}"
    if answer.status == 401:
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="Twilio API"'
    return dict(body)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


POSTED_ONLY = ("webhook_replay", "call_streams", "call_stream", "media_links")
"""There is nothing to be got at these."""


@pytest.mark.parametrize("name", PATHS)
async def test_no_credentials(site: Site, session: aiohttp.ClientSession, name: str) -> None:
    path = filled(PATHS[name], site.account.sid)
    for method in METHODS:
        async with session.request(method, site.url + path) as answer:
            body = await shaped(answer)
            expected = {(401, 20003), (405, 20004)} | ({(400, 20001)} if name == "enrol" else set())
            assert (answer.status, body["code"]) in expected


@pytest.mark.parametrize("name", [name for name in PATHS if name != "enrol"])
async def test_another_tenants_path_is_shut(site: Site, session: aiohttp.ClientSession, name: str) -> None:
    other = await site.db.write(lambda conn: accounts.create(conn, "Other"))
    auth = basic(other)
    path = filled(PATHS[name], site.account.sid)
    for method in METHODS:
        async with session.request(method, site.url + path, headers=auth) as answer:
            if "{account}" not in PATHS[name]:
                continue  # /Accounts.json is about the caller
            body = await shaped(answer)
            assert (answer.status, body["code"]) in {(401, 20003), (404, 20404), (405, 20004)}


@pytest.mark.parametrize("name", [name for name in PATHS if "{sid" in PATHS[name] or "{call}" in PATHS[name]])
async def test_unknown_sids_are_not_found(site: Site, session: aiohttp.ClientSession, name: str) -> None:
    auth = basic(site.account)
    path = filled(PATHS[name], site.account.sid)
    method = "POST" if name in POSTED_ONLY else "GET"
    async with session.request(method, site.url + path, headers=auth) as answer:
        body = await shaped(answer)
        assert (answer.status, body["code"]) == (404, 20404)
        assert path in body["message"]


@pytest.mark.parametrize("name", ["call", "message", "number"])
async def test_another_tenants_sids_are_not_found(site: Site, session: aiohttp.ClientSession, name: str) -> None:
    call = await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url="http://app.example"))
    message = await site.twilio(lambda c: c.messages.create(to=HANDSET, from_=NUMBER, body="x"))
    sid = {"call": call.sid, "message": message.sid, "number": site.number.sid}[name]
    other = await site.db.write(lambda conn: accounts.create(conn, "Other"))
    auth = basic(other)
    path = PATHS[name].replace("{account}", other.sid).replace("{sid}", sid)
    for method in ("GET", "POST", "DELETE"):
        async with session.request(method, site.url + path, headers=auth, data={"Status": "completed"}) as answer:
            assert (await shaped(answer))["code"] == 20404


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic !!!", "Basic QUM=", "Bearer x", "Basic " + "A" * 4000, "basic QUM6eA==", "Basic 4pyTOuKckw=="],
)
async def test_garbled_credentials(site: Site, session: aiohttp.ClientSession, header: str) -> None:
    path = filled(PATHS["messages"], site.account.sid)
    async with session.get(site.url + path, headers={"Authorization": header}) as answer:
        assert (await shaped(answer))["code"] == 20003


async def test_paths_that_do_not_exist(site: Site, session: aiohttp.ClientSession) -> None:
    for path in ("/", "/2010-04-01", "/2010-04-01/accounts.json", "/%2e%2e/etc/passwd", "/a%0d%0ab", "/ünknown"):
        async with session.get(site.url + path) as answer:
            assert (await shaped(answer))["code"] == 20404


async def test_pages_too_large_and_bad_tokens(site: Site, session: aiohttp.ClientSession) -> None:
    auth = basic(site.account)
    path = site.url + filled(PATHS["messages"], site.account.sid)
    wrong = {
        "PageSize=1001": 20007,
        "PageSize=0": 20001,
        "PageSize=x": 20001,
        "PageToken=ZZ1": 21481,
        "PageToken=PASM" + SID: 21481,
        "DateSent=yesterday": 20001,
        "DateSent%3E=2026-13-01": 20001,
        "&".join(f"k{n}=1" for n in range(1001)): 20001,
    }
    for query, code in wrong.items():
        async with session.get(f"{path}?{query}", headers=auth) as answer:
            assert ((await shaped(answer))["code"], answer.status) == (code, 400)


async def test_bodies_too_large_or_of_another_kind(site: Site, session: aiohttp.ClientSession) -> None:
    auth = basic(site.account)
    path = site.url + filled(PATHS["messages"], site.account.sid)
    async with session.post(path, headers=auth, data=BytesIO(b"Body=" + b"x" * 1_100_000)) as answer:
        assert ((await shaped(answer))["code"], answer.status) == (20413, 413)
    async with session.post(path, headers=auth, json={"To": HANDSET}) as answer:
        assert ((await shaped(answer))["code"], answer.status) == (20001, 415)


async def test_a_fault_of_ours_tells_nothing_and_is_logged_once(
    session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: Request) -> Response:
        raise RuntimeError("the secret inside")

    server = WebServer("127.0.0.1", 0, [Route("GET", "/broken", broken)])
    running = asyncio.create_task(server.run())
    await server.started.wait()
    async with session.get(f"http://127.0.0.1:{server.port}/broken") as answer:
        body = await shaped(answer)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (body["code"], body["status"]) == (20500, 500)
    assert "secret" not in str(body)
    faults = [record for record in caplog.records if record.exc_info]
    assert len(faults) == 1
