"""Sound by the tunnel looks like a line's."""

import asyncio

import pytest

from edge_agent.media.leg import Ear, Leg
from edge_agent.media.source import Samples
from edge_agent.media.tunnel_pcm import StreamNumbers, TunnelPcm
from telecore.audio.g711 import l16_to_ulaw, ulaw_to_l16
from telecore.audio.tone import tone
from telecore.errors import Busy
from tests.fakes.line import FakeVoiceCall, settle, still_clock, tick
from tests.fakes.media import FakeMedia


def test_numbers_are_not_used_twice_at_a_time_and_come_again_late():
    numbers = StreamNumbers()
    first = numbers.take()
    numbers.give_back(first)
    others = [numbers.take() for _ in range(0xFFFE)]
    assert first not in others
    assert numbers.take() == first
    with pytest.raises(Busy):
        numbers.take()
    assert 0 not in others


async def test_a_leg_stands_on_a_stream():
    media, clock = FakeMedia(), still_clock()
    voice = FakeVoiceCall()
    voice.pcm = pcm = TunnelPcm(media, 7)
    heard = []
    leg = Leg(clock, voice)
    leg.start()

    class Keeps(Ear):
        def hear(self, frame):
            heard.append(frame)

    leg.attach(Keeps())
    sound = tone((440,), 40)
    playing = asyncio.create_task(leg.play(Samples(sound)))
    await settle()
    await tick(clock, 3)
    await playing
    assert media.sent[7] == [l16_to_ulaw(sound[:320]), l16_to_ulaw(sound[320:640]), b"\xff" * 160]
    said = l16_to_ulaw(tone((880,), 20))
    media.say(7, said, b"\xff" * 80)
    assert heard == [ulaw_to_l16(said)]  # what is no frame of 20 ms is passed over
    pcm.close()
    assert not media.handlers
    leg.close()
