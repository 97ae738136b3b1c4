"""Calls: placed, watched, changed while they live, listed and deleted; and the verbs that a caller meets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.conformance.conftest import Customer
from tests.conformance.official import Refused
from tests.fakes.customer_app import twiml

EVENTS = ["initiated", "ringing", "answered", "completed"]


async def test_a_call_out_and_its_events_in_order(customer: Customer) -> None:
    handset = customer.free_handset()
    await customer.network("PUT", f"/subscribers/{handset}", {"on_call": "answer", "answer_after_s": 0.2})
    voice = customer.app.answer("/voice", twiml("<Say>hello</Say><Hangup/>"))
    status = customer.app.answer("/status", "")
    call = await customer.ask(
        "calls.create",
        to=handset,
        from_=customer.numbers[0],
        url=voice,
        status_callback=status,
        status_callback_event=EVENTS,
    )
    assert (call["status"], call["direction"], call["from"], call["to"]) == (
        "queued",
        "outbound-api",
        customer.numbers[0],
        handset,
    )
    over = await customer.call_over(call["sid"])
    assert over["status"] == "completed"
    assert int(over["duration"]) >= 0
    assert over["start_time"] <= over["end_time"]
    (asked,) = await customer.app.wait_for("/voice")
    assert (asked.params["CallSid"], asked.params["CallStatus"], asked.params["Direction"]) == (
        call["sid"],
        "in-progress",
        "outbound-api",
    )
    told = await customer.app.wait_for("/status", 4, within_s=15)
    assert [one.params["CallStatus"] for one in told] == ["initiated", "ringing", "in-progress", "completed"]
    assert [one.params["SequenceNumber"] for one in told] == ["0", "1", "2", "3"]
    assert {one.params["CallbackSource"] for one in told} == {"call-progress-events"}
    assert told[-1].params["CallDuration"] == over["duration"]
    assert "SipResponseCode" in told[-1].params


@pytest.mark.parametrize(
    ("behaviour", "status"), [("busy", "busy"), ("no_answer", "no-answer"), ("unreachable", "failed")]
)
async def test_calls_that_nobody_takes(customer: Customer, behaviour: str, status: str) -> None:
    told = customer.app.answer("/status", "")
    call = await customer.ask(
        "calls.create",
        to=customer.about["handsets"][behaviour],
        from_=customer.numbers[0],
        twiml=twiml("<Hangup/>"),
        timeout=5,
        status_callback=told,
    )
    over = await customer.call_over(call["sid"])
    assert over["status"] in (status, "no-answer" if behaviour == "unreachable" else status)
    assert over["duration"] in (None, "0")
    (last,) = await customer.app.wait_for("/status", within_s=15)
    assert last.params["CallStatus"] == over["status"]
    assert "CallDuration" in last.params


async def test_a_live_call_is_redirected_and_hung_up(customer: Customer) -> None:
    handset = customer.free_handset()
    await customer.network("PUT", f"/subscribers/{handset}", {"on_call": "answer", "answer_after_s": 0.1})
    first = customer.app.answer("/first", twiml("<Pause length='60'/>"))
    second = customer.app.answer("/second", twiml("<Pause length='60'/>"))
    call = await customer.ask("calls.create", to=handset, from_=customer.numbers[1], url=first)
    await customer.app.wait_for("/first", within_s=20)
    changed = await customer.ask(f"calls({call['sid']}).update", url=second, method="GET")
    assert changed["status"] == "in-progress"
    (asked,) = await customer.app.wait_for("/second")
    assert asked.method == "GET"
    inline = await customer.ask(f"calls({call['sid']}).update", twiml=twiml("<Pause length='60'/>"))
    assert inline["status"] == "in-progress"
    ended = await customer.ask(f"calls({call['sid']}).update", status="completed")
    assert ended["sid"] == call["sid"]
    assert (await customer.call_over(call["sid"]))["status"] == "completed"
    with pytest.raises(Refused) as caught:
        await customer.ask(f"calls({call['sid']}).update", status="completed")
    assert caught.value.code == 21220
    await customer.delete(f"calls({call['sid']})")
    with pytest.raises(Refused) as caught:
        await customer.ask(f"calls({call['sid']}).fetch")
    assert caught.value.status == 404


async def test_lists_by_status_parties_and_day(customer: Customer) -> None:
    handset = customer.free_handset()
    await customer.network("PUT", f"/subscribers/{handset}", {"on_call": "busy"})
    call = await customer.ask(
        "calls.create", to=handset, from_=customer.numbers[2], twiml=twiml("<Hangup/>"), timeout=5
    )
    await customer.call_over(call["sid"])
    found = await customer.ask("calls.list", to=handset, status="busy")
    assert call["sid"] in [one["sid"] for one in found]
    assert await customer.ask("calls.list", to=handset, status="queued") == []
    assert call["sid"] in [one["sid"] for one in await customer.ask("calls.list", from_=customer.numbers[2])]
    hour, now = timedelta(hours=1), datetime.now(UTC)
    later = await customer.ask("calls.list", to=handset, start_time_after=customer.moment(now - hour))
    assert call["sid"] in [one["sid"] for one in later]
    assert await customer.ask("calls.list", to=handset, start_time_before=customer.moment(now - hour)) == []
    assert await customer.ask("calls.list", to=handset, start_time_after=customer.moment(now + hour)) == []


async def test_an_ivr_with_digits_and_a_recording(customer: Customer) -> None:
    """Gather with its prompts, Redirect, Play, Pause, Record with its callback; then the recording by the client."""
    handset, number = customer.free_handset(), customer.numbers[1]
    app = customer.app
    app.answer(
        "/ivr",
        twiml(
            '<Gather action="/menu" numDigits="2" timeout="8" finishOnKey="">'
            '<Say>Two keys</Say><Pause length="1"/></Gather>'
            "<Redirect>/nothing</Redirect>"
        ),
    )
    app.answer("/menu", twiml('<Redirect method="GET">/record?step=2</Redirect>'))
    recorded = app.answer("/recording-status", "")
    app.answer(
        "/record",
        twiml(
            f'<Record action="/recorded" maxLength="2" playBeep="false" trim="do-not-trim" '
            f'recordingStatusCallback="{recorded}" recordingStatusCallbackEvent="completed"/>'
        ),
    )
    app.answer("/recorded", twiml("<Hangup/>"))
    await customer.hooked(number, voice_url=app.url("/ivr"))
    await customer.dial_in(handset, number, press=[{"after_s": 1.0, "digits": "4#"}])
    (menu,) = await app.wait_for("/menu", within_s=25)
    assert menu.params["Digits"] == "4#"
    (asked,) = await app.wait_for("/record", within_s=10)
    assert (asked.method, asked.params["step"]) == ("GET", "2")
    (done,) = await app.wait_for("/recorded", within_s=20)
    assert done.params["RecordingDuration"] == "2"
    (told,) = await app.wait_for("/recording-status", within_s=30)
    assert (told.params["RecordingStatus"], told.params["RecordingSid"]) == ("completed", done.params["RecordingSid"])
    sid = done.params["RecordingSid"]
    recording = await customer.ask(f"recordings({sid}).fetch")
    assert (recording["status"], recording["source"], recording["duration"]) == ("completed", "RecordVerb", "2")
    mine = await customer.ask(f"calls({recording['call_sid']}).recordings.list")
    assert [one["sid"] for one in mine] == [sid]
    assert sid in [one["sid"] for one in await customer.ask("recordings.list", call_sid=recording["call_sid"])]
    await customer.delete(f"recordings({sid})")
    assert await customer.ask(f"calls({recording['call_sid']}).recordings.list") == []


async def test_a_dial_joins_a_second_handset(customer: Customer) -> None:
    """Dial with Number, whisper, status callbacks of the leg, and the action's parameters."""
    caller, callee, number = customer.free_handset(), customer.free_handset(), customer.numbers[0]
    app = customer.app
    await customer.network(
        "PUT", f"/subscribers/{callee}", {"on_call": "answer", "answer_after_s": 0.2, "hangup_after_s": 2}
    )
    leg = app.answer("/leg", "")
    app.answer("/whisper", twiml("<Say>a call for you</Say>"))
    app.answer(
        "/dial",
        twiml(
            f'<Dial action="/dialled" timeout="20" callerId="{number}"><Number url="/whisper" statusCallback="{leg}" '
            f'statusCallbackEvent="initiated ringing answered completed">{callee}</Number></Dial>'
        ),
    )
    app.answer("/dialled", twiml("<Hangup/>"))
    await customer.hooked(number, voice_url=app.url("/dial"))
    await customer.dial_in(caller, number)
    (dialled,) = await app.wait_for("/dialled", within_s=40)
    assert dialled.params["DialCallStatus"] == "completed"
    child = await customer.call_over(dialled.params["DialCallSid"])
    assert (child["direction"], child["parent_call_sid"], child["to"]) == (
        "outbound-dial",
        dialled.params["CallSid"],
        callee,
    )
    assert [one.params["CallSid"] for one in app.seen("/whisper")] == [child["sid"]]
    told = await app.wait_for("/leg", 4, within_s=15)
    assert [one.params["CallStatus"] for one in told] == ["initiated", "ringing", "in-progress", "completed"]
    children = await customer.ask("calls.list", parent_call_sid=dialled.params["CallSid"])
    assert [one["sid"] for one in children] == [child["sid"]]


