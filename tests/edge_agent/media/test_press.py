import asyncio

import pytest

from edge_agent.media.leg import Leg
from edge_agent.media.press import press
from telecore.audio.dtmf import DtmfDetector
from telecore.errors import DeviceLost
from tests.fakes.line import SILENCE, FakeVoiceCall, settle, still_clock, tick


@pytest.fixture
def clock():
    return still_clock()


async def begin(clock, voice, digits):
    voice.pcm = voice.far
    leg = Leg(clock, voice)
    leg.start()
    pressing = asyncio.create_task(press(leg, voice, digits))
    await settle()
    return leg, pressing


async def test_the_line_presses_and_the_pauses_are_kept(clock):
    voice = FakeVoiceCall()
    leg, pressing = await begin(clock, voice, "1wW2")
    assert voice.digits == "1"
    await tick(clock, 74)
    assert voice.digits == "1"
    await tick(clock, 1)
    assert pressing.done()
    assert voice.digits == "12"
    assert voice.far.sent == [SILENCE] * 75
    leg.close()


async def test_a_line_that_cannot_gets_the_tones(clock):
    voice = FakeVoiceCall(presses_digits=False)
    leg, pressing = await begin(clock, voice, "12w3#A")
    await tick(clock, 75)
    assert pressing.done()
    assert DtmfDetector().feed(voice.far.heard) == "123#A"
    leg.close()


async def test_a_modem_that_does_not_answer_is_not_asked_twice(clock, monkeypatch):
    monkeypatch.setattr("edge_agent.media.press._KEY_S", 0.005)
    voice = FakeVoiceCall()
    asked = []

    async def stuck(digits):
        asked.append(digits)
        await asyncio.Event().wait()

    voice.send_digits = stuck
    leg, pressing = await begin(clock, voice, "1")
    await pressing
    assert asked == ["1"]
    leg.close()


async def test_a_lost_device_is_told_of(clock):
    voice = FakeVoiceCall()

    async def lost(digits):
        raise DeviceLost("unplugged")

    voice.send_digits = lost
    leg, pressing = await begin(clock, voice, "1")
    with pytest.raises(DeviceLost):
        await pressing
    leg.close()
