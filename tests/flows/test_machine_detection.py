"""Who answered, through the whole lab: a handset that speaks, a modem's sound, the edge's ear, the application."""

from __future__ import annotations

import asyncio
import base64
import subprocess

from telecore.audio.resample import resample
from telecore.audio.tone import silence, tone
from telecore.audio.wav import read_wav, write_wav
from tests.fakes.customer_app import twiml
from tests.flows.conftest import World

GREETING = "You have reached the voicemail of Mary. I cannot take your call right now. Please leave a message."


def spoken(text: str) -> bytes:
    done = subprocess.run(["espeak-ng", "-v", "en-us", "--stdout", text], capture_output=True, check=True)
    wav = read_wav(done.stdout)
    return resample(wav.samples, wav.rate, 8000)


async def answers_with(world: World, handset: str, samples: bytes) -> None:
    wav = base64.b64encode(write_wav(samples)).decode()
    await world.network(
        "PUT",
        f"/subscribers/{handset}",
        {"on_call": "answer", "answer_after_s": 0.3, "press": [], "speak_wav": wav},
    )


async def test_a_voicemail_is_spoken_to_after_its_beep(world: World) -> None:
    handset = world.free_handset()
    await answers_with(world, handset, silence(600) + spoken(GREETING) + silence(700) + tone((1000,), 400))
    url = world.app.answer("/voice", twiml("<Say>Hello</Say><Hangup/>"))
    call = await asyncio.to_thread(
        world.client.calls.create,
        to=handset,
        from_=world.numbers[0],
        url=url,
        machine_detection="DetectMessageEnd",
    )
    (asked,) = await world.app.wait_for("/voice", 1, within_s=30)
    assert asked.params["AnsweredBy"] == "machine_end_beep"
    fetched = await asyncio.to_thread(world.client.calls(call.sid).fetch)
    assert fetched.answered_by == "machine_end_beep"


async def test_a_person_is_told_of_beside_the_document(world: World) -> None:
    handset = world.free_handset()
    await answers_with(world, handset, silence(400) + spoken("Hello?"))
    url = world.app.answer("/voice", twiml('<Pause length="8"/>'))
    amd = world.app.answer("/amd", "")
    call = await asyncio.to_thread(
        world.client.calls.create,
        to=handset,
        from_=world.numbers[1],
        url=url,
        machine_detection="Enable",
        async_amd="true",
        async_amd_status_callback=amd,
    )
    (asked,) = await world.app.wait_for("/voice", 1, within_s=20)
    assert "AnsweredBy" not in asked.params
    (told,) = await world.app.wait_for("/amd", 1, within_s=20)
    assert (told.params["CallSid"], told.params["AnsweredBy"]) == (call.sid, "human")
    assert 1200 <= int(told.params["MachineDetectionDuration"]) < 6000
    await asyncio.to_thread(world.client.calls(call.sid).update, status="completed")
