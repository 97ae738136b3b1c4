"""A channel's page: everything shown escaped, every action checked, and each done once."""

from __future__ import annotations

from datetime import UTC, datetime

import aiohttp
import pytest

from cloud.fleet.snapshot import Snapshot
from cloud.services.caps import CapKeeper
from cloud.store import accounts, channels, edges, history, outbox, tasks
from cloud.tunnel.ingest import Ingest
from telecore import codec
from telecore.events import UssdReplied
from telecore.ids import ChannelId, CommandId, EdgeId
from tests.cloud.dashboard.conftest import Desk, went_through
from tests.cloud.dashboard.test_pages import csrf_in, http, log_in

__all__ = ["http"]
EDGE, ONE = EdgeId("site-1"), ChannelId("site-1/modem1")
EVIL = "<script>document.title='owned'</script>"


@pytest.fixture
async def site(desk: Desk, busy: Snapshot) -> Desk:
    desk.fleet.show(busy)
    account = await desk.db.write(lambda conn: accounts.create(conn, "One"))
    await desk.db.write(lambda conn: edges.create(conn, EDGE, account.sid))
    for record in busy.channels:
        await desk.db.write(lambda conn, record=record: channels.upsert(conn, EDGE, record.status))  # type: ignore[misc]
    for event in went_through(ONE, EVIL):
        await desk.db.write(lambda conn, e=event: history.add(conn, account.sid, ONE, e, datetime.now(UTC)))  # type: ignore[misc]
    return desk


async def page(http: aiohttp.ClientSession, desk: Desk) -> str:
    async with http.get(f"{desk.url}/operator/channels/{ONE}") as answer:
        assert answer.status == 200
        return await answer.text()


async def act(http: aiohttp.ClientSession, desk: Desk, name: str, **fields: str) -> tuple[int, str]:
    url = f"{desk.url}/operator/channels/{ONE}/{name}"
    async with http.post(url, data=fields, allow_redirects=False) as answer:
        return answer.status, await answer.text()


async def commands(desk: Desk) -> list[dict[str, object]]:
    return [payload for _, payload in await desk.db.read(lambda conn: outbox.read(conn, EDGE, 0, 100))]


async def test_everything_is_shown_and_nothing_of_it_runs(site: Desk, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{site.url}/operator/channels/{ONE}") as answer:
        assert "Log in" in await answer.text()
    await log_in(http, site)
    text = await page(http, site)
    for shown in (
        "degraded", "alerting", "50 % of the traffic", "1.20 USD", "3 days left", "42 SMS", "SM 20/20", "echo",
        "test failed", "soft reset", "+CMS ERROR: 50", "top-up", "missed call", "USSD", "site-1/modem2",
        "5.0 % lost", "jitter 12 ms, PCMA", "round trip in ms: 31",
    ):  # fmt: skip
        assert shown in text
    assert "<script>document" not in text
    async with http.get(f"{site.url}/operator/channels/site-1/none") as answer:
        assert answer.status == 404


async def test_unknown_is_never_zero(site: Desk, http: aiohttp.ClientSession) -> None:
    await log_in(http, site)
    async with http.get(f"{site.url}/operator/channels/site-1/modem2") as answer:
        text = await answer.text()
    assert "the answer was not understood" in text
    assert "held by a person" in text
    assert "0.00" not in text


async def test_a_form_from_elsewhere_asks_nothing(site: Desk, http: aiohttp.ClientSession) -> None:
    assert (await act(http, site, "balance"))[0] == 403
    await log_in(http, site)
    assert (await act(http, site, "balance", csrf="wrong"))[0] == 403
    assert await commands(site) == []


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("top_up", {"voucher": "12345678901234"}),
        ("restart", {}),
        ("self_test", {"receiver": "site-1/modem2"}),
        ("health", {"state": "retired"}),
    ],
)
async def test_what_is_dangerous_is_asked_twice(
    site: Desk, http: aiohttp.ClientSession, name: str, fields: dict[str, str]
) -> None:
    await log_in(http, site)
    csrf = csrf_in(await page(http, site))
    status, text = await act(http, site, name, csrf=csrf, **fields)
    assert status == 400
    assert "I am sure" in text
    assert "12345678901234" not in text
    assert await commands(site) == []
    assert (await act(http, site, name, csrf=csrf, sure="yes", **fields))[0] == 303
    assert len(await commands(site)) == 1


async def test_bad_input_is_said_on_the_page(site: Desk, http: aiohttp.ClientSession) -> None:
    await log_in(http, site)
    csrf = csrf_in(await page(http, site))
    status, text = await act(http, site, "ussd", csrf=csrf, code="")
    assert status == 400
    assert "code" in text
    assert 'role="alert"' in text
    assert await commands(site) == []


async def test_a_menu_is_answered_on_the_page(site: Desk, http: aiohttp.ClientSession) -> None:
    await log_in(http, site)
    csrf = csrf_in(await page(http, site))
    assert (await act(http, site, "ussd", csrf=csrf, code="*100#"))[0] == 303
    text = await page(http, site)
    assert 'http-equiv="refresh"' in text
    (asked,) = await site.db.read(lambda conn: tasks.of_channel(conn, ONE))
    assert asked.by == "operator ann"
    reply = UssdReplied(command=CommandId(asked.sid), channel=ONE, state="reply_wanted", text="1 Balance")
    await Ingest(site.db, allow=CapKeeper().allow).incoming(EDGE).apply("s", 1, codec.encode(reply), history=False)
    text = await page(http, site)
    assert "1 Balance" in text
    assert "Reply to the menu" in text
    assert 'http-equiv="refresh"' not in text
    assert (await act(http, site, "ussd/cancel", csrf=csrf))[0] == 303
    assert [command["kind"] for command in await commands(site)] == ["ussd.request", "ussd.cancel"]
