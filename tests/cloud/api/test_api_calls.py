"""Twilio's client against /Calls."""

from __future__ import annotations

from datetime import UTC, date, datetime

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from cloud.services.requests import NewCall, UpdateCall
from cloud.store import accounts, calls
from cloud.store.records import Hook
from telecore.model import CallStatus, MachineSpec
from tests.fakes.api_site import HANDSET, NUMBER, Site, basic

URL = "http://app.example/voice?x=1"


def refused(client: Client, **fields: object) -> int:
    with pytest.raises(TwilioRestException) as caught:
        client.calls.create(**fields)
    return int(caught.value.code or 0)


async def test_create_and_fetch(site: Site) -> None:
    made = await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url=URL))
    assert made.sid.startswith("CA")
    assert (made.status, made.direction, made.to, made._from) == ("queued", "outbound-api", HANDSET, NUMBER)
    assert (made.api_version, made.price, made.price_unit) == ("2010-04-01", None, "USD")
    assert made.start_time is None
    assert made.duration is None
    assert isinstance(made.date_created, datetime)
    assert made.date_created.tzinfo is not None
    assert abs((datetime.now(UTC) - made.date_created).total_seconds()) < 60
    assert set(made.subresource_uris) == {
        "notifications",
        "recordings",
        "payments",
        "events",
        "siprec",
        "streams",
        "transcriptions",
        "user_defined_messages",
        "user_defined_message_subscriptions",
    }
    fetched = await site.twilio(lambda c: c.calls(made.sid).fetch())
    assert fetched.sid == made.sid
    assert fetched.uri == f"/2010-04-01/Accounts/{site.account.sid}/Calls/{made.sid}.json"


async def test_every_parameter_arrives_at_the_service(site: Site) -> None:
    await site.twilio(
        lambda c: c.calls.create(
            to="+855 12-000-001",
            from_=NUMBER,
            twiml="<Response><Hangup/></Response>",
            method="GET",
            fallback_url="http://app.example/f",
            fallback_method="GET",
            status_callback="http://app.example/s",
            status_callback_method="POST",
            status_callback_event=["completed", "initiated"],
            send_digits="1w2#",
            timeout=20,
            time_limit=300,
            record=True,
            recording_channels="dual",
            recording_status_callback="http://app.example/r",
            recording_status_callback_event=["in-progress", "completed"],
            trim="do-not-trim",
        )
    )
    assert site.calls.asked == [
        NewCall(
            caller=site.number.number,
            to=HANDSET,
            method="GET",
            twiml="<Response><Hangup/></Response>",
            fallback=Hook("http://app.example/f", "GET"),
            status_callback=Hook("http://app.example/s", "POST"),
            status_callback_events=("initiated", "completed"),
            timeout_s=20,
            time_limit_s=300,
            send_digits="1w2#",
            record=True,
            record_channels=2,
            trim_silence=False,
            recording_callback=Hook("http://app.example/r", "POST"),
            recording_callback_events=("in-progress", "completed"),
        )
    ]


async def test_who_answers_is_asked_for_with_twilios_thresholds(site: Site) -> None:
    fields = {"to": HANDSET, "from_": NUMBER, "url": URL, "machine_detection": "Enable"}
    limits = {
        "machine_detection_timeout": 20,
        "machine_detection_speech_threshold": 2000,
        "machine_detection_speech_end_threshold": 900,
        "machine_detection_silence_timeout": 4000,
        "async_amd": "true",
        "async_amd_status_callback": "http://app.example/amd",
        "async_amd_status_callback_method": "GET",
    }
    await site.twilio(lambda c: c.calls.create(**fields))
    await site.twilio(lambda c: c.calls.create(**fields | {"machine_detection": "DetectMessageEnd"} | limits))
    await site.twilio(lambda c: c.calls.create(**{**fields, "machine_detection": ""} | limits))
    first, second, third = site.calls.asked
    assert isinstance(first, NewCall)
    assert (first.machine, first.machine_first, first.machine_callback) == (MachineSpec(), True, Hook())
    assert isinstance(second, NewCall)
    assert second.machine == MachineSpec(True, 20000, 2000, 900, 4000)
    assert (second.machine_first, second.machine_callback) == (False, Hook("http://app.example/amd", "GET"))
    assert isinstance(third, NewCall)
    assert third.machine is None


