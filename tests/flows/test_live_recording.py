"""A live call recorded by the official client, through the whole lab: begun, paused, stopped, fetched as MP3."""

from __future__ import annotations

import asyncio

import aiohttp

from scripts.labkit.lab import basic_auth
from tests.fakes.customer_app import twiml
from tests.flows.conftest import World


async def test_begun_paused_stopped_and_heard(world: World) -> None:
    handset = world.free_handset()
    await world.network("PUT", f"/subscribers/{handset}", {"on_call": "answer", "answer_after_s": 0.3, "press": []})
    url = world.app.answer("/voice", twiml("<Say>The river is low today.</Say><Pause length='20'/>"))
    recorded = world.app.answer("/recorded", "")
    call = await asyncio.to_thread(world.client.calls.create, to=handset, from_=world.numbers[2], url=url)
    await world.app.wait_for("/voice", 1, within_s=20)
    recordings = world.client.calls(call.sid).recordings
    made = await asyncio.to_thread(recordings.create, recording_channels="dual", recording_status_callback=recorded)
    assert (made.status, made.source) == ("in-progress", "StartCallRecordingAPI")
    await asyncio.sleep(1.5)
    current = world.client.calls(call.sid).recordings("Twilio.CURRENT")
    for status in ("paused", "in-progress", "stopped"):
        changed = await asyncio.to_thread(current.update, status=status)
        assert changed.sid == made.sid
    (told,) = await world.app.wait_for("/recorded", 1, within_s=20)
    assert (told.params["RecordingStatus"], told.params["RecordingChannels"]) == ("completed", "2")
    auth = basic_auth(world.about["account_sid"], world.token)
    async with aiohttp.ClientSession() as http, http.get(f"{told.params['RecordingUrl']}.mp3", headers=auth) as answer:
        assert (answer.status, answer.content_type) == (200, "audio/mpeg")
        assert len(await answer.read()) > 1000
    await asyncio.to_thread(world.client.calls(call.sid).update, status="completed")
