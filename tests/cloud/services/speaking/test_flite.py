"""Rendering by the real flite."""

from __future__ import annotations

import pytest

from cloud.services.speaking.engine import SpeechFailed, Voice
from cloud.services.speaking.flite import Flite
from telecore.twiml.ssml import Break, Prosody, Words

TEXT = (Words("Hello, this is a line with some words."),)


@pytest.fixture
async def flite():
    engine = Flite()
    try:
        await engine.open()
    except SpeechFailed as error:
        pytest.skip(str(error))
    return engine


async def seconds(flite, *speech, female=False):
    sound = await flite.render(flite.write(speech, Voice("en-us", female)))
    return len(sound.samples) / 2 / sound.rate


@pytest.mark.parametrize("female", [False, True])
async def test_it_speaks(flite, female):
    assert 1.5 < await seconds(flite, *TEXT, female=female) < 6


async def test_manner_and_silence(flite):
    usual = await seconds(flite, *TEXT)
    assert await seconds(flite, Prosody(TEXT, rate=0.5)) > 1.6 * usual
    assert await seconds(flite, *TEXT, Break(1000)) == pytest.approx(usual + 1, abs=0.01)
    assert "pitch" in flite.write((Prosody(TEXT, pitch=1.3),), Voice("en-us")).problems[0]


@pytest.mark.parametrize("text", ["-voice x", "<speak><break", "a\0b", "🙂", "\ud800"])
async def test_odd_texts_do_no_harm(flite, text):
    await flite.render(flite.write((Words(text),), Voice("en-us")))


async def test_a_missing_program_names_the_command():
    with pytest.raises(SpeechFailed, match="apt-get install flite"):
        await Flite("no-such-program").open()