async def test_who_answered_is_shown(site: Site) -> None:
    made = await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url=URL))
    assert made.answered_by is None
    await site.db.write(lambda conn: calls.update(conn, made.sid, answered_by="machine_end_beep"))
    assert (await site.twilio(lambda c: c.calls(made.sid).fetch())).answered_by == "machine_end_beep"


async def test_where_both_are_given_the_url_wins(site: Site) -> None:
    await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url=URL, twiml="<not xml"))
    (asked,) = site.calls.asked
    assert isinstance(asked, NewCall)
    assert (asked.url, asked.twiml) == (URL, "")
    assert [code for code, _ in asked.warnings] == [32019]


async def test_what_nobody_can_be_shown_is_warned_of(site: Site) -> None:
    await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url=URL, call_reason="Your parcel"))
    (asked,) = site.calls.asked
    assert isinstance(asked, NewCall)
    assert [code for code, _ in asked.warnings] == [20001]
    assert "CallReason" in asked.warnings[0][1]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": ""}, 21201),
        ({"to": "hello"}, 21211),
        ({"to": "sip:"}, 13243),
        ({"to": "+0123456789"}, 21211),
        ({"from_": ""}, 21213),
        ({"from_": "sip:alice"}, 21212),
        ({"from_": "+15005550006"}, 21210),
        ({"url": ""}, 21205),
        ({"url": "ftp://app.example"}, 21205),
        ({"url": "hello"}, 21205),
        ({"url": "http://"}, 21205),
        ({"method": "PUT"}, 21209),
        ({"timeout": "soon"}, 21208),
        ({"timeout": 601}, 21208),
        ({"timeout": 0}, 21208),
        ({"time_limit": -1}, 20001),
        ({"send_digits": "12x"}, 21206),
        ({"send_digits": "1" * 33}, 21206),
        ({"fallback_url": "nowhere"}, 21205),
        ({"status_callback": "mailto:a@b.example"}, 21502),
        ({"status_callback_event": ["answered", "sneezed"]}, 21626),
        ({"machine_detection": "Sometimes"}, 21234),
        ({"machine_detection": "Enable", "machine_detection_timeout": 60}, 21234),
        ({"machine_detection_timeout": "x"}, 21234),
        ({"machine_detection": "Enable", "machine_detection_speech_threshold": 999}, 21234),
        ({"machine_detection": "Enable", "machine_detection_speech_end_threshold": 5001}, 21234),
        ({"machine_detection": "Enable", "machine_detection_silence_timeout": 1999}, 21234),
        ({"machine_detection": "Enable", "async_amd": "perhaps"}, 20001),
        ({"async_amd": "true", "async_amd_status_callback": "amd"}, 21502),
        ({"async_amd": "true", "async_amd_status_callback_method": "PUT"}, 21209),
        ({"recording_track": "sideways"}, 20001),
        ({"call_reason": "x" * 51}, 20001),
        ({"byoc": "BY" + "0" * 32}, 20001),
        ({"caller_id": "+85510000009"}, 20001),
        ({"url": "", "twiml": "<Response><Say>"}, 12100),
        ({"url": "", "twiml": "<Answer/>"}, 12102),
    ],
)
async def test_what_is_wrong_has_twilios_code(site: Site, changes: dict[str, object], code: int) -> None:
    fields = {"to": HANDSET, "from_": NUMBER, "url": URL, **changes}
    assert await site.twilio(lambda c: refused(c, **fields)) == code
    assert site.calls.asked == []


async def test_somebody_elses_number_is_not_a_caller(site: Site) -> None:
    other = await site.db.write(lambda conn: accounts.create(conn, "Other"))
    code = await site.twilio(lambda c: refused(c, to=HANDSET, from_=NUMBER, url=URL), other)
    assert code == 21210


async def test_update_redirects_or_ends(site: Site) -> None:
    made = await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url=URL))
    ended = await site.twilio(lambda c: c.calls(made.sid).update(status="canceled"))
    assert ended.status == "canceled"

    def redirect(client: Client) -> tuple[int, int]:
        with pytest.raises(TwilioRestException) as caught:
            client.calls(made.sid).update(url=URL, method="GET")
        return caught.value.status, int(caught.value.code or 0)

    assert await site.twilio(redirect) == (400, 21220)
    assert site.calls.asked[1:] == [UpdateCall(status=CallStatus.CANCELED), UpdateCall(url=URL, method="GET")]