async def test_a_call_is_rejected_as_busy(customer: Customer) -> None:
    handset, number = customer.free_handset(), customer.numbers[3]
    voice = customer.app.answer("/reject", twiml('<Reject reason="busy"/>'))
    await customer.hooked(number, voice_url=voice)
    await customer.dial_in(handset, number)
    (asked,) = await customer.app.wait_for("/reject", within_s=20)
    assert asked.params["CallStatus"] == "ringing"
    over = await customer.call_over(asked.params["CallSid"])
    assert over["status"] == "busy"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"to": ""}, 21201),
        ({"to": "hello"}, 21211),
        ({"from_": "+15005550006"}, 21210),
        ({"url": "ftp://app.example"}, 21205),
        ({"timeout": 601}, 21208),
        ({"method": "PUT"}, 21209),
        ({"send_digits": "12x"}, 21206),
        ({"status_callback_event": ["hungry"]}, 21626),
        ({"to": "112"}, 21216),
    ],
)
async def test_calls_that_are_refused(customer: Customer, change: dict[str, object], code: int) -> None:
    good = {
        "to": customer.about["handsets"]["answers"],
        "from_": customer.numbers[0],
        "url": customer.app.url("/voice"),
    }
    with pytest.raises(Refused) as caught:
        await customer.ask("calls.create", **{**good, **change})
    assert (caught.value.status, caught.value.code) == (400, code)
