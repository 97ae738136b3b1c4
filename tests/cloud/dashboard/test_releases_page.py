"""Releases on the page: started, paused, halted, and how far each edge is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest

from cloud.store import accounts, edges, releases
from cloud.store.database import Connection
from cloud.store.records.releases import EdgeUpdateRecord, ReleaseRecord
from telecore.ids import EdgeId, Sha256
from tests.cloud.dashboard.browsing import Browser, browsing
from tests.cloud.dashboard.conftest import Desk

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHA = Sha256("a" * 64)
RELEASE = ReleaseRecord(SHA, "program", "0.2.0", "stable", 3_200_000, NOON)
FARES = (
    ("site-1", "done", ""),
    ("site-2", "fetching", "program 0.2.0: 40 %"),
    ("site-3", "waiting", "for the cheap hours, 01:00-05:00"),
    ("site-4", "trial", ""),
    ("site-5", "reverted", "<b>it cannot reach the cloud</b>"),
)


def fleet(conn: Connection) -> None:
    """Six edges, of which one has said nothing."""
    account = accounts.create(conn, "Clinic")
    for number in range(1, 7):
        token = edges.create(conn, EdgeId(f"site-{number}"), account.sid)
        edges.enrol(conn, token, "", public_key=f"{number:064x}")
    releases.add(conn, RELEASE)


def fared(conn: Connection, fares: Sequence[tuple[str, str, str]]) -> None:
    for edge, outcome, reason in fares:
        releases.fared(conn, EdgeUpdateRecord(EdgeId(edge), SHA, 1, outcome, reason, NOON))


@pytest.fixture
async def browser(desk: Desk) -> AsyncIterator[Browser]:
    await desk.db.write(fleet)
    async with browsing(desk.url) as made:
        await made.log_in()
        await made.get("/operator/releases")
        yield made


async def post(browser: Browser, name: str, **fields: str) -> int:
    return await browser.post(f"/operator/releases/{SHA}/{name}", **fields)


async def kept(desk: Desk) -> ReleaseRecord:
    return (await desk.db.read(releases.list_))[0]


async def test_it_is_started_paused_gone_on_with_and_halted(desk: Desk, browser: Browser) -> None:
    assert await post(browser, "stage", percent="many") == 400
    assert await post(browser, "stage", percent="250") == 400
    assert await post(browser, "stage", percent="25", urgent="true") == 200
    record = await kept(desk)
    assert (record.state, record.percent, record.urgent) == ("staged", 25, True)
    assert await post(browser, "pause") == 200
    assert await post(browser, "pause") == 200
    assert await post(browser, "resume") == 200
    assert await post(browser, "resume") == 400
    assert await post(browser, "halt", why="site-7 is silent") == 200
    assert (await kept(desk)).reason == "site-7 is silent (operator ann)"
    assert "site-7 is silent" in browser.page
    assert await post(browser, "stage", percent="25") == 400
    assert await post(browser, "stage", percent="25", again="true") == 400
    assert await post(browser, "stage", percent="25", again="true", sure="true") == 200
    assert (await kept(desk)).attempt == 2


async def test_how_far_each_edge_is(desk: Desk, browser: Browser) -> None:
    assert await post(browser, "stage", percent="100") == 200
    await desk.db.write(lambda conn: fared(conn, FARES[:-1]))
    await browser.get("/operator/releases")
    for said in ("kept", "fetching", "40 %", "01:00-05:00", "trial", "not yet", "site-6"):
        assert said in browser.page
    await desk.db.write(lambda conn: fared(conn, FARES[-1:]))
    await browser.get("/operator/releases")
    assert "taken back" in browser.page
    assert "&lt;b&gt;it cannot" in browser.page
    assert (await kept(desk)).state == "halted", "one of two went back"
