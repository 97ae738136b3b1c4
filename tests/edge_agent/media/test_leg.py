import asyncio
import random
import struct

import pytest

from edge_agent.media.leg import Ear, Leg
from edge_agent.media.source import Pause, Samples
from telecore.audio.frames import FRAME_BYTES
from telecore.audio.tone import dtmf_tone
from tests.fakes.line import SILENCE, FakeVoiceCall, settle, still_clock, tick


def noise(frames, seed=1):
    """Sound in which every frame differs from every other: a gap or a repetition shows."""
    chance = random.Random(seed)
    count = frames * FRAME_BYTES // 2
    return struct.pack(f"<{count}h", *(chance.randrange(-9000, 9000) for _ in range(count)))


@pytest.fixture
def clock():
    return still_clock()


@pytest.fixture
def voice():
    voice = FakeVoiceCall()
    voice.pcm = voice.far
    return voice


@pytest.fixture
def leg(clock, voice):
    leg = Leg(clock, voice)
    leg.start()
    yield leg
    leg.close()
    assert clock.registered == 0


class Listener(Ear):
    wants_keys = True

    def __init__(self):
        self.keys = ""
        self.heard = b""

    def hear(self, frame):
        self.heard += frame

    def press(self, key):
        self.keys += key


async def test_a_frame_each_tick_and_silence_when_there_is_nothing(clock, voice, leg):
    await tick(clock, 3)
    assert voice.far.sent == [SILENCE] * 3


async def test_a_clip_arrives_as_it_is_and_the_next_begins_on_the_very_next_tick(clock, voice, leg):
    first, second = noise(50, 1), noise(30, 2)

    async def play():
        await leg.play(Samples(first))
        await leg.play(Samples(second))

    playing = asyncio.create_task(play())
    await settle()
    await tick(clock, 80)
    assert playing.done()
    assert voice.far.heard == first + second


async def test_twenty_seconds_of_tone_without_a_gap_or_a_repeated_frame(clock, voice, leg):
    long = noise(1000, 3)
    playing = asyncio.create_task(leg.play(Samples(long)))
    await settle()
    await tick(clock, 1001)
    assert playing.done()
    assert voice.far.heard == long + SILENCE


async def test_loops_follow_each_other_and_zero_is_for_ever(clock, voice, leg):
    clip = noise(7)
    playing = asyncio.create_task(leg.play(Samples(clip, 3)))
    await settle()
    await tick(clock, 21)
    assert playing.done()
    assert voice.far.heard == clip * 3
    for_ever = asyncio.create_task(leg.play(Samples(clip, 0)))
    await settle()
    await tick(clock, 70)
    assert not for_ever.done()
    assert voice.far.heard == clip * 13
    for_ever.cancel()
    await settle()


async def test_the_last_frame_is_filled_up(clock, voice, leg):
    clip = noise(1)[:100]
    playing = asyncio.create_task(leg.play(Samples(clip)))
    await settle()
    await tick(clock)
    assert playing.done()
    assert voice.far.heard == clip.ljust(FRAME_BYTES, b"\0")


async def test_an_empty_clip_takes_no_time(leg):
    await leg.play(Samples(b"", 0))


async def test_a_pause_lasts_as_long_as_it_says(clock, leg):
    pause = asyncio.create_task(leg.play(Pause(50)))
    await settle()
    await tick(clock, 49)
    assert not pause.done()
    await tick(clock)
    assert pause.done()


async def test_cancelled_a_clip_stops_at_the_next_tick(clock, voice, leg):
    clip = noise(50)
    playing = asyncio.create_task(leg.play(Samples(clip)))
    await settle()
    await tick(clock, 10)
    playing.cancel()
    await settle()
    await tick(clock, 2)
    assert voice.far.heard == clip[: 10 * FRAME_BYTES] + SILENCE * 2
    assert playing.cancelled()


async def test_what_is_played_goes_before_the_background(clock, voice, leg):
    leg.background = Samples(noise(4, 5), 0)
    clip = noise(2)
    playing = asyncio.create_task(leg.play(Samples(clip)))
    await settle()
    await tick(clock, 4)
    assert playing.done()
    assert voice.far.heard == clip + noise(4, 5)[: 2 * FRAME_BYTES]


async def test_who_is_attached_hears_and_who_left_does_not(clock, voice, leg):
    listener = Listener()
    speech = noise(6)
    voice.far.say(speech)
    with leg.attached(listener):
        await tick(clock, 4)
    await tick(clock, 2)
    assert listener.heard == speech[: 4 * FRAME_BYTES]


async def test_keys_are_found_in_the_sound_and_in_the_modems_reports_once_each(clock, voice, leg):
    listener = Listener()
    with leg.attached(listener):
        for key in "1159#":
            voice.far.say(dtmf_tone(key))
            await tick(clock, 5)
            leg.press(key)
            await tick(clock, 6)
    assert listener.keys == "1159#"


async def test_a_report_of_the_modem_counts_before_the_sound_does(clock, voice, leg):
    listener = Listener()
    with leg.attached(listener):
        for key in "44":
            leg.press(key)
            voice.far.say(dtmf_tone(key))
            await tick(clock, 11)
    assert listener.keys == "44"


async def test_a_modem_that_detects_keys_is_believed_and_the_sound_not_searched(clock, leg, voice):
    voice.detects_dtmf = True
    listener = Listener()
    with leg.attached(listener):
        voice.far.say(dtmf_tone("7"))
        await tick(clock, 11)
        assert listener.keys == ""
        leg.press("7")
    assert listener.keys == "7"


async def test_a_key_held_from_one_listener_to_the_next_counts_once(clock, leg, voice):
    first, second = Listener(), Listener()
    voice.far.say(dtmf_tone("5", on_ms=600))
    with leg.attached(first):
        await tick(clock, 8)
    await tick(clock, 3)
    with leg.attached(second):
        await tick(clock, 40)
    assert (first.keys, second.keys) == ("5", "")


async def test_a_line_without_sound_takes_the_same_time(clock):
    voice = FakeVoiceCall()
    leg = Leg(clock, voice)
    leg.start()
    playing = asyncio.create_task(leg.play(Samples(noise(3))))
    await settle()
    await tick(clock, 3)
    assert playing.done()
    voice.pcm = voice.far
    await tick(clock)
    assert voice.far.sent == [SILENCE]
    leg.close()


async def test_closed_it_sends_nothing_and_nobody_hears(clock, voice, leg):
    listener = Listener()
    leg.attach(listener)
    leg.close()
    await tick(clock, 2)
    voice.far.on_frame(noise(1))
    assert voice.far.sent == []
    assert listener.heard == b""


async def test_the_end_of_a_call_does_not_deafen_the_next_one_on_the_same_stream(clock, voice, leg):
    following = FakeVoiceCall()
    following.pcm = voice.far
    next_leg = Leg(clock, following)
    next_leg.start()
    leg.close()
    listener = Listener()
    with next_leg.attached(listener):
        voice.far.say(noise(2))
        await tick(clock, 2)
    assert listener.heard == noise(2)
    next_leg.close()
