"""Twilio's client against /Calls/{sid}/Events."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from twilio.base.exceptions import TwilioException
from twilio.rest import Client

from cloud.api.call_events import event
from cloud.store import accounts, webhook_log
from cloud.store.records import WebhookLogRecord
from telecore.ids import AccountSid, new_sid
from tests.fakes.api_site import HANDSET, NUMBER, Site

AT = datetime(2026, 5, 1, 10, tzinfo=UTC)


def record(account: AccountSid, subject: str, **changes: object) -> WebhookLogRecord:
    fields: dict[str, object] = {
        "sid": new_sid("WH"),
        "account": account,
        "subject": subject,
        "url": "https://app.example/voice",
        "method": "POST",
        "params": {"CallSid": subject, "CallStatus": "ringing", "From": NUMBER, "FromCity": ""},
        "whole": True,
        "sent": {},
        "status": 200,
        "code": 0,
        "fault": "",
        "got": {"content-type": "text/xml"},
        "body": "<Response/>",
        "size": 11,
        "duration_ms": 54,
        "at": AT,
    }
    return WebhookLogRecord(**fields | changes)  # type: ignore[arg-type]


@pytest.fixture
async def call(site: Site) -> str:
    made = await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url="http://app.example/voice"))
    return str(made.sid)


async def test_what_was_asked_and_answered(site: Site, call: str) -> None:
    rows = [
        record(site.account.sid, call),
        record(site.account.sid, new_sid("CA")),
        record(site.account.sid, call, url="https://app.example/status", status=None, code=11200, body="", got={}),
    ]
    await site.db.write(lambda conn: webhook_log.add(conn, rows))
    failed, first = await site.twilio(lambda c: c.calls(call).events.list())
    assert first.request == {
        "method": "POST",
        "url": "https://app.example/voice",
        "parameters": {"call_sid": call, "call_status": "ringing", "from": NUMBER, "from_city": ""},
    }
    assert first.response == {
        "response_code": 200,
        "content_type": "text/xml",
        "response_body": "<Response/>",
        "request_duration": 54,
        "error_code": None,
        "date_created": "Fri, 01 May 2026 10:00:00 +0000",
    }
    assert failed.request["url"] == "https://app.example/status"
    assert (failed.response["response_code"], failed.response["error_code"]) == (None, 11200)
    page = await site.twilio(lambda c: c.calls(call).events.page(page_size=1))
    assert len(list(await site.twilio(lambda c: c.calls(call).events.get_page(page.next_page_url)))) == 1


async def test_another_accounts_call_is_none(site: Site, call: str) -> None:
    other = await site.db.write(lambda conn: accounts.create(conn, "Other"))

    def refused(client: Client) -> bool:
        with pytest.raises(TwilioException):
            client.calls(call).events.list()
        return True

    assert await site.twilio(refused, other)


def test_names_of_parameters() -> None:
    names = {"CallSid": "", "SipResponseCode": "", "To": "", "SipHeader_X-Name": "", "CALLER": ""}
    told = event(record(AccountSid(new_sid("AC")), new_sid("CA"), params=names))
    request = told["request"]
    assert isinstance(request, dict)
    assert set(request["parameters"]) == {"call_sid", "sip_response_code", "to", "sip_header_x-name", "caller"}
