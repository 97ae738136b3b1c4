"""A caller waits in a queue until somebody takes him out of it."""

from __future__ import annotations

import asyncio

from tests.fakes.customer_app import twiml
from tests.flows.conftest import World
from tests.flows.test_conferences import Handset, who_hears


async def test_a_caller_waits_and_is_taken_out(world: World) -> None:
    enqueue = '<Enqueue action="/left" waitUrl="/wait">Nurses</Enqueue>'
    waiting = world.app.answer("/enqueue", twiml(enqueue))
    world.app.answer("/wait", twiml("<Say>You are waiting.</Say><Pause length='30'/>"))
    world.app.answer("/left", twiml("<Hangup/>"))
    world.app.answer("/whisper", twiml("<Say>Now.</Say>"))
    taking = world.app.answer("/take", twiml('<Dial action="/taken"><Queue url="/whisper">Nurses</Queue></Dial>'))
    world.app.answer("/taken", twiml("<Hangup/>"))
    await world.hook(world.numbers[0], voice_url=waiting)
    await world.hook(world.numbers[1], voice_url=taking)
    handsets = []
    for at, frequency in enumerate((600.0, 1000.0)):
        call = await world.network(
            "POST",
            f"/subscribers/{world.free_handset()}/calls",
            {"to": world.numbers[at], "press": [], "speak_wav": None},
        )
        handsets.append(Handset(world, call, frequency))
        if at == 0:
            (told,) = await world.app.wait_for("/wait", within_s=30)
            assert (told.params["QueuePosition"], told.params["CurrentQueueSize"]) == ("1", "1")
            (queue,) = await asyncio.to_thread(world.client.queues.list)
            front = await asyncio.to_thread(world.client.queues(queue.sid).members("Front").fetch)
            assert (queue.friendly_name, front.call_sid) == ("Nurses", told.params["CallSid"])
    (whispered,) = await world.app.wait_for("/whisper", within_s=30)
    assert whispered.params["CallSid"] == told.params["CallSid"]
    await asyncio.sleep(3.0)  # the whisper's one word

    assert await who_hears(handsets) == [{1000.0}, {600.0}]
    assert (await asyncio.to_thread(world.client.queues(queue.sid).fetch)).current_size == 0
    async with world._http.post(f"{world.about['simulator_url']}/calls/{handsets[1].id}/hangup") as answer:
        assert answer.status < 400
    (left,) = await world.app.wait_for("/left", within_s=20)
    assert (left.params["QueueResult"], left.params["QueueSid"]) == ("bridged", queue.sid)
    (taken,) = await world.app.wait_for("/taken", within_s=20)
    assert (taken.params["DialCallStatus"], taken.params["DialCallSid"]) == ("completed", told.params["CallSid"])
    assert int(taken.params["DialCallDuration"]) >= 3
    await world.call_final(told.params["CallSid"])


async def test_who_hangs_up_in_the_queue_is_told_so(world: World) -> None:
    waiting = world.app.answer("/enqueue", twiml('<Enqueue action="/left">Doctors</Enqueue>'))
    world.app.answer("/left", twiml("<Hangup/>"))
    await world.hook(world.numbers[2], voice_url=waiting)
    dialled = await world.network(
        "POST",
        f"/subscribers/{world.free_handset()}/calls",
        {"to": world.numbers[2], "press": [], "speak_wav": None},
    )

    async def queued() -> bool:
        rows = await asyncio.to_thread(world.client.queues.list)
        return any(row.friendly_name == "Doctors" and row.current_size == 1 for row in rows)

    await world.until(queued)
    async with world._http.post(f"{world.about['simulator_url']}/calls/{dialled['id']}/hangup") as answer:
        assert answer.status < 400
    (left,) = await world.app.wait_for("/left", within_s=20)
    assert (left.params["QueueResult"], left.params["CallStatus"]) == ("hangup", "completed")
