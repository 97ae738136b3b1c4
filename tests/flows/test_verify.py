"""Verify over the lab: a code by SMS, and one by call, which is spoken once a key is pressed."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from tests.flows.conftest import World


async def a_service(world: World, **fields: Any) -> Any:
    world.client.verify.base_url = world.about["base_url"]
    return await asyncio.to_thread(world.client.verify.v2.services.create, friendly_name="Clinic", **fields)


async def test_by_sms(world: World) -> None:
    handset, service = world.free_handset(), await a_service(world)
    of = world.client.verify.v2.services(service.sid)
    sent = await asyncio.to_thread(of.verifications.create, to=handset, channel="sms", locale="en")
    assert sent.status == "pending"

    async def received() -> list[str]:
        return [m["body"] for m in await world.inbox(handset) if "Clinic verification code" in m["body"]]

    (body,) = await world.until(received)
    (code,) = re.findall(r"[0-9]{6}", body)
    shown = await asyncio.to_thread(world.client.messages.list, to=handset)
    assert [code in message.body for message in shown] == [False] * len(shown)
    assert "******" in shown[0].body
    wrong = await asyncio.to_thread(
        of.verification_checks.create, to=handset, code="000000" if code != "000000" else "1"
    )
    assert (wrong.status, wrong.valid) == ("pending", False)
    right = await asyncio.to_thread(of.verification_checks.create, to=handset, code=code)
    assert (right.status, right.valid) == ("approved", True)


async def test_by_call(world: World) -> None:
    handset, service = world.free_handset(), await a_service(world)
    of = world.client.verify.v2.services(service.sid)
    press = [{"after_s": 2.0, "digits": "5"}]
    await world.network("PUT", f"/subscribers/{handset}", {"on_call": "answer", "press": press})
    sent = await asyncio.to_thread(of.verifications.create, to=handset, channel="call", locale="en")
    (attempt,) = await asyncio.to_thread(world.client.verify.v2.verification_attempts.list, verification_sid=sent.sid)
    done = await world.call_final(attempt.channel_data["carrier_sid"], 90)
    assert done.status == "completed"
    assert int(done.duration) >= 15  # a question, then twice a sentence and six digits with pauses
