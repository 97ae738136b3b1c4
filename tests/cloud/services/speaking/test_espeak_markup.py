"""What espeak-ng truly does with what it is told, measured in its sound."""

from __future__ import annotations

import re
import struct

import pytest

from cloud.services.speaking.engine import SpeechFailed, Voice
from cloud.services.speaking.espeak import Espeak
from cloud.services.speaking.espeak_phonemes import UnknownSymbol, mnemonics
from telecore.audio.mixing import rms
from telecore.twiml.ssml import Block, Break, Emphasis, InLanguage, Phoneme, Prosody, SayAs, Words

TEXT = (Words("hello my good old friends"),)


@pytest.fixture
async def espeak():
    engine = Espeak()
    try:
        await engine.open()
    except SpeechFailed as error:
        pytest.skip(str(error))
    return engine


@pytest.fixture
def say(espeak):
    async def say(*pieces, language="en-us"):
        script = espeak.write(pieces, Voice(language))
        assert script.problems == ()
        return await espeak.render(script)

    return say


def seconds(sound):
    return len(sound.samples) / 2 / sound.rate


def pitch_hz(sound):
    """The period at which a voiced stretch in the middle resembles itself most."""
    samples = struct.unpack(f"<{len(sound.samples) // 2}h", sound.samples)[::4]
    rate = sound.rate / 4
    best = []
    for start in range(0, len(samples) - 600, 300):
        part = samples[start : start + 600]
        power = sum(s * s for s in part)
        if power < 600 * 1000**2:
            continue
        scores = {
            lag: sum(a * b for a, b in zip(part, part[lag:], strict=False)) / power
            for lag in range(int(rate / 300), int(rate / 60))
        }
        lag = max(scores, key=scores.__getitem__)
        if scores[lag] > 0.5:
            best.append(rate / lag)
    return sorted(best)[len(best) // 2]


async def test_a_break_lasts_as_long_as_it_says(say):
    without = seconds(await say(Words("hello "), Words("world")))
    for ms in (500, 2000):
        longer = seconds(await say(Words("hello "), Break(ms), Words("world"))) - without
        assert longer == pytest.approx(ms / 1000, abs=0.15)


async def test_rate(say):
    usual = seconds(await say(*TEXT))
    assert seconds(await say(Prosody(TEXT, rate=2.0))) < 0.75 * usual
    assert seconds(await say(Prosody(TEXT, rate=0.5))) > 1.5 * usual


async def test_pitch(say):
    usual = pitch_hz(await say(*TEXT))
    assert pitch_hz(await say(Prosody(TEXT, pitch=1.4))) > 1.1 * usual
    assert pitch_hz(await say(Prosody(TEXT, pitch=0.6))) < 0.9 * usual


@pytest.mark.parametrize("gain_db", [-12.0, -6.0, 3.0])
async def test_loudness_in_decibels(say, gain_db):
    """6 dB are a factor of two in amplitude."""
    usual = rms((await say(*TEXT)).samples)
    assert rms((await say(Prosody(TEXT, gain_db=gain_db))).samples) / usual == pytest.approx(
        10 ** (gain_db / 20), rel=0.15
    )


async def test_emphasis_is_louder_and_no_pause(say):
    usual, strong = await say(*TEXT), await say(Emphasis("strong", TEXT))
    assert rms(strong.samples) > 1.2 * rms(usual.samples)
    assert seconds(strong) < 1.3 * seconds(usual)


async def test_paragraphs_and_sentences_part(say):
    together = seconds(await say(Words("hello world")))
    for name in ("p", "s"):
        assert seconds(await say(Block(name, (Words("hello"),)), Block(name, (Words("world"),)))) > together + 0.4


async def test_digits_are_read_one_by_one(say, espeak):
    """1234 as digits is four words; as a number it is many more."""
    one_by_one = seconds(await say(SayAs("digits", "1234")))
    assert one_by_one < 0.8 * seconds(await say(Words("1234")))
    spelled = seconds(await say(SayAs("characters", "fbi")))
    assert spelled > 1.2 * seconds(await say(Words("fib")))
    assert "1" in espeak.write((SayAs("telephone", "12 34"),), Voice("en-us")).text


async def test_a_date_is_words(say):
    said = await say(SayAs("date", "12/25/2020", "mdy"))
    assert said == await say(Words("December 25th 2020"))


async def test_another_language_sounds_different(say):
    french = seconds(await say(InLanguage("fr-FR", (Words("quatre-vingt-dix-sept"),))))
    assert french == pytest.approx(seconds(await say(Words("quatre-vingt-dix-sept"), language="fr-fr")), rel=0.1)
    assert french < 0.9 * seconds(await say(Words("quatre-vingt-dix-sept")))


async def test_phonemes_are_spoken(say):
    as_written = await say(Words("pecan"))
    assert await say(Phoneme("ipa", "ˈtɒmətəʊ", "pecan")) != as_written
    assert await say(Phoneme("ipa", "ˈtɒmətəʊ", "pecan")) == await say(Phoneme("x-sampa", '"tQm@t@U', "pecan"))


@pytest.mark.parametrize(
    "piece", [Phoneme("ipa", "ǂ", "pecan"), InLanguage("lo-LA", (Words("pecan"),)), SayAs("expletive", "pecan")]
)
async def test_what_it_cannot_do_is_a_problem(espeak, piece):
    script = espeak.write((piece,), Voice("en-us"))
    assert len(script.problems) == 1
    await espeak.render(script)


async def test_no_text_is_taken_for_markup(espeak):
    text = espeak.write((Words("<break/> & [[p]] \0"), SayAs("digits", "<")), Voice("en-us")).text
    assert re.findall(r"<\w+|&\w+;|\[\[", text) == ["<speak", "&lt;", "&gt;", "&amp;", "&lt;"]


@pytest.mark.parametrize(
    ("ph", "alphabet", "sounds"),
    [
        ("pɪˈkɑːn", "ipa", "pI'kA:n"),
        ("tʃɪp", "ipa", "tSIp"),
        ('pI"kA:n', "x-sampa", "pI'kA:n"),
        ("r\\Vn", "x-sampa", "rVn"),
    ],
)
def test_mnemonics(ph, alphabet, sounds):
    assert mnemonics(ph, alphabet) == sounds


def test_an_unknown_sound_is_named():
    with pytest.raises(UnknownSymbol, match="ǂ"):
        mnemonics("aǂ", "ipa")
