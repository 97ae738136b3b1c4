"""Markup for engines that have none, by an engine whose every word lasts 100 ms."""

from __future__ import annotations

import json

import pytest

from cloud.services.speaking.engine import SpeechFailed, Voice
from cloud.services.speaking.segments import Style, render_segments, segments_script
from telecore.audio.mixing import peak
from telecore.audio.tone import tone
from telecore.audio.wav import Pcm
from telecore.twiml.ssml import Block, Break, Emphasis, InLanguage, Phoneme, Prosody, SayAs, Words

VOICE = Voice("en-us")


class Speaker:
    def __init__(self):
        self.said = []

    async def say(self, text, voice, style):
        self.said.append((text, voice, style))
        return Pcm(8000, tone((400,), round(100 * len(text.split()) / style.rate)))


@pytest.fixture
def speaker():
    return Speaker()


async def test_words_silence_and_manner(speaker):
    speech = (
        Words("one "), Words("two"), Break(500),
        Prosody((Words("three"), Emphasis("none", (Words(" four"),))), rate=0.5), Block("s", (Words("five"),)),
    )  # fmt: skip
    script = segments_script(speech, VOICE, "slt")
    sound = await render_segments(script, speaker)
    assert [(text, voice, style.rate) for text, voice, style in speaker.said] == [
        ("one two", "slt", 1.0), ("three four", "slt", 0.5), ("five", "slt", 1.0)
    ]  # fmt: skip
    assert len(sound.samples) == 2 * 8 * (200 + 500 + 400 + 100 + 350)
    assert script.problems == ()


async def test_loudness_is_ours(speaker):
    usual = await render_segments(segments_script((Words("a"),), VOICE, "x"), speaker)
    soft = await render_segments(segments_script((Prosody((Words("a"),), gain_db=-6.0),), VOICE, "x"), speaker)
    assert peak(soft.samples) == pytest.approx(peak(usual.samples) / 2, rel=0.02)


async def test_manners_within_each_other_add_up():
    inner = Prosody((Words("a"),), rate=1.5, gain_db=3.0)
    (part,) = json.loads(segments_script((Prosody((inner,), rate=0.5, gain_db=-6.0),), VOICE, "x").text)
    assert Style(**part["style"]) == Style(0.75, 1.0, -3.0)


def test_spelling_is_spaced():
    (part,) = json.loads(segments_script((SayAs("spell-out", "abc1"),), VOICE, "x").text)
    assert part["text"] == "A B C 1"


def test_what_it_cannot_do_is_told():
    speech = (
        InLanguage("fr-FR", (Words("bonjour"),)), InLanguage("en-GB", (Words("x"),)), Phoneme("ipa", "a", "b"),
        SayAs("expletive", "x"),
    )  # fmt: skip
    problems = segments_script(speech, VOICE, "x").problems
    assert [problem.split()[0] for problem in problems] == ["<lang>", "<phoneme>", "<say-as"]


async def test_silence_alone(speaker):
    assert await render_segments(segments_script((Break(100),), VOICE, "x"), speaker) == Pcm(8000, bytes(1600))


def test_a_voice_without_pitch_says_so():
    speech = (Prosody((Words("a"),), pitch=1.3),)
    assert segments_script(speech, VOICE, "x").problems == ()
    assert "pitch" in segments_script(speech, VOICE, "x", pitched=False).problems[0]


async def test_hours_of_silence_are_refused(speaker):
    speech = (Words("a"), *(Break(10_000),) * 200)
    with pytest.raises(SpeechFailed, match="longer than any call"):
        await render_segments(segments_script(speech, VOICE, "x"), speaker)
