import asyncio
import random
import struct

import pytest

from edge_agent.media.jitter import MAX_FRAMES, JitterBuffer
from edge_agent.media.leg import Leg
from edge_agent.media.mixer import Mixer
from edge_agent.media.source import Samples
from telecore.audio.frames import FRAME_BYTES
from telecore.audio.mixing import mix
from tests.fakes.line import SILENCE, FakeVoiceCall, settle, still_clock, tick


def noise(frames, seed):
    chance = random.Random(seed)
    count = frames * FRAME_BYTES // 2
    return struct.pack(f"<{count}h", *(chance.randrange(-9000, 9000) for _ in range(count)))


@pytest.fixture
def clock():
    return still_clock()


@pytest.fixture
def party(clock):
    legs = []

    def make():
        voice = FakeVoiceCall()
        voice.pcm = voice.far
        leg = Leg(clock, voice)
        leg.start()
        legs.append(leg)
        return leg, voice.far

    yield make
    for leg in legs:
        leg.close()
    assert clock.registered == 0


async def test_each_hears_the_other_a_tick_later_without_a_gap(clock, party):
    (one, far_one), (two, far_two) = party(), party()
    with Mixer(clock) as mixer:
        mixer.join(one)
        mixer.join(two)
        far_one.say(noise(100, 1))
        far_two.say(noise(100, 2))
        await tick(clock, 101)
    assert far_one.heard == SILENCE + noise(100, 2)
    assert far_two.heard == SILENCE + noise(100, 1)


async def test_of_three_each_hears_the_sum_of_the_others(clock, party):
    parties = [party() for _ in range(3)]
    frames = [noise(1, seed) for seed in range(3)]
    with Mixer(clock) as mixer:
        for (leg, far), frame in zip(parties, frames, strict=True):
            mixer.join(leg)
            far.say(frame)
        await tick(clock, 2)
    assert parties[0][1].sent[1] == mix(frames[1:])
    assert parties[1][1].sent[1] == mix([frames[0], frames[2]])
    assert parties[2][1].sent[1] == mix(frames[:2])


async def test_after_it_both_hear_silence_again(clock, party):
    (one, far_one), (two, far_two) = party(), party()
    with Mixer(clock) as mixer:
        mixer.join(one)
        mixer.join(two)
        far_two.say(noise(20, 2))
        await tick(clock, 5)
    await tick(clock, 2)
    assert far_one.sent[-2:] == [SILENCE] * 2
    assert one.background is None
    assert one._ears == ()


async def test_one_leaves_and_the_other_hears_silence(clock, party):
    (one, far_one), (two, far_two) = party(), party()
    with Mixer(clock) as mixer:
        mixer.join(one)
        mixer.join(two)
        far_two.say(noise(20, 2))
        await tick(clock, 3)
        mixer.leave(two)
        await tick(clock, 2)
    assert far_one.sent[-1] == SILENCE


async def test_a_prompt_to_one_goes_before_what_the_other_says(clock, party):
    (one, far_one), (two, far_two) = party(), party()
    with Mixer(clock) as mixer:
        mixer.join(one)
        mixer.join(two)
        far_two.say(noise(20, 2))
        prompt = asyncio.create_task(one.play(Samples(noise(3, 7))))
        await settle()
        await tick(clock, 5)
        assert prompt.done()
    assert far_one.heard[: 3 * FRAME_BYTES] == noise(3, 7)
    assert far_one.sent[3] == noise(20, 2)[2 * FRAME_BYTES : 3 * FRAME_BYTES]


def numbered(number):
    return struct.pack("<160h", *[number] * 160)


def test_frames_in_bursts_come_out_evenly():
    buffer = JitterBuffer()
    out = []
    for n in range(0, 40, 2):
        buffer.push(numbered(n + 1))
        buffer.push(numbered(n + 2))
        out += [buffer.pull(), buffer.pull()]
    assert out == [numbered(n + 1) for n in range(40)]


def test_a_late_frame_costs_one_frame_of_silence_and_nothing_is_lost():
    buffer = JitterBuffer()
    buffer.push(numbered(1))
    out = [buffer.pull(), buffer.pull()]
    buffer.push(numbered(2))
    buffer.push(numbered(3))
    out += [buffer.pull(), buffer.pull()]
    assert out == [numbered(1), SILENCE, numbered(2), numbered(3)]


def test_a_sender_that_is_too_fast_cannot_build_up_delay():
    buffer = JitterBuffer()
    for n in range(1, 101):
        buffer.push(numbered(n))
    assert buffer.pull() == numbered(100 - MAX_FRAMES + 1)


def spoken(n):
    """Two seconds of speech, two of silence."""
    return numbered(n) if n % 200 < 100 else SILENCE


def test_delay_that_is_not_needed_any_more_goes_away_in_silence():
    buffer = JitterBuffer()
    for _ in range(4):
        buffer.push(SILENCE)
    out = []
    for n in range(1, 3000):
        buffer.push(spoken(n))
        out.append(buffer.pull())
    assert [numbered(n) for n in range(1, 3000) if n % 200 < 100] == [frame for frame in out if frame != SILENCE]
    assert out.index(numbered(2801)) == 2802  # two frames are kept for the next late one


@pytest.mark.parametrize("ppm", [-1000, -100, 100, 1000])
def test_ten_minutes_of_a_clock_that_is_not_ours(ppm):
    buffer, out, waiting = JitterBuffer(), [], []
    n = 0
    for now in range(30_000):
        while n * (1 - ppm / 1e6) <= now + 0.5:
            n += 1
            buffer.push(spoken(n) if n % 200 != 99 else numbered(n))
        out.append(buffer.pull())
        waiting.append(len(buffer._frames))
    heard = [frame for frame in out if frame != SILENCE]
    assert heard == [numbered(k) for k in range(1, n + 1) if k % 200 < 100][: len(heard)]  # no word was cut
    gaps = [at for at in range(1, len(out) - 1) if out[at] == SILENCE and SILENCE not in (out[at - 1], out[at + 1])]
    assert gaps == []  # and none was torn apart
    assert max(waiting) <= 4