async def test_delete_only_what_is_over(site: Site) -> None:
    made = await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url=URL))

    def early(client: Client) -> int:
        with pytest.raises(TwilioRestException) as caught:
            client.calls(made.sid).delete()
        return int(caught.value.code or 0)

    assert await site.twilio(early) == 20009
    await site.db.write(lambda conn: calls.update(conn, made.sid, status=CallStatus.COMPLETED))
    assert await site.twilio(lambda c: c.calls(made.sid).delete()) is True

    def gone(client: Client) -> tuple[int, int, str]:
        with pytest.raises(TwilioRestException) as caught:
            client.calls(made.sid).fetch()
        return caught.value.status, int(caught.value.code or 0), caught.value.msg

    status, code, text = await site.twilio(gone)
    assert (status, code) == (404, 20404)
    assert f"/2010-04-01/Accounts/{site.account.sid}/Calls/{made.sid}.json was not found" in text


async def test_list_filters_and_pages(site: Site) -> None:
    for n in range(5):
        await site.twilio(lambda c, n=n: c.calls.create(to=f"+8551200000{n}", from_=NUMBER, url=URL))
    rows = await site.twilio(lambda c: c.calls.list(page_size=2))
    assert [row.to for row in rows] == [f"+8551200000{n}" for n in (4, 3, 2, 1, 0)]
    assert [row.to for row in await site.twilio(lambda c: c.calls.list(limit=3, page_size=2))] == [
        "+85512000004",
        "+85512000003",
        "+85512000002",
    ]
    started = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
    await site.db.write(lambda conn: calls.update(conn, rows[0].sid, started_at=started, status=CallStatus.COMPLETED))

    async def found(**wanted: object) -> list[str]:
        return [row.sid for row in await site.twilio(lambda c: c.calls.list(**wanted))]

    assert await found(to="+85512000002") == [rows[2].sid]
    assert await found(status="completed") == [rows[0].sid]
    assert len(await found(from_=NUMBER)) == 5
    assert await found(start_time=date(2026, 5, 1)) == [rows[0].sid]
    assert await found(start_time=date(2026, 5, 2)) == []
    assert await found(start_time_after=started) == [rows[0].sid]
    assert await found(start_time_before=started) == []
    assert await found(start_time_before=date(2026, 5, 2), start_time_after=date(2026, 5, 1)) == [rows[0].sid]
    assert await found(parent_call_sid="CA" + "0" * 32) == []


async def test_pages_lead_forth_and_back_and_keep_the_filters(site: Site) -> None:
    for _ in range(5):
        await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url=URL))

    def walk(client: Client) -> list[list[str]]:
        first = client.calls.page(to=HANDSET, page_size=2)
        second = first.next_page()
        third = second.next_page()
        assert third.next_page() is None
        assert first.previous_page() is None
        back = third.previous_page()
        assert f"To=%2B{HANDSET[1:]}" in second._payload["next_page_uri"]
        assert second._payload["next_page_uri"].startswith("/2010-04-01/")
        assert (second._payload["page"], second._payload["start"], second._payload["end"]) == (1, 2, 3)
        return [[row.sid for row in page] for page in (first, second, third, back)]

    first, second, third, back = await site.twilio(walk)
    assert [len(first), len(second), len(third)] == [2, 2, 1]
    assert back == second
    assert len({*first, *second, *third}) == 5


async def test_our_own_parameters(site: Site) -> None:
    how = {"To": HANDSET, "From": NUMBER, "Url": URL}
    url = f"http://127.0.0.1:{site.server.port}/2010-04-01/Accounts/{site.account.sid}/Calls.json"
    async with aiohttp.ClientSession(headers=basic(site.account)) as http:
        async with http.post(url, data={**how, "Priority": "warning", "HideCallerId": "true"}) as answer:
            assert answer.status == 201
        asked = site.calls.asked[-1]
        assert isinstance(asked, NewCall)
        assert (asked.urgent, asked.hide_caller) == (True, True)
        for name, wrong in (("Priority", "urgent"), ("HideCallerId", "maybe")):
            async with http.post(url, data={**how, name: wrong}) as answer:
                assert answer.status == 400
                assert f"'{name}'" in (await answer.json())["message"]
    assert len(site.calls.asked) == 1
