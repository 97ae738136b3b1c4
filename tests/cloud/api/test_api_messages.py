"""Twilio's client against /Messages."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from cloud.services.requests import NewMessage, UpdateMessage
from cloud.store import messages
from telecore.ids import Address
from telecore.model import MessageStatus
from tests.fakes.api_site import HANDSET, NUMBER, Site, basic

NOW = datetime.now(UTC)
SOON, TOO_SOON, TOO_LATE = NOW + timedelta(hours=1), NOW + timedelta(seconds=240), NOW + timedelta(days=35, minutes=5)
SERVICE = "MG" + "0" * 32


def refused(client: Client, **fields: object) -> tuple[int, int]:
    with pytest.raises(TwilioRestException) as caught:
        client.messages.create(**fields)
    return caught.value.status, int(caught.value.code or 0)


async def test_create_and_fetch(site: Site) -> None:
    made = await site.twilio(lambda c: c.messages.create(to=HANDSET, from_=NUMBER, body="សួស្តី 😀"))
    assert made.sid.startswith("SM")
    assert (made.status, made.direction, made.body) == ("queued", "outbound-api", "សួស្តី 😀")
    assert (made.num_segments, made.num_media, made.error_code, made.price) == ("1", "0", None, None)
    assert made.date_sent is None
    fetched = await site.twilio(lambda c: c.messages(made.sid).fetch())
    assert fetched.body == made.body
    assert set(fetched.subresource_uris) == {"media"}
    assert await site.twilio(lambda c: c.messages(made.sid).media.list()) == []


async def test_parameters_arrive_at_the_service(site: Site) -> None:
    await site.twilio(
        lambda c: c.messages.create(
            to="1234",
            from_=NUMBER,
            body="hi",
            status_callback="http://app.example/s",
            validity_period=60,
            smart_encoded=True,
            provide_feedback=True,
        )
    )
    assert site.messages.asked == [
        NewMessage(
            site.number.number, Address("1234"), "hi", "http://app.example/s", 60, smart_encoded=True, feedback=True
        )
    ]


async def test_a_body_of_1600_units_passes(site: Site) -> None:
    assert (await site.twilio(lambda c: c.messages.create(to=HANDSET, from_=NUMBER, body="x" * 1600))).sid


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": ""}, 21604),
        ({"to": "hello"}, 21211),
        ({"to": NUMBER}, 21266),
        ({"to": "+1 555 CALL ME"}, 21211),
        ({"to": "whatsapp:+85512000001"}, 21211),
        ({"from_": ""}, 21603),
        ({"from_": "+15005550006"}, 21606),
        ({"from_": "Clinic"}, 21606),
        ({"from_": "much too long a name"}, 21212),
        ({"body": ""}, 21602),
        ({"body": "x" * 1601}, 21617),
        ({"body": "😀" * 801}, 21617),
        ({"media_url": ["http://app.example/a.png"]}, 21620),
        ({"validity_period": 0}, 21624),
        ({"validity_period": 36001}, 21624),
        ({"status_callback": "hello"}, 21609),
        ({"status_callback": "http://a.example/" + "x" * 4000}, 21609),
        ({"messaging_service_sid": "MG" + "0" * 31}, 21705),
        ({"messaging_service_sid": "hello"}, 21705),
        ({"schedule_type": "fixed", "send_at": datetime(2030, 1, 1, tzinfo=UTC)}, 35118),
        ({"send_at": datetime(2030, 1, 1, tzinfo=UTC)}, 35118),
        ({"schedule_type": "fixed", "messaging_service_sid": SERVICE}, 35111),
        ({"schedule_type": "later", "send_at": SOON, "messaging_service_sid": SERVICE}, 35126),
        ({"send_at": SOON, "messaging_service_sid": SERVICE}, 35126),
        ({"schedule_type": "fixed", "send_at": "tomorrow", "messaging_service_sid": SERVICE}, 35114),
        ({"schedule_type": "fixed", "send_at": TOO_SOON, "messaging_service_sid": SERVICE}, 35114),
        ({"schedule_type": "fixed", "send_at": TOO_LATE, "messaging_service_sid": SERVICE}, 35114),
        ({"content_sid": "HX" + "0" * 32}, 21655),
        ({"content_variables": "{}"}, 21654),
        ({"fallback_from": "Clinic"}, 21657),
        ({"max_price": "cheap"}, 21627),
        ({"attempt": 0}, 20001),
        ({"send_as_mms": True}, 21622),
        ({"shorten_urls": True}, 20001),
        ({"content_retention": "discard"}, 20001),
        ({"address_retention": "obfuscate"}, 20001),
        ({"risk_check": "maybe"}, 20001),
        ({"provide_feedback": "perhaps"}, 20001),
    ],
)
async def test_what_is_wrong_has_twilios_code(site: Site, changes: dict[str, object], code: int) -> None:
    fields = {"to": HANDSET, "from_": NUMBER, "body": "hi", **changes}
    assert await site.twilio(lambda c: refused(c, **fields)) == (400, code)
    assert site.messages.asked == []


async def test_update_redacts_or_cancels(site: Site) -> None:
    made = await site.twilio(lambda c: c.messages.create(to=HANDSET, from_=NUMBER, body="secret"))
    redacted = await site.twilio(lambda c: c.messages(made.sid).update(body=""))
    assert redacted.body == ""

    def wrong(client: Client, **fields: object) -> int:
        with pytest.raises(TwilioRestException) as caught:
            client.messages(made.sid).update(**fields)
        return int(caught.value.code or 0)

    assert await site.twilio(lambda c: wrong(c, body="other")) == 20001
    assert await site.twilio(lambda c: wrong(c, status="canceled")) == 30409
    assert await site.twilio(lambda c: wrong(c, status="sent")) == 20001
    assert site.messages.asked[1:] == [UpdateMessage(redact=True), UpdateMessage(cancel=True)]


async def test_delete(site: Site) -> None:
    made = await site.twilio(lambda c: c.messages.create(to=HANDSET, from_=NUMBER, body="x"))
    assert await site.twilio(lambda c: c.messages(made.sid).delete()) is True
    assert await site.twilio(lambda c: c.messages.list()) == []


async def test_a_stream_that_deletes_as_it_goes_sees_every_message(site: Site) -> None:
    for n in range(7):
        await site.twilio(lambda c, n=n: c.messages.create(to=HANDSET, from_=NUMBER, body=str(n)))

    def clear(client: Client) -> list[str]:
        seen = []
        for message in client.messages.stream(page_size=2):
            seen.append(message.body)
            message.delete()
        return seen

    assert await site.twilio(clear) == ["6", "5", "4", "3", "2", "1", "0"]
    assert await site.twilio(lambda c: c.messages.list()) == []


async def test_filters(site: Site) -> None:
    one = await site.twilio(lambda c: c.messages.create(to=HANDSET, from_=NUMBER, body="1"))
    two = await site.twilio(lambda c: c.messages.create(to="+85512000002", from_=NUMBER, body="2"))
    sent = datetime(2026, 4, 30, 23, 59, tzinfo=UTC)
    await site.db.write(lambda conn: messages.update(conn, one.sid, sent_at=sent, status=MessageStatus.SENT))

    async def found(**wanted: object) -> list[str]:
        return [row.sid for row in await site.twilio(lambda c: c.messages.list(**wanted))]

    assert await found(to="+85512000002") == [two.sid]
    assert await found(from_=NUMBER) == [two.sid, one.sid]
    assert await found(date_sent=date(2026, 4, 30)) == [one.sid]
    assert await found(date_sent=datetime(2026, 4, 30, 12, tzinfo=UTC)) == [one.sid]
    assert await found(date_sent_after=date(2026, 4, 30)) == [one.sid]
    assert await found(date_sent_after=date(2026, 5, 1)) == []
    assert await found(date_sent_before=date(2026, 5, 1)) == [one.sid]
    assert await found(date_sent_before=date(2026, 4, 30)) == []


async def test_our_own_parameters(site: Site) -> None:
    how = {"To": HANDSET, "From": NUMBER, "Body": "Flood: go up", "Priority": "warning", "MessageClass": "flash"}
    code, _ = await post(site, {**how, "ApplicationPort": "16000", "WhenUnknown": "repeat"})
    assert code == 201
    asked = site.messages.asked[-1]
    assert isinstance(asked, NewMessage)
    assert (asked.urgent, asked.flash, asked.port, asked.repeat) == (True, True, 16000, True)
    bad = (("Priority", "high"), ("MessageClass", "2"), ("ApplicationPort", "0"), ("WhenUnknown", "maybe"))
    for name, wrong in bad:
        code, told = await post(site, {**how, name: wrong})
        assert (code, f"'{name}'" in told["message"]) == (400, True)
    assert len(site.messages.asked) == 1


async def post(site: Site, fields: dict[str, str]) -> tuple[int, dict[str, str]]:
    url = f"http://127.0.0.1:{site.server.port}/2010-04-01/Accounts/{site.account.sid}/Messages.json"
    async with aiohttp.ClientSession(headers=basic(site.account)) as http, http.post(url, data=fields) as answer:
        return answer.status, await answer.json()


async def test_a_message_of_a_service_has_no_sender_yet(site: Site) -> None:
    made = await site.twilio(
        lambda c: c.messages.create(
            to=HANDSET, messaging_service_sid=SERVICE, body="x", schedule_type="fixed", send_at=SOON
        )
    )
    assert (made.status, made.from_, made.num_segments) == ("accepted", None, "0")
    assert made.messaging_service_sid == SERVICE
    asked = site.messages.asked[-1]
    assert isinstance(asked, NewMessage)
    assert (asked.sender, asked.service, asked.send_at) == (None, SERVICE, SOON.replace(microsecond=0))
    assert (asked.validity_s, asked.smart_encoded) == (None, None)


async def test_feedback(site: Site) -> None:
    made = await site.twilio(lambda c: c.messages.create(to=HANDSET, from_=NUMBER, body="x"))
    for outcome in ("unconfirmed", "confirmed"):
        told = await site.twilio(lambda c, outcome=outcome: c.messages(made.sid).feedback.create(outcome=outcome))
        assert (told.outcome, told.message_sid, told.account_sid) == (outcome, made.sid, site.account.sid)
        assert told.date_created is not None

    def wrong(client: Client, sid: str, outcome: str) -> tuple[int, int]:
        with pytest.raises(TwilioRestException) as caught:
            client.messages(sid).feedback.create(outcome=outcome)
        return caught.value.status, int(caught.value.code or 0)

    assert await site.twilio(lambda c: wrong(c, made.sid, "fine")) == (400, 20001)
    assert await site.twilio(lambda c: wrong(c, "SM" + "0" * 32, "confirmed")) == (404, 20404)


async def test_there_is_no_medium(site: Site) -> None:
    made = await site.twilio(lambda c: c.messages.create(to=HANDSET, from_=NUMBER, body="x"))

    def fetch(client: Client) -> int:
        with pytest.raises(TwilioRestException) as caught:
            client.messages(made.sid).media("ME" + "0" * 32).fetch()
        return caught.value.status

    assert await site.twilio(fetch) == 404
