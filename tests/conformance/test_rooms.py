"""Conferences with their participants, and queues with their members."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conformance.conftest import Customer
from tests.conformance.official import Refused
from tests.fakes.customer_app import twiml


async def test_a_conference_of_two_and_what_is_done_to_its_participants(customer: Customer) -> None:
    """One calls in, one is called; muted, held, announced to, and the last of them ends it."""
    caller, callee, number = customer.free_handset(), customer.free_handset(), customer.numbers[0]
    other = customer.numbers[2]  # at the same site
    room, app = f"Room of {customer.official.name}", customer.app
    await customer.network("PUT", f"/subscribers/{callee}", {"on_call": "answer", "answer_after_s": 0.1})
    events = app.answer("/events", "")
    app.answer("/hold", twiml("<Pause length='30'/>"))
    app.answer("/announce", twiml("<Say>one moment</Say>"))
    app.answer(
        "/join",
        twiml(
            f'<Dial><Conference waitUrl="" beep="false" statusCallback="{events}" '
            f'statusCallbackEvent="start end join leave mute hold">{room}</Conference></Dial>'
        ),
    )
    await customer.hooked(number, voice_url=app.url("/join"))
    await customer.dial_in(caller, number)
    await app.wait_for("/events", within_s=20)
    (conference,) = await customer.ask("conferences.list", friendly_name=room, status="in-progress") or (
        await customer.ask("conferences.list", friendly_name=room)
    )
    sid = conference["sid"]
    made = await customer.ask(
        f"conferences({sid}).participants.create", to=callee, from_=other, label="ward", end_conference_on_exit=True
    )
    assert (made["conference_sid"], made["label"]) == (sid, "ward")

    async def both() -> list[dict[str, Any]] | None:
        found = await customer.ask(f"conferences({sid}).participants.list")
        return found if [one["status"] for one in found] == ["connected"] * 2 else None

    await customer.until(both)
    running = await customer.ask(f"conferences({sid}).fetch")
    assert running["status"] == "in-progress"
    place = f"conferences({sid}).participants({made['call_sid']})"
    assert (await customer.ask(f"{place}.update", muted=True))["muted"] is True
    assert [one["call_sid"] for one in await customer.ask(f"conferences({sid}).participants.list", muted=True)] == [
        made["call_sid"]
    ]
    held = await customer.ask(f"{place}.update", hold=True, hold_url=app.url("/hold"))
    assert held["hold"] is True
    await app.wait_for("/hold", within_s=15)
    assert (await customer.ask(f"{place}.update", hold=False, muted=False))["hold"] is False
    await customer.ask(f"{place}.update", announce_url=app.url("/announce"))
    await app.wait_for("/announce", within_s=15)
    assert (await customer.ask(f"conferences({sid}).participants(ward).fetch"))["call_sid"] == made["call_sid"]
    with pytest.raises(Refused) as caught:
        await customer.ask(f"conferences({sid}).participants(CA{'0' * 32}).fetch")
    assert caught.value.status == 404
    await customer.delete(f"conferences({sid}).participants({made['call_sid']})")

    async def over() -> dict[str, Any] | None:
        found = await customer.ask(f"conferences({sid}).fetch")
        return found if found["status"] == "completed" else None

    await customer.until(over)
    await customer.until(lambda: "conference-end" in [one.params["StatusCallbackEvent"] for one in app.seen("/events")])
    told = [one.params["StatusCallbackEvent"] for one in app.seen("/events")]
    assert {"conference-start", "participant-join", "participant-mute", "participant-hold", "participant-leave"} <= set(
        told
    )
    numbers = [int(one.params["SequenceNumber"]) for one in app.seen("/events")]
    assert numbers == sorted(set(numbers))


async def test_a_queue_its_members_and_who_takes_them_out(customer: Customer) -> None:
    """Enqueue with its wait page, Leave, a member by the client, and what the action is told."""
    caller, number, app = customer.free_handset(), customer.numbers[1], customer.app
    name = f"Support of {customer.official.name}"
    queue = await customer.ask("queues.create", friendly_name=name, max_size=5)
    assert (queue["max_size"], queue["current_size"]) == (5, 0)
    with pytest.raises(Refused) as caught:
        await customer.ask("queues.create", friendly_name=name)
    assert caught.value.status in (400, 409)
    sid = queue["sid"]
    renamed = await customer.ask(f"queues({sid}).update", max_size=7)
    assert renamed["max_size"] == 7
    assert sid in [one["sid"] for one in await customer.ask("queues.list")]
    app.answer("/enqueue", twiml(f'<Enqueue waitUrl="/wait" action="/left">{name}</Enqueue>'))
    app.answer("/wait", twiml("<Pause length='30'/>"))
    app.answer("/left", twiml("<Hangup/>"))
    app.answer("/taken", twiml("<Hangup/>"))
    await customer.hooked(number, voice_url=app.url("/enqueue"))
    await customer.dial_in(caller, number)
    (waiting,) = await app.wait_for("/wait", within_s=20)
    assert (waiting.params["QueueSid"], waiting.params["QueuePosition"]) == (sid, "1")
    (member,) = await customer.ask(f"queues({sid}).members.list")
    assert (member["call_sid"], member["position"]) == (waiting.params["CallSid"], 1)
    assert (await customer.ask(f"queues({sid}).members(Front).fetch"))["call_sid"] == member["call_sid"]
    assert (await customer.ask(f"queues({sid}).fetch"))["current_size"] == 1
    taken = await customer.ask(f"queues({sid}).members({member['call_sid']}).update", url=app.url("/taken"))
    assert taken["call_sid"] == member["call_sid"]
    await app.wait_for("/taken", within_s=15)
    await customer.call_over(member["call_sid"])
    assert await customer.ask(f"queues({sid}).members.list") == []
    await customer.delete(f"queues({sid})")
    with pytest.raises(Refused) as caught:
        await customer.ask(f"queues({sid}).fetch")
    assert caught.value.status == 404


async def test_leave_tells_the_action(customer: Customer) -> None:
    caller, number, app = customer.free_handset(), customer.numbers[1], customer.app
    app.answer("/enqueue", twiml(f'<Enqueue waitUrl="/wait" action="/left">L {customer.official.name}</Enqueue>'))
    app.answer("/wait", twiml("<Pause length='1'/><Leave/>"))
    app.answer("/left", twiml("<Hangup/>"))
    await customer.hooked(number, voice_url=app.url("/enqueue"))
    await customer.dial_in(caller, number)
    (left,) = await app.wait_for("/left", within_s=25)
    assert left.params["QueueResult"] == "leave"
    assert int(left.params["QueueTime"]) >= 0
    await customer.call_over(left.params["CallSid"])


async def test_a_conference_is_recorded_and_ended_by_the_client(customer: Customer) -> None:
    caller, callee, number = customer.free_handset(), customer.free_handset(), customer.numbers[0]
    room, app = f"Recorded by {customer.official.name}", customer.app
    await customer.network("PUT", f"/subscribers/{callee}", {"on_call": "answer", "answer_after_s": 0.1})
    events = app.answer("/events", "")
    app.answer(
        "/join",
        twiml(
            f'<Dial><Conference waitUrl="" beep="false" record="record-from-start" statusCallback="{events}" '
            f'statusCallbackEvent="start end join">{room}</Conference></Dial>'
        ),
    )
    await customer.hooked(number, voice_url=app.url("/join"))
    await customer.dial_in(caller, number)
    (first,) = await app.wait_for("/events", within_s=20)
    place = f"conferences({first.params['ConferenceSid']})"
    await customer.ask(f"{place}.participants.create", to=callee, from_=customer.numbers[2])
    await customer.until(
        lambda: "conference-start" in [one.params["StatusCallbackEvent"] for one in app.seen("/events")]
    )
    await asyncio.sleep(2)
    ended = await customer.ask(f"{place}.update", status="completed")
    assert ended["friendly_name"] == room

    async def recorded() -> dict[str, Any] | None:
        found = await customer.ask(f"{place}.recordings.list")
        return found[0] if found and found[0]["status"] == "completed" else None

    one = await customer.until(recorded)
    assert (one["source"], "conferences(" + one["conference_sid"] + ")") == ("Conference", place)
    assert (await customer.ask(f"{place}.recordings({one['sid']}).fetch"))["duration"] == one["duration"]
    await customer.delete(f"{place}.recordings({one['sid']})")
    assert await customer.ask(f"{place}.recordings.list") == []
    assert (await customer.ask(f"{place}.fetch"))["status"] == "completed"
