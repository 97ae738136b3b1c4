"""SMS between handsets and a Twilio application, both ways."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.customer_app import twiml
from tests.flows.conftest import World
from tests.flows.test_calls import assert_signed

SEVEN = "".join(f"{n:03d} the river rises, move to high ground, take water and food. " for n in range(30))[: 153 * 7]
TEXTS = {
    "one segment": ("Flood warning", 1),
    "seven segments": (SEVEN, 7),
    "Khmer": ("ទឹកជំនន់នឹងមកដល់ក្នុងពេលឆាប់ៗនេះ សូមផ្លាស់ទៅទីខ្ពស់", 1),
    "emoji": ("Water is rising 🌊🌊 go up 🏔️", 1),
}


@pytest.mark.parametrize("kind", TEXTS)
async def test_out(world: World, kind: str) -> None:
    body, segments = TEXTS[kind]
    handset = world.free_handset() if kind == "one segment" else world.about["handsets"]["free"][0]
    status = world.app.answer("/status", "")
    sent = await asyncio.to_thread(
        world.client.messages.create, to=handset, from_=world.numbers[0], body=body, status_callback=status
    )
    assert (sent.status, sent.num_segments) == ("queued", str(segments))
    done = await world.message_final(sent.sid)
    assert (done.status, done.error_code) == ("delivered", None)
    assert [m["body"] for m in await world.inbox(handset) if m["body"] == body] == [body]
    received = next(m for m in await world.inbox(handset) if m["body"] == body)
    assert (received["from"], received["parts"]) == (world.numbers[0], segments)
    await world.until(lambda: "delivered" in [r.params["MessageStatus"] for r in world.app.seen("/status")])
    states = [r.params["MessageStatus"] for r in world.app.seen("/status")]
    assert states == [s for s in ("queued", "sending", "sent", "delivered") if s in states]
    assert "sent" in states
    assert_signed(world, world.app.received)


@pytest.mark.parametrize("kind", TEXTS)
async def test_in_and_answered(world: World, kind: str) -> None:
    body, segments = TEXTS[kind]
    handset = world.about["handsets"]["free"][1]
    sms = world.app.answer(f"/sms-{segments}", twiml(f"<Message>Got it: {kind}</Message>"))
    await world.hook(world.numbers[1], sms_url=sms)
    await world.network("POST", f"/subscribers/{handset}/messages", {"to": world.numbers[1], "body": body})
    (request,) = await world.app.wait_for(f"/sms-{segments}", within_s=30)
    assert request.params["Body"] == body
    assert (request.params["From"], request.params["To"]) == (handset, world.numbers[1])
    assert request.params["NumSegments"] == str(segments)

    async def answered() -> list[object]:
        return [m for m in await world.inbox(handset) if m["body"] == f"Got it: {kind}"]

    assert len(await world.until(answered)) == 1
    assert_signed(world, world.app.received)
    row = await asyncio.to_thread(world.client.messages(request.params["MessageSid"]).fetch)
    assert (row.direction, row.status, row.body) == ("inbound", "received", body)


async def test_a_message_that_the_network_gives_up(world: World) -> None:
    sent = await asyncio.to_thread(
        world.client.messages.create,
        to=world.about["handsets"]["sms_fails"],
        from_=world.numbers[0],
        body="never arrives",
    )
    done = await world.message_final(sent.sid)
    assert done.status in ("undelivered", "failed")
    assert done.error_code is not None


async def test_from_one_sim_to_another_comes_back_in(world: World) -> None:
    sms = world.app.answer("/loop", twiml(""))
    await world.hook(world.numbers[2], sms_url=sms)
    await asyncio.to_thread(
        world.client.messages.create, to=world.numbers[2], from_=world.numbers[0], body="from SIM to SIM"
    )
    (request,) = await world.app.wait_for("/loop", within_s=30)
    assert (request.params["From"], request.params["Body"]) == (world.numbers[0], "from SIM to SIM")
