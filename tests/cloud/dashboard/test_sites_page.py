"""Tokens, revoking and forgiving on the page: what is asked twice, what is shown once, what the log says."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cloud.store import accounts, audit, edges
from telecore.ids import EdgeId
from tests.cloud.dashboard.browsing import Browser, browsing
from tests.cloud.dashboard.conftest import Desk


@pytest.fixture
async def browser(desk: Desk) -> AsyncIterator[Browser]:
    async with browsing(desk.url) as made:
        await made.log_in()
        yield made


@pytest.fixture
async def clinic(desk: Desk) -> str:
    return (await desk.db.write(lambda conn: accounts.create(conn, "Clinic"))).sid


async def read(browser: Browser) -> None:
    assert await browser.get("/operator/sites") == 200


async def test_a_token_is_shown_once_and_enrols(desk: Desk, browser: Browser, clinic: str) -> None:
    await read(browser)
    assert await browser.post("/operator/sites/enrol", name="site-9", account=clinic) == 200
    token = browser.found(r'id="token">([^<]+)<')
    assert f"edge-agent enrol --cloud https://gw.example --token={token}" in browser.page
    assert "<svg" in browser.page
    assert token.endswith(f".{desk.keys.public[0][:32]}")
    await read(browser)
    assert token not in browser.page
    assert "a token" in browser.page
    record = await desk.db.write(lambda conn: edges.enrol(conn, token, "ab" * 32))
    assert (record.edge, record.account) == ("site-9", clinic)
    log = await desk.db.read(lambda conn: audit.latest(conn, 9))
    assert ("operator ann", "POST /operator/sites/enrol", "done") in [(row.who, row.action, row.result) for row in log]
    assert not any(token.partition(".")[0] in f"{row}" for row in log)


async def test_what_cannot_be_is_said(desk: Desk, browser: Browser, clinic: str) -> None:
    await read(browser)
    for name, account, said in (("Site 9", clinic, "cannot name an edge"), ("site-9", "AC0", "no account AC0")):
        assert await browser.post("/operator/sites/enrol", name=name, account=account) == 400
        assert said in browser.page
    assert await browser.post("/operator/sites/site-9/revoke", sure="true") == 404
    assert await desk.db.read(edges.list_) == []


async def test_revoking_is_asked_twice_and_forgiving_does_not_undo_it(
    desk: Desk, browser: Browser, clinic: str
) -> None:
    made = await desk.edges.enrol("site-1", clinic)
    await desk.db.write(lambda conn: edges.enrol(conn, made.token, "", public_key="cd" * 32))
    await read(browser)
    assert await browser.post("/operator/sites/site-1/revoke") == 400
    assert "I am sure" in browser.page
    assert await desk.db.read(edges.shut) == {}
    assert await browser.post("/operator/sites/site-1/revoke", sure="true") == 200
    assert "revoked" in browser.page
    assert await desk.db.read(edges.shut) == {"site-1": "revoked"}
    assert await browser.post("/operator/sites/site-1/forgive", sure="true") == 401
    assert "enrol it again" in browser.page


async def test_one_that_seemed_copied_is_forgiven(desk: Desk, browser: Browser, clinic: str) -> None:
    await desk.edges.enrol("site-1", clinic)
    await desk.db.write(lambda conn: edges.shut_out(conn, EdgeId("site-1"), "cloned"))
    await read(browser)
    assert "two devices used its key" in browser.page
    assert await browser.post("/operator/sites/site-1/forgive") == 400
    assert await browser.post("/operator/sites/site-1/forgive", sure="true") == 200
    assert await desk.db.read(edges.shut) == {}


async def test_the_clouds_key_is_rotated(desk: Desk, browser: Browser) -> None:
    before = desk.keys.public
    await read(browser)
    assert await browser.post("/operator/sites/rotate") == 400
    assert await browser.post("/operator/sites/rotate", sure="true") == 200
    assert desk.keys.public[1:] == before


async def test_old_keys_are_forgotten_when_there_are_any(desk: Desk, browser: Browser) -> None:
    await read(browser)
    assert "/operator/sites/drop-old-keys" not in browser.page
    await browser.post("/operator/sites/rotate", sure="true")
    newest = desk.keys.public[0]
    assert "Forget the 1 older one" in browser.page
    assert await browser.post("/operator/sites/drop-old-keys") == 400
    assert len(desk.keys.public) == 2
    assert await browser.post("/operator/sites/drop-old-keys", sure="true") == 200
    assert desk.keys.public == (newest,)
    assert "/operator/sites/drop-old-keys" not in browser.page


async def test_without_the_token_of_the_page_nothing_happens(desk: Desk, browser: Browser, clinic: str) -> None:
    await desk.edges.enrol("site-1", clinic)
    await read(browser)
    assert await browser.post("/operator/sites/site-1/revoke", sure="true", csrf="wrong") == 403
    assert await desk.db.read(edges.shut) == {}
