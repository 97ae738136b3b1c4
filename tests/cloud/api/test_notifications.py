"""Twilio's client against /Notifications: what went wrong, of an account and of one call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from cloud.store import accounts, notifications
from cloud.store.records import NotificationRecord
from telecore.ids import new_sid
from tests.fakes.api_site import HANDSET, NUMBER, Site, basic

URL = "http://app.example/voice"


@pytest.fixture
async def call(site: Site) -> str:
    made = await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url=URL))
    return str(made.sid)


async def noted(site: Site, subject: str, code: int, level: str = "error") -> NotificationRecord:
    account = site.account.sid
    return await site.db.write(
        lambda conn: notifications.add(conn, account, subject, code, f"it was {code}", level=level)
    )


async def status(site: Site, ask: object) -> int:
    def refused(client: Client) -> int:
        with pytest.raises(TwilioRestException) as caught:
            ask(client)  # type: ignore[operator]
        return caught.value.status

    return await site.twilio(refused)


async def test_one_of_a_call(site: Site, call: str) -> None:
    record = await noted(site, call, 11200)
    for found in (
        await site.twilio(lambda c: c.notifications(record.sid).fetch()),
        await site.twilio(lambda c: c.calls(call).notifications(record.sid).fetch()),
    ):
        assert (found.sid, found.call_sid, found.error_code, found.log) == (record.sid, call, "11200", "0")
        assert found.more_info == "https://www.twilio.com/docs/errors/11200"


async def test_filters(site: Site, call: str) -> None:
    error, warning = await noted(site, call, 11200), await noted(site, call, 32019, "warning")
    other = await noted(site, new_sid("SM"), 14101)
    today = datetime.now(UTC).date()

    async def listed(**wanted: object) -> list[str]:
        return [str(one.sid) for one in await site.twilio(lambda c: c.notifications.list(**wanted))]

    assert await listed() == [other.sid, warning.sid, error.sid]
    assert await listed(log=0) == [other.sid, error.sid]
    assert await listed(log=1) == [warning.sid]
    assert await listed(message_date=today) == [other.sid, warning.sid, error.sid]
    assert await listed(message_date_before=today) == []
    assert await listed(message_date_after=today + timedelta(days=1)) == []
    mine = await site.twilio(lambda c: c.calls(call).notifications.list(log=0))
    assert [one.sid for one in mine] == [error.sid]
    url = f"{site.url}/2010-04-01/Accounts/{site.account.sid}/Notifications.json?Log=7"
    async with aiohttp.ClientSession() as http, http.get(url, headers=basic(site.account)) as answer:
        assert answer.status == 400


async def test_deleted_it_is_gone_and_pages_lead_on(site: Site, call: str) -> None:
    rows = [await noted(site, call, 11200 + n) for n in range(3)]
    first = await site.twilio(lambda c: c.notifications.page(page_size=2))
    url = f"{site.url}/2010-04-01/Accounts/{site.account.sid}/Calls/{call}/Notifications/{rows[1].sid}.json"
    async with aiohttp.ClientSession() as http:
        for expected in (204, 404):
            async with http.delete(url, headers=basic(site.account)) as answer:
                assert answer.status == expected
    second = await site.twilio(lambda c: c.notifications.get_page(first.next_page_url))
    assert [one.sid for one in second] == [rows[0].sid]
    left = await site.twilio(lambda c: c.notifications.list())
    assert [one.sid for one in left] == [rows[2].sid, rows[0].sid]
    assert await status(site, lambda c: c.notifications(rows[1].sid).fetch()) == 404


async def test_what_is_not_theirs_is_not_found(site: Site, call: str) -> None:
    record = await noted(site, call, 11200)
    another = await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url=URL))
    assert await status(site, lambda c: c.calls(another.sid).notifications(record.sid).fetch()) == 404
    other = await site.db.write(lambda conn: accounts.create(conn, "Other"))

    def foreign(client: Client) -> int:
        with pytest.raises(TwilioRestException) as caught:
            client.notifications(record.sid).fetch()
        return caught.value.status

    assert await site.twilio(foreign, other) == 404
