import asyncio

import pytest

from edge_agent.media.gather import collect
from edge_agent.media.leg import Leg
from edge_agent.media.source import Samples
from telecore.audio.frames import FRAME_BYTES
from telecore.audio.tone import dtmf_tone, tone
from telecore.twiml.control import CollectSpec
from tests.fakes.line import SILENCE, FakeVoiceCall, settle, still_clock, tick

PROMPT = tone((440,), 400)


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
    assert leg._ears == ()
    leg.close()


async def begin(leg, spec, prompt=PROMPT, times=1):
    async def prompts():
        for _ in range(times):
            await leg.play(Samples(prompt))

    gather = asyncio.create_task(collect(leg, spec, prompts))
    await settle()
    return gather


async def test_timeout_runs_from_the_end_of_the_prompts(clock, leg):
    gather = await begin(leg, CollectSpec(timeout_s=1.0))
    await tick(clock, 20 + 49)
    assert not gather.done()
    await tick(clock, 1)
    assert (await gather).finished_by == "timeout"


async def test_and_anew_from_each_digit(clock, leg):
    gather = await begin(leg, CollectSpec(timeout_s=1.0))
    await tick(clock, 60)
    leg.press("4")
    await tick(clock, 45)
    leg.press("2")
    await tick(clock, 49)
    assert not gather.done()
    await tick(clock, 1)
    assert (await gather).digits == "42"


async def test_the_finish_key_ends_and_is_not_among_the_digits(clock, leg):
    gather = await begin(leg, CollectSpec())
    await tick(clock, 25)
    for key in "12#":
        leg.press(key)
    await settle()
    assert (await gather).digits == "12"
    assert (await gather).finished_by == "key"


async def test_without_a_finish_key_the_hash_is_a_digit(clock, leg):
    gather = await begin(leg, CollectSpec(finish_on_key="", num_digits=2))
    await tick(clock)
    leg.press("1")
    leg.press("#")
    await settle()
    assert (await gather).digits == "1#"
    assert (await gather).finished_by == "count"


async def test_no_more_digits_than_wanted(clock, leg):
    gather = await begin(leg, CollectSpec(num_digits=3))
    await tick(clock)
    for key in "12345":
        leg.press(key)
    await settle()
    assert (await gather).digits == "123"


async def test_a_key_in_the_sound_stops_all_the_prompts_at_once(clock, leg, voice):
    gather = await begin(leg, CollectSpec(num_digits=4), times=3)
    await tick(clock, 4)
    voice.far.say(dtmf_tone("8"))
    await tick(clock, 11)
    sounding = [frame for frame in voice.far.sent if frame != SILENCE]
    assert 4 + 2 <= len(sounding) <= 4 + 5
    assert voice.far.heard[: len(sounding) * FRAME_BYTES] == PROMPT[: len(sounding) * FRAME_BYTES]
    for key in "765":
        voice.far.say(dtmf_tone(key))
    await tick(clock, 30)
    assert (await gather).digits == "8765"


async def test_without_barge_in_the_prompt_is_heard_to_its_end(clock, leg, voice):
    gather = await begin(leg, CollectSpec(num_digits=1, barge_in=False))
    await tick(clock, 5)
    leg.press("3")
    await tick(clock, 14)
    assert not gather.done()
    await tick(clock, 1)
    assert (await gather).digits == "3"
    assert voice.far.heard == PROMPT


async def test_keys_pressed_before_do_not_count(clock, leg, voice):
    leg.press("9")
    voice.far.say(dtmf_tone("9"))
    await tick(clock, 12)
    gather = await begin(leg, CollectSpec(timeout_s=0.5))
    await tick(clock, 50)
    assert (await gather).digits == ""


async def test_a_timeout_of_zero_ends_with_the_prompts(clock, leg):
    gather = await begin(leg, CollectSpec(timeout_s=0.0))
    await tick(clock, 20)
    assert (await gather).finished_by == "timeout"


async def test_cancelled_it_is_silent_and_nothing_is_left_over(clock, leg, voice):
    gather = await begin(leg, CollectSpec())
    await tick(clock, 3)
    gather.cancel()
    await settle()
    await tick(clock, 2)
    assert gather.cancelled()
    assert voice.far.sent[-2:] == [SILENCE] * 2
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_every_digit_of_many_sequences_is_counted_once(clock, leg, voice):
    for number in range(40):
        digits = f"{number * 26927 % 100000:05d}"
        gather = await begin(leg, CollectSpec(num_digits=5), prompt=b"")
        for key in digits:
            voice.far.say(dtmf_tone(key))
        await tick(clock, 50)
        assert (await gather).digits == digits
