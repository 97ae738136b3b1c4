"""Notifications and alerts, by Twilio's client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from twilio.base.exceptions import TwilioRestException

from cloud.services.exchanges import WebhookRequest
from cloud.store import accounts, notifications
from cloud.store.records import Hook
from tests.fakes.api_site import Site
from tests.fakes.customer_app import CustomerApp, Reply

CALL, OTHER = "CA" + "1" * 32, "SM" + "2" * 32


@pytest.fixture
async def noted(site: Site) -> list[str]:
    hook = Hook("http://app.example/v")
    first = await site.db.write(
        lambda conn: notifications.add(conn, site.account.sid, CALL, 11200, "HTTP 500", hook=hook)
    )
    second = await site.db.write(
        lambda conn: notifications.add(conn, site.account.sid, OTHER, 12200, "unknown", level="warning")
    )
    return [first.sid, second.sid]


async def test_alerts_are_listed_by_level_and_day(site: Site, noted: list[str]) -> None:
    async def found(**wanted: object) -> list[str]:
        return [row.sid for row in await site.twilio(lambda c: c.monitor.v1.alerts.list(**wanted))]

    now = datetime.now(UTC)
    assert await found() == noted[::-1]
    assert await found(log_level="error") == noted[:1]
    assert await found(log_level="debug") == []
    assert await found(start_date=now - timedelta(minutes=1), end_date=now + timedelta(minutes=1)) == noted[::-1]
    assert await found(start_date=now + timedelta(minutes=1)) == []
    assert await found(end_date=now - timedelta(days=1)) == []
    _, body = await site.ask(
        "GET", "/v1/Alerts", [("StartDate", now.date().isoformat()), ("EndDate", now.date().isoformat())]
    )
    assert len(body["alerts"]) == 2


async def test_one_alert(site: Site, noted: list[str]) -> None:
    row = await site.twilio(lambda c: c.monitor.v1.alerts(noted[0]).fetch())
    assert (row.error_code, row.log_level, row.resource_sid) == ("11200", "error", CALL)
    assert (row.request_url, row.request_method, row.alert_text) == ("http://app.example/v", "POST", "HTTP 500")
    assert row.date_generated.tzinfo is not None
    assert row.response_body is None
    for path in (f"/v1/Alerts/NO{'0' * 32}", "/v1/Alerts/x"):
        assert (await site.ask("GET", path))[0] == 404
    assert (await site.ask("GET", "/v1/Alerts", [("LogLevel", "loud")]))[0] == 400
    assert (await site.ask("GET", "/v1/Alerts", [("StartDate", "yesterday")]))[0] == 400


async def test_a_refused_document_is_shown_as_it_came(site: Site) -> None:
    async with CustomerApp() as app:
        url, params = app.answer("/v", Reply("<Answer/>")) + "?a=1", {"CallSid": CALL}
        for other in (app.answer("/status", "fine"), url):
            await site.hooks.client.fetch(
                WebhookRequest(f"{other}#rc=0", site.account.sid, params=params, subject=CALL)
            )
        redirected = app.answer("/away", Reply(status=302, headers={"Location": "/status"}))
        await site.hooks.client.fetch(WebhookRequest(redirected, site.account.sid, subject=CALL))
        await site.hooks.log.flush()

    async def told(where: str, subject: str = CALL) -> str | None:
        hook = Hook(where)
        note = await site.db.write(
            lambda conn: notifications.add(conn, site.account.sid, subject, 12102, "bad", hook=hook)
        )
        row = await site.twilio(lambda c: c.notifications(note.sid).fetch())
        assert (await site.twilio(lambda c: c.monitor.v1.alerts(note.sid).fetch())).response_body == row.response_body
        return row.response_body

    assert await told(f"{url}#rc=0") == "<Answer/>"
    assert await told(app.url("/v")) is None
    assert await told(url, OTHER) is None
    assert await told(redirected) is None
    assert await told("wss://app.example/s") is None
    assert await told("") is None


async def test_notifications_are_filtered_and_fetched(site: Site, noted: list[str]) -> None:
    async def found(**wanted: object) -> list[str]:
        return [row.sid for row in await site.twilio(lambda c: c.notifications.list(**wanted))]

    today = datetime.now(UTC).date()
    assert await found(log=0) == noted[:1]
    assert await found(log=1) == noted[1:]
    assert await found(message_date=today) == noted[::-1]
    assert await found(message_date_before=today) == []
    assert await found(message_date_after=today) == noted[::-1]
    row = await site.twilio(lambda c: c.notifications(noted[0]).fetch())
    assert (row.error_code, row.call_sid, row.request_variables) == ("11200", CALL, None)
    for path in (f"Notifications/NO{'0' * 32}.json", "Notifications/x.json"):
        assert (await site.ask("GET", path))[0] == 404
    assert (await site.ask("GET", "Notifications.json", [("Log", "2")]))[0] == 400


async def test_somebody_elses_are_not_there(site: Site, noted: list[str]) -> None:
    other = await site.db.write(lambda conn: accounts.create(conn, "Other"))
    for use in (lambda c: c.monitor.v1.alerts(noted[0]).fetch(), lambda c: c.notifications(noted[0]).fetch()):
        with pytest.raises(TwilioRestException) as caught:
            await site.twilio(use, other)
        assert caught.value.status == 404
    assert await site.twilio(lambda c: c.monitor.v1.alerts.list(), other) == []
