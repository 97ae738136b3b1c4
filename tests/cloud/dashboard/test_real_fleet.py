"""The page over a real store: an account's own sites and traffic, and a fleet of more sites than fit on a page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud.dashboard import live
from cloud.fleet.reading import SITES
from cloud.fleet.state import LinkChanged
from cloud.store import accounts, calls, channels, edges, messages, numbers, operators, warnings
from cloud.store.database import Connection
from cloud.store.records import CallRecord, MessageRecord
from cloud.web import passwords
from telecore.events import WarningRaised
from telecore.ids import E164, AccountSid, Address, ChannelId, EdgeId, new_sid
from telecore.model import CallStatus, ChannelState, ChannelStatus, Direction, MessageStatus
from tests.cloud.dashboard.browsing import Browser, browsing
from tests.cloud.dashboard.conftest import PASSWORD, Desk, a_desk

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path) as one:
        yield one


@pytest.fixture
async def browser(desk: Desk) -> AsyncIterator[Browser]:
    async with browsing(desk.url) as made:
        yield made


def a_site(conn: Connection, name: str, account: AccountSid) -> EdgeId:
    """Enrolled, with one channel."""
    edge = EdgeId(name)
    edges.create(conn, edge, account)
    edges.update(conn, name, key_sha256=f"k{name}")
    channels.upsert(conn, edge, ChannelStatus(ChannelId(f"{name}/modem1"), ChannelState.REGISTERED, 1.0))
    return edge


def traffic(conn: Connection, edge: EdgeId, account: AccountSid, word: str) -> None:
    """A live call, a message and a warning that have this word in them."""
    call = CallRecord(
        new_sid("CA"), account, Direction.INBOUND, Address(f"caller{word}"), Address("x"), CallStatus.RINGING, NOW, NOW,
        edge=edge,
    )  # fmt: skip
    calls.insert(conn, call)
    message = MessageRecord(
        new_sid("SM"), account, Direction.INBOUND, Address("y"), Address("x"), f"body{word}", MessageStatus.RECEIVED,
        NOW, NOW,
    )  # fmt: skip
    messages.insert(conn, message)
    raised = WarningRaised(code="disk_low", severity="warning", subject="", text=f"disk{word}")
    warnings.raise_(conn, edge, raised, NOW)


def shown_sites(page: str) -> list[str]:
    section = page[page.index('id="edges"') : page.index('id="channels"')]
    return re.findall(r'<td class="name">([^<]+)</td>', section)


async def test_an_account_sees_only_its_own(desk: Desk, browser: Browser) -> None:
    def fill(conn: Connection) -> AccountSid:
        mine, theirs = accounts.create(conn, "Mine"), accounts.create(conn, "Theirs")
        below = accounts.create(conn, "Below", owner=mine.sid)
        for name, of in (("mine-1", mine), ("theirs-1", theirs), ("below-1", below)):
            traffic(conn, a_site(conn, name, of.sid), of.sid, name.replace("-1", ""))
        operators.put(conn, "eve", passwords.make_hash(PASSWORD), role="account", account=mine.sid)
        return mine.sid

    await desk.db.write(fill)
    for edge in ("mine-1", "theirs-1", "below-1"):
        desk.fleet.take(EdgeId(edge), LinkChanged(True))
    await browser.log_in("eve")
    assert shown_sites(browser.page) == ["below-1", "mine-1"]
    for word in ("mine", "below"):
        for kind in ("caller", "body", "disk"):
            assert f"{kind}{word}" in browser.page
    assert "theirs" not in browser.page
    assert ">2 connected<" in browser.page
    assert re.findall(r'<h2>Warnings <span class="count">(\d+)<', browser.page) == ["2"]
    assert re.findall(r'<h2>Live calls <span class="count">(\d+)<', browser.page) == ["2"]
    assert await browser.get("/operator?q=theirs") == 200
    assert shown_sites(browser.page) == []
    assert await browser.get("/operator/channels/theirs-1/modem1") == 404
    assert await browser.get("/operator/channels/below-1/modem1") == 200
    await browser.get("/operator/me")
    assert await browser.post("/operator/channels/theirs-1/modem1/balance") == 404
    assert await browser.get("/operator/audit") == 403


@pytest.fixture
async def many(desk: Desk, browser: Browser) -> Browser:
    """250 sites, of which all but two are connected; one is warned of, one has a SIM with a number."""

    def fill(conn: Connection) -> list[EdgeId]:
        owner = accounts.create(conn, "Clinic")
        made = [a_site(conn, f"village-{n:03}", owner.sid) for n in range(250)]
        traffic(conn, made[200], owner.sid, "warned")
        numbers.create(conn, owner.sid, E164("+85512345678"), channel=ChannelId(f"{made[123]}/modem1"))
        return made

    for edge in (await desk.db.write(fill))[2:]:
        desk.fleet.take(edge, LinkChanged(True))
    await browser.log_in()
    return browser


async def test_of_many_sites_a_page_is_shown_and_all_are_counted(many: Browser) -> None:
    assert shown_sites(many.page) == [f"village-{n:03}" for n in range(SITES)]
    assert ">248 connected<" in many.page
    assert ">2 offline<" in many.page
    assert f"{SITES} of 250 sites are shown" in many.page
    seen = shown_sites(many.page)
    while (more := re.search(r'href="(/operator\?[^"]+)" rel="next"', many.page)) is not None:
        await many.get(more[1])
        seen += shown_sites(many.page)
    assert seen == [f"village-{n:03}" for n in range(250)]
    assert "From the first on" in many.page


@pytest.mark.parametrize(
    ("asked", "sites"),
    [
        ("q=village-12", [f"village-{n}" for n in range(120, 130)]),
        ("q=VILLAGE-007", ["village-007"]),
        ("q=012+345-678", ["village-123"]),
        ("q=%2B855+12+345", ["village-123"]),
        ("q=nowhere", []),
        ("q=%25", []),
        ("q=" + "x" * 500, []),
        ("show=trouble", ["village-000", "village-001", "village-200"]),
        ("show=trouble&q=200", ["village-200"]),
        ("after=village-247", ["village-248", "village-249"]),
        ("after=zzz", []),
    ],
)
async def test_sites_are_found_by_name_number_and_trouble(many: Browser, asked: str, sites: list[str]) -> None:
    assert await many.get(f"/operator?{asked}") == 200
    assert shown_sites(many.page) == sites
    channels = re.findall(r'href="/operator/channels/([^"/]+)/modem1"', many.page)
    assert sorted(set(channels)) == sites, "channels are those of the sites shown"
    assert ("diskwarned" in many.page) == ("village-200" in sites), "so are warnings"
    assert ("callerwarned" in many.page) == ("village-200" in sites), "and calls"
    assert ">248 connected<" in many.page, "counted are all"


async def test_news_are_of_the_sites_that_are_looked_at(desk: Desk, many: Browser) -> None:
    async with asyncio.timeout(10), many.http.get(f"{desk.url}/operator/events?q=village-249") as answer:
        async for line in answer.content:
            if line.startswith(b"data: "):
                assert b"village-249" in line
                assert b"village-248" not in line
                return
    pytest.fail("nothing was told")


async def test_a_page_that_takes_long_to_make_is_made_rarely(
    desk: Desk, many: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine tenths of the time it is not being made."""
    made: list[float] = []
    begun: list[float] = []
    clock, real = asyncio.get_running_loop().time, live.sections

    async def slow(*given: object) -> dict[str, str]:
        begun.append(clock())
        await asyncio.sleep(0.2)
        try:
            return await real(*given)  # type: ignore[arg-type]
        finally:
            made.append(clock())

    monkeypatch.setattr(live, "sections", slow)
    async with asyncio.timeout(30), many.http.get(f"{desk.url}/operator/events") as answer:
        async for _ in answer.content:
            desk.fleet.changed()
            if len(begun) == 2:
                break
    assert begun[1] - made[0] >= 9 * (made[0] - begun[0]) * 0.95


async def test_the_page_of_who_may_come_in_is_one_of_many_too(many: Browser) -> None:
    await many.get("/operator/sites")
    names = r'<td class="name">([^<]+)</td>'
    seen = re.findall(names, many.page)
    assert len(seen) == SITES
    while (more := re.search(r'href="(/operator/sites\?[^"]+)" rel="next"', many.page)) is not None:
        await many.get(more[1])
        seen += re.findall(names, many.page)
    assert seen == [f"village-{n:03}" for n in range(250)]
    await many.get("/operator/sites?q=012+345+678")
    assert re.findall(names, many.page) == ["village-123"]
    await many.get("/operator/sites?q=nowhere")
    assert "No site fits." in many.page
