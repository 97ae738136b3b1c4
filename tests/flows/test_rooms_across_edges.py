"""A conference and a queue whose parties are at two sites, each with one SIM: their sound goes over both tunnels."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from tests.fakes.customer_app import CustomerApp, twiml
from tests.flows.conftest import LabProcess, World
from tests.flows.test_conferences import Handset, who_hears


async def test_two_sites_meet(tmp_path: Path) -> None:
    lab = LabProcess(tmp_path, "--speed", "5", "--modems", "2", "--edges", "2")
    try:
        async with aiohttp.ClientSession() as http, CustomerApp() as app:
            world = World(lab, http, app)
            await _conference(world)
            await _queue(world)
    finally:
        status, _, rest = lab.stop()
    assert (status, rest) == (0, "")


async def _calls(world: World, *answers: str) -> list[Handset]:
    """One handset calls each number, which answers so, one after the other."""
    handsets = []
    for at, (answer, frequency) in enumerate(zip(answers, (600.0, 1000.0), strict=True)):
        url = world.app.answer(f"/voice{at}", twiml(answer))
        await world.hook(world.numbers[at], voice_url=url)
        call = await world.network(
            "POST",
            f"/subscribers/{world.free_handset()}/calls",
            {"to": world.numbers[at], "press": [], "speak_wav": None},
        )
        handsets.append(Handset(world, call, frequency))
        await world.app.wait_for(f"/voice{at}", within_s=30)
        await asyncio.sleep(2.0)
    return handsets


async def _hang_up(world: World, handset: Handset) -> None:
    async with world._http.post(f"{world.about['simulator_url']}/calls/{handset.id}/hangup") as answer:
        assert answer.status < 400


async def _conference(world: World) -> None:
    world.app.answer("/left", twiml("<Hangup/>"))
    room = '<Dial action="/left"><Conference beep="false" endConferenceOnExit="true">Sites</Conference></Dial>'
    handsets = await _calls(world, room, room)
    assert await who_hears(handsets) == [{1000.0}, {600.0}]
    await _hang_up(world, handsets[0])
    left = await world.app.wait_for("/left", 2, within_s=20)
    assert {request.params["DialCallStatus"] for request in left} == {"answered"}
    (ended,) = await asyncio.to_thread(world.client.conferences.list)
    assert ended.reason_conference_ended == "participant-with-end-conference-on-exit-left"
    for request in left:
        await world.call_final(request.params["CallSid"])


async def _queue(world: World) -> None:
    world.app.received.clear()
    world.app.answer("/left", twiml("<Hangup/>"))
    world.app.answer("/taken", twiml("<Hangup/>"))
    handsets = await _calls(
        world, '<Enqueue action="/left">Nurses</Enqueue>', '<Dial action="/taken"><Queue>Nurses</Queue></Dial>'
    )
    assert await who_hears(handsets) == [{1000.0}, {600.0}]
    await _hang_up(world, handsets[1])
    (left,) = await world.app.wait_for("/left", within_s=20)
    assert left.params["QueueResult"] == "bridged"
    (taken,) = await world.app.wait_for("/taken", within_s=20)
    assert (taken.params["DialCallStatus"], taken.params["DialCallSid"]) == ("completed", left.params["CallSid"])
    for request in (left, taken):
        await world.call_final(request.params["CallSid"])
