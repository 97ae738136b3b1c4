"""A messaging service over the lab: a pool of SIMs, the sender that a handset knows, and STOP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException

from tests.fakes.customer_app import twiml
from tests.flows.conftest import World


async def a_service(world: World, *at: int, **fields: Any) -> Any:
    """With these of the lab's numbers."""
    world.client.messaging.base_url = world.about["base_url"]
    services = world.client.messaging.v1.services

    def make() -> Any:
        made = services.create(friendly_name="Clinic", **fields)
        for place in at:
            (number,) = world.client.incoming_phone_numbers.list(phone_number=world.numbers[place])
            services(made.sid).phone_numbers.create(phone_number_sid=number.sid)
        return made

    return await asyncio.to_thread(make)


async def test_a_pool_sends_and_stop_is_obeyed(world: World) -> None:
    handset, other = world.free_handset(), world.free_handset()
    sms, status = world.app.answer("/service", twiml("")), world.app.answer("/status", "")
    service = await a_service(world, 0, 1, inbound_request_url=sms, status_callback=status)
    create = world.client.messages.create
    try:
        made = await asyncio.to_thread(create, to=handset, messaging_service_sid=service.sid, body="“hello”")
        assert (made.status, made.from_, made.num_segments, made.body) == ("accepted", None, "0", '"hello"')
        done = await world.message_final(made.sid)
        assert (done.status, done.from_ in world.numbers[:2]) == ("delivered", True)
        await world.until(lambda: "delivered" in [r.params["MessageStatus"] for r in world.app.seen("/status")])
        states = [request.params["MessageStatus"] for request in world.app.seen("/status")]
        assert states == [s for s in ("accepted", "queued", "sending", "sent", "delivered") if s in states]
        assert {"accepted", "queued", "sent"} <= set(states)
        again = await asyncio.to_thread(create, to=handset, messaging_service_sid=service.sid, body="again")
        assert (await world.message_final(again.sid)).from_ == done.from_
        await world.network("POST", f"/subscribers/{handset}/messages", {"to": done.from_, "body": "Stop"})
        (request,) = await world.app.wait_for("/service", within_s=30)
        assert (request.params["OptOutType"], request.params["MessagingServiceSid"]) == ("STOP", service.sid)

        async def told() -> list[object]:
            return [m for m in await world.inbox(handset) if "no more messages" in m["body"]]

        assert len(await world.until(told)) == 1
        with pytest.raises(TwilioRestException) as caught:
            await asyncio.to_thread(create, to=handset, messaging_service_sid=service.sid, body="x")
        assert caught.value.code == 21610
        assert (await asyncio.to_thread(create, to=other, messaging_service_sid=service.sid, body="x")).sid
    finally:
        await asyncio.to_thread(world.client.messaging.v1.services(service.sid).delete)
