"""A conference of three handsets: who hears whom, as the application turns it about."""

from __future__ import annotations

import array
import asyncio
import cmath
import math
from typing import Any

from telecore.audio.tone import tone
from telecore.audio.wav import read_wav, write_wav
from tests.fakes.customer_app import twiml
from tests.flows.conftest import World

EVENTS = "start end join leave mute modify"
RATE = 8000


def share_of(samples: bytes, frequency: float) -> float:
    """How much of the energy of some sound is at this frequency, of 1; silence has none."""
    heard = array.array("h", samples)
    total = sum(value * value for value in heard)
    if total < 100 * len(heard):
        return 0.0
    wave = sum(value * cmath.exp(-2j * math.pi * frequency * n / RATE) for n, value in enumerate(heard))
    return 2 * abs(wave) ** 2 / (total * len(heard))


class Handset:
    """One handset's call into the conference, and what is heard there."""

    def __init__(self, world: World, call: dict[str, Any], frequency: float) -> None:
        self.world, self.id, self.frequency = world, call["id"], frequency

    async def speak(self, ms: int) -> None:
        spoken = write_wav(tone((self.frequency,), ms))
        url = f"{self.world.about['simulator_url']}/calls/{self.id}/speak"
        async with self.world._http.post(url, data=spoken, headers={"Content-Type": "audio/wav"}) as answer:
            assert answer.status < 400, await answer.text()

    async def heard(self) -> bytes:
        return read_wav(await self.world.heard(self.id)).samples


async def who_hears(handsets: list[Handset]) -> list[set[float]]:
    """All speak at once, each in a tone of its own; which tones each hears."""
    for handset in handsets:
        await handset.speak(3000)
    await asyncio.sleep(2.2)
    tails = [(await handset.heard())[-RATE:] for handset in handsets]  # half a second
    await asyncio.sleep(1.5)
    return [{other.frequency for other in handsets if share_of(tail, other.frequency) > 0.15} for tail in tails]


async def test_three_handsets_talk_are_muted_and_coached(world: World) -> None:
    events = world.app.answer("/events", "")
    room = (
        f'<Dial action="/left"><Conference record="record-from-start" statusCallback="{events}"'
        f' statusCallbackEvent="{EVENTS}" beep="false">Ward</Conference></Dial>'
    )
    voice = world.app.answer("/voice", twiml(room))
    world.app.answer("/left", twiml("<Hangup/>"))
    handsets = []
    for at, frequency in enumerate((600.0, 1000.0, 1500.0)):
        await world.hook(world.numbers[at], voice_url=voice)
        call = await world.network(
            "POST",
            f"/subscribers/{world.free_handset()}/calls",
            {"to": world.numbers[at], "press": [], "speak_wav": None},
        )
        await world.app.wait_for("/events", (1, 3, 4)[at], within_s=30)
        handsets.append(Handset(world, call, frequency))
        if at == 0:
            await asyncio.sleep(3.0)
            music = array.array("h", (await handsets[0].heard())[-2 * RATE :])
            assert math.sqrt(sum(value * value for value in music) / len(music)) > 200
    joined = [request.params for request in world.app.seen("/events")]
    assert [params["StatusCallbackEvent"] for params in joined] == [
        "participant-join", "participant-join", "conference-start", "participant-join",
    ]  # fmt: skip
    calls = [joined[at]["CallSid"] for at in (0, 1, 3)]
    (conference,) = await asyncio.to_thread(lambda: world.client.conferences.list(friendly_name="Ward"))
    assert conference.status == "in-progress"
    assert {p.call_sid for p in await asyncio.to_thread(conference.participants.list)} == set(calls)

    assert await who_hears(handsets) == [{1000.0, 1500.0}, {600.0, 1500.0}, {600.0, 1000.0}]

    them = world.client.conferences(conference.sid).participants
    await asyncio.to_thread(lambda: them(calls[1]).update(muted=True))
    assert await who_hears(handsets) == [{1500.0}, {600.0, 1500.0}, {600.0}]
    await asyncio.to_thread(lambda: them(calls[1]).update(muted=False, coaching=True, call_sid_to_coach=calls[2]))
    assert await who_hears(handsets) == [{1500.0}, {600.0, 1500.0}, {600.0, 1000.0}]

    await asyncio.to_thread(lambda: world.client.conferences(conference.sid).update(status="completed"))
    left = await world.app.wait_for("/left", 3, within_s=20)
    assert {request.params["DialCallStatus"] for request in left} == {"answered"}
    for call in calls:
        assert (await world.call_final(call)).status == "completed"
    names = [request.params["StatusCallbackEvent"] for request in await world.app.wait_for("/events", 11, within_s=20)]
    assert names[4:7] == ["participant-mute", "participant-unmute", "participant-modify"]
    assert names[-1] == "conference-end"
    recorded = await world.until(lambda: asyncio.to_thread(world.client.conferences(conference.sid).recordings.list))
    assert (recorded[0].source, recorded[0].conference_sid) == ("Conference", conference.sid)
    assert int(recorded[0].duration or 0) == 0 or int(recorded[0].duration) > 8
