"""Twilio's client against /OutgoingCallerIds. What the calls ask is in tests/cloud/services/test_validation.py."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cloud.store import accounts, caller_ids, channels
from cloud.store.records import CallerIdRecord, ValidationRecord
from telecore.ids import E164, CallSid, ChannelId, EdgeId, new_sid
from telecore.model import ChannelState, ChannelStatus, Service
from tests.fakes.api_site import HANDSET, NUMBER, Site


async def validated(site: Site, number: str = HANDSET, name: str = "Mine") -> CallerIdRecord:
    call = CallSid(new_sid("CA"))
    asked = ValidationRecord(call, site.account.sid, E164(number), name, "123456", datetime.now(UTC))
    await site.db.write(lambda conn: caller_ids.begin(conn, asked))
    made = await site.db.write(lambda conn: caller_ids.tried(conn, asked, "123456"))
    assert made is not None
    return made


async def test_a_validation_places_a_call_and_tells_the_code(site: Site) -> None:
    status = ChannelStatus(ChannelId("site-1/modem1"), ChannelState.REGISTERED, 0.0, offers=frozenset(Service))
    await site.db.write(lambda conn: channels.upsert(conn, EdgeId("site-1"), status))
    asked = await site.twilio(
        lambda c: c.validation_requests.create(
            phone_number=HANDSET, friendly_name="Mine", extension="12", status_callback="http://app.example/st"
        )
    )
    assert (asked.phone_number, asked.friendly_name, asked.account_sid) == (HANDSET, "Mine", site.account.sid)
    assert len(asked.validation_code) == 6
    call = await site.twilio(lambda c: c.calls(asked.call_sid).fetch())
    assert (call.to, call._from, call.status) == (HANDSET, NUMBER, "queued")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, 21401),
        ({"PhoneNumber": "hello"}, 21401),
        ({"PhoneNumber": "+1" + "9" * 1_000}, 21401),
        ({"PhoneNumber": NUMBER}, 21449),
        ({"PhoneNumber": HANDSET, "CallDelay": "5"}, 21454),
        ({"PhoneNumber": HANDSET, "CallDelay": "-1"}, 21454),
        ({"PhoneNumber": HANDSET, "Extension": "1x"}, 21206),
        ({"PhoneNumber": HANDSET, "StatusCallback": "hello"}, 21456),
        ({"PhoneNumber": HANDSET, "FriendlyName": "x" * 65}, 20002),
        ({"PhoneNumber": HANDSET}, 21214),
    ],
)
async def test_what_cannot_be_asked_is_refused(site: Site, fields: dict[str, str], code: int) -> None:
    status, body = await site.ask("POST", "OutgoingCallerIds.json", list(fields.items()))
    assert (status, body["code"]) == (400, code)


async def test_validated_once(site: Site) -> None:
    await validated(site)
    status, body = await site.ask("POST", "OutgoingCallerIds.json", [("PhoneNumber", HANDSET)])
    assert (status, body["code"]) == (400, 21450)


async def test_list_fetch_update_delete(site: Site) -> None:
    one, two = await validated(site), await validated(site, "+85512000002", "Two")
    rows = await site.twilio(lambda c: c.outgoing_caller_ids.list(page_size=1))
    assert [row.sid for row in rows] == [two.sid, one.sid]
    rows = await site.twilio(lambda c: c.outgoing_caller_ids.list(phone_number=HANDSET))
    assert [row.sid for row in rows] == [one.sid]
    rows = await site.twilio(lambda c: c.outgoing_caller_ids.list(friendly_name="Two"))
    assert [row.phone_number for row in rows] == ["+85512000002"]
    row = await site.twilio(lambda c: c.outgoing_caller_ids(one.sid).update(friendly_name="Uno"))
    assert (row.friendly_name, row.phone_number) == ("Uno", HANDSET)
    assert await site.twilio(lambda c: c.outgoing_caller_ids(one.sid).delete())
    assert (await site.ask("GET", f"OutgoingCallerIds/{one.sid}.json"))[0] == 404


async def test_somebody_elses_is_not_there(site: Site) -> None:
    other = await site.db.write(lambda conn: accounts.create(conn, "Other"))
    made = await validated(site)
    await site.db.write(lambda conn: caller_ids.update(conn, made.sid, account=other.sid))
    for method in ("GET", "POST", "DELETE"):
        assert (await site.ask(method, f"OutgoingCallerIds/{made.sid}.json"))[0] == 404
