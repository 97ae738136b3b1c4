"""PocketSphinx hears what espeak-ng and flite say, as a telephone carries it."""

from __future__ import annotations

import asyncio

import pytest

from cloud.services.hearing.bounded import BoundedHearing
from cloud.services.hearing.recogniser import Listen, RecognitionFailed
from cloud.services.hearing.sphinx import Sphinx
from cloud.services.speaking.engine import SpeechFailed, Voice
from cloud.services.speaking.flite import Flite
from telecore.audio.g711 import l16_to_ulaw, ulaw_to_l16
from telecore.audio.resample import resample
from telecore.twiml.ssml import Break, Words

pytest.importorskip("pocketsphinx")


@pytest.fixture
async def say():
    """Words as a telephone carries them: 8 kHz µ-law and back."""
    engine = Flite()
    try:
        await engine.open()
    except SpeechFailed as error:
        pytest.skip(str(error))

    async def say(text):
        speech = (Break(300), Words(text), Break(300))
        sound = await engine.render(engine.write(speech, Voice("en-us", female=False)))
        return ulaw_to_l16(l16_to_ulaw(resample(sound.samples, sound.rate, 8000)))

    return say


async def hear(samples, **want):
    hearing = await Sphinx().listen(Listen("en-US", **want))
    try:
        for at in range(0, len(samples), 320):
            hearing.feed(samples[at : at + 320])
        return await hearing.finish()
    finally:
        await hearing.close()


@pytest.mark.parametrize("words", ["sales", "customer service", "yes", "no"])
async def test_hinted_words_are_understood(say, words):
    heard = await hear(await say(words), hints=("sales", "customer service", "billing", "yes", "no", "Xqzwv"))
    assert heard.text == words
    assert 0 < heard.confidence <= 1


async def test_without_hints_plain_words_are_understood(say):
    heard = await hear(await say("please call me tomorrow"))
    assert heard.text == "please call me tomorrow"


async def test_what_is_no_hint_is_not_made_one(say):
    assert (await hear(await say("please call me tomorrow"), hints=("yes", "no"))).text == "please call me tomorrow"


async def test_silence_is_nothing(say):
    assert (await hear(bytes(16000), hints=("yes", "no"))).text == ""


async def test_all_the_hints_there_may_be_in_any_script():
    assert (await hear(bytes(16000), hints=("ភ" * 100,) * 500)).text == ""


async def test_partial_results_come_while_it_hears(say):
    partials = []
    heard = await hear(await say("I would like to speak to an agent please"), on_partial=partials.append)
    assert len(partials) > 2
    assert "speak to" in partials[-1].stable
    assert "i would like to speak to" in heard.text


async def test_only_english_and_only_so_many_at_once():
    sphinx = Sphinx(at_once=1)
    with pytest.raises(RecognitionFailed, match="English only"):
        await sphinx.listen(Listen("km-KH"))
    hearing = await sphinx.listen(Listen("en-GB"))
    with pytest.raises(RecognitionFailed, match="as many"):
        await sphinx.listen(Listen("en-GB"))
    await hearing.close()
    await (await sphinx.listen(Listen("en-GB"))).close()


async def test_a_process_that_dies_is_a_failure():
    hearing = await Sphinx().listen(Listen("en"))
    hearing._process.kill()
    await asyncio.sleep(0.05)
    hearing.feed(bytes(320))
    with pytest.raises(RecognitionFailed, match="status"):
        await hearing.finish()
    await hearing.close()


async def test_one_that_takes_too_long_is_a_failure():
    hearing = BoundedHearing(await Sphinx().listen(Listen("en")), within_s=0.01)
    hearing.feed(bytes(320))
    with pytest.raises(RecognitionFailed, match="within 0.01 s"):
        await hearing.finish()
    await hearing.close()
