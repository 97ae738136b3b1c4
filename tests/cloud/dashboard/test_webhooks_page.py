"""The page of webhooks: everything shown escaped, the filter, and a replay."""

from __future__ import annotations

from datetime import UTC, datetime

import aiohttp
import pytest

from cloud.services.exchanges import Exchange, WebhookRequest
from cloud.services.webhook_log import WAITING
from cloud.store import accounts, notifications, webhook_log
from cloud.store.records import Hook, WebhookLogRecord
from telecore.ids import new_sid
from tests.cloud.dashboard.conftest import Desk
from tests.cloud.dashboard.test_pages import csrf_in, http, log_in

__all__ = ["http"]
EVIL = "<script>document.title='owned'</script>"
CALL, OTHER = "CA" + "1" * 32, "CA" + "2" * 32


@pytest.fixture
async def record(desk: Desk) -> WebhookLogRecord:
    account = await desk.db.write(lambda conn: accounts.create(conn, "One"))
    made = WebhookLogRecord(
        sid=new_sid("WH"),
        account=account.sid,
        subject=CALL,
        url=f"http://10.0.0.1/voice?{EVIL}",
        method="POST",
        params={"Body": EVIL},
        whole=True,
        sent={"Content-Type": "x"},
        status=500,
        code=11200,
        fault=f"the server answered 500 {EVIL}",
        got={"Server": EVIL},
        body=EVIL,
        size=39,
        duration_ms=12,
        at=datetime.now(UTC),
    )
    await desk.db.write(lambda conn: webhook_log.add(conn, [made]))
    await desk.db.write(lambda conn: notifications.add(conn, account.sid, CALL, 12100, EVIL, hook=Hook("http://a/")))
    await desk.db.write(lambda conn: notifications.add(conn, account.sid, OTHER, 13520, "left out"))
    return made


async def shown(http: aiohttp.ClientSession, desk: Desk, path: str = "") -> tuple[int, str]:
    async with http.get(f"{desk.url}/operator/webhooks{path}") as answer:
        return answer.status, await answer.text()


async def test_it_is_shown_to_operators_only_and_escaped(
    desk: Desk, record: WebhookLogRecord, http: aiohttp.ClientSession
) -> None:
    assert "Log in" in (await shown(http, desk))[1]
    assert "Log in" in (await shown(http, desk, f"/{record.sid}"))[1]
    await log_in(http, desk)
    for path in ("", f"/{record.sid}"):
        status, text = await shown(http, desk, path)
        assert status == 200
        assert "11200" in text
        assert EVIL not in text
        assert "&lt;script&gt;" in text


async def test_filters(desk: Desk, record: WebhookLogRecord, http: aiohttp.ClientSession) -> None:
    await log_in(http, desk)
    _, text = await shown(http, desk, f"?subject={CALL}")
    assert record.sid in text
    assert "left out" not in text
    _, text = await shown(http, desk, "?code=13520")
    assert record.sid not in text
    assert "left out" in text
    status, text = await shown(http, desk, "?code=hello")
    assert status == 400
    assert "must be a whole number" in text


async def test_a_replay_needs_the_form_and_leads_to_its_row(
    desk: Desk, record: WebhookLogRecord, http: aiohttp.ClientSession
) -> None:
    await log_in(http, desk)
    url = f"{desk.url}/operator/webhooks/{record.sid}/replay"
    async with http.post(url, data={"csrf": "x"}, allow_redirects=False) as answer:
        assert answer.status == 403
    _, text = await shown(http, desk, f"/{record.sid}")
    async with http.post(url, data={"csrf": csrf_in(text)}, allow_redirects=False) as answer:
        assert answer.status == 303
        where = answer.headers["Location"]
    async with http.get(f"{desk.url}{where}") as answer:
        text = await answer.text()
    assert f'replay of <a href="/operator/webhooks/{record.sid}"' in text
    assert "not on the allow-list" in text


async def test_what_was_not_kept_is_counted(desk: Desk, record: WebhookLogRecord, http: aiohttp.ClientSession) -> None:
    await log_in(http, desk)
    assert "were not kept" not in (await shown(http, desk))[1]
    asked = WebhookRequest("http://10.0.0.1/", record.account)
    for _ in range(WAITING + 3):
        desk.hooks.take(Exchange(asked, asked.url, record.at, 1, {}))
    assert "3 more came faster than the disk took them" in (await shown(http, desk))[1]


async def test_what_is_forgotten(desk: Desk, record: WebhookLogRecord, http: aiohttp.ClientSession) -> None:
    await log_in(http, desk)
    assert (await shown(http, desk, f"/WH{'0' * 32}"))[0] == 404
