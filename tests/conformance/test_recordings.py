"""Recordings of a live call, begun and stopped by a client; their sound in each form, and only for who may have it."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.labkit.lab import basic_auth
from telecore.audio.wav import read_wav
from tests.conformance.conftest import Customer
from tests.conformance.official import Refused
from tests.fakes.customer_app import twiml


async def test_a_live_call_is_recorded_paused_and_stopped(customer: Customer) -> None:
    handset, app = customer.free_handset(), customer.app
    await customer.network("PUT", f"/subscribers/{handset}", {"on_call": "answer", "answer_after_s": 0.1})
    app.answer("/talk", twiml("<Say loop='0'>The river is low, and the road is open</Say>"))
    told = app.answer("/recording", "")
    call = await customer.ask("calls.create", to=handset, from_=customer.numbers[0], url=app.url("/talk"))
    await app.wait_for("/talk", within_s=20)
    place = f"calls({call['sid']}).recordings"
    made = await customer.ask(
        f"{place}.create",
        recording_channels="dual",
        recording_status_callback=told,
        recording_status_callback_event=["in-progress", "completed"],
    )
    assert (made["status"], made["source"], made["channels"]) == ("in-progress", "StartCallRecordingAPI", 2)
    await app.wait_for("/recording", within_s=15)
    assert (await customer.ask(f"{place}({made['sid']}).update", status="paused"))["status"] == "paused"
    assert (await customer.ask(f"{place}({made['sid']}).update", status="in-progress"))["status"] == "in-progress"
    stopped = await customer.ask(f"{place}({made['sid']}).update", status="stopped")
    assert stopped["sid"] == made["sid"]
    await customer.ask(f"calls({call['sid']}).update", status="completed")
    await customer.call_over(call["sid"])

    async def ready() -> dict[str, Any] | None:
        found: dict[str, Any] = await customer.ask(f"recordings({made['sid']}).fetch")
        return found if found["status"] == "completed" else None

    done = await customer.until(ready)
    assert (done["call_sid"], done["channels"]) == (call["sid"], 2)
    await app.wait_for("/recording", 2, within_s=15)
    assert [one.params["RecordingStatus"] for one in app.seen("/recording")] == ["in-progress", "completed"]
    for ending, kind, begins in (
        (".wav", "audio/x-wav", b"RIFF"),
        (".mp3", "audio/mpeg", b""),
        ("", "audio/x-wav", b"RIFF"),
    ):
        url = app.seen("/recording")[-1].params["RecordingUrl"] + ending
        auth = basic_auth(customer.about["account_sid"], customer.token)
        async with customer._http.get(url, headers=auth) as answer:
            sound = await answer.read()
            assert (answer.status, answer.content_type) == (200, kind)
            assert sound.startswith(begins)
            assert len(sound) > 500
        async with customer._http.get(url) as nobody:
            assert nobody.status == 401
    assert [one["sid"] for one in await customer.ask(f"{place}.list")] == [made["sid"]]
    assert (await customer.ask(f"{place}({made['sid']}).fetch"))["duration"] == done["duration"]
    await customer.delete(f"{place}({made['sid']})")
    with pytest.raises(Refused) as caught:
        await customer.ask(f"recordings({made['sid']}).fetch")
    assert caught.value.status == 404


async def test_a_caller_id_is_validated_by_a_call(customer: Customer) -> None:
    """The code that the client is given is what the one who is called has to key in."""
    handset = customer.free_handset()
    status = customer.app.answer("/validated", "")
    await customer.network("PUT", f"/subscribers/{handset}", {"on_call": "answer", "answer_after_s": 1.0})
    asked = await customer.ask(
        "validation_requests.create", phone_number=handset, friendly_name="Mine", status_callback=status
    )
    assert asked["phone_number"] == handset
    assert len(asked["validation_code"]) == 6

    async def announced() -> str | None:
        """The call in which the handset hears the announcement; before it nobody listens to keys."""
        there = await customer.call_of(handset)
        if there["state"] != "answered":
            return None
        return str(there["id"]) if max(read_wav(await customer.heard(there["id"])).samples, default=0) > 0 else None

    call = await customer.until(announced)
    await customer.network("POST", f"/calls/{call}/digits", {"digits": asked["validation_code"]})
    (told,) = await customer.app.wait_for("/validated", within_s=40)
    assert told.params["VerificationStatus"] == "success"
    (one,) = await customer.ask("outgoing_caller_ids.list", phone_number=handset)
    assert one["friendly_name"] == "Mine"
    renamed = await customer.ask(f"outgoing_caller_ids({one['sid']}).update", friendly_name="Ward")
    assert renamed["friendly_name"] == "Ward"
    assert (await customer.ask(f"outgoing_caller_ids({one['sid']}).fetch"))["phone_number"] == handset
    await customer.delete(f"outgoing_caller_ids({one['sid']})")
    assert await customer.ask("outgoing_caller_ids.list", phone_number=handset) == []
