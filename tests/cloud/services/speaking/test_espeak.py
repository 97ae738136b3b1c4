"""Rendering by the real espeak-ng."""

from __future__ import annotations

import pytest

from cloud.services.speaking.engine import Script, SpeechFailed, Voice
from cloud.services.speaking.espeak import Espeak
from telecore.twiml.ssml import Words


@pytest.fixture
async def espeak():
    engine = Espeak()
    try:
        await engine.open()
    except SpeechFailed as error:
        pytest.skip(str(error))
    return engine


@pytest.mark.parametrize("text", ["[[", "-v fr", "a\0b", "<break/>", "🙂", "\ud800"])
async def test_odd_texts_do_no_harm(espeak, text):
    assert (await espeak.render(espeak.write((Words(text),), Voice("en-us")))).rate == 22050


async def test_a_missing_program_names_the_command():
    with pytest.raises(SpeechFailed, match="apt-get install espeak-ng"):
        await Espeak("no-such-program").open()


@pytest.fixture
def program(tmp_path):
    program = tmp_path / "slow"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    return program


async def test_a_program_that_hangs_is_ended(program):
    with pytest.raises(SpeechFailed, match="within 0.2 s"):
        await Espeak(str(program), within_s=0.2).render(Script("x", "en-us"))


async def test_a_voice_that_is_not_there_is_a_failure(espeak):
    with pytest.raises(SpeechFailed, match="status"):
        await espeak.render(Script("x", "tlh-none"))


@pytest.mark.parametrize("text", ["សូមអរគុណ", "ຂອບໃຈ", "Hello សូមអរគុណ សូមអរគុណ"])
def test_a_script_that_would_be_spelled_out_is_refused(text):
    with pytest.raises(SpeechFailed, match="docs/speech.md"):
        Espeak().write((Words(text),), Voice("en-us"))


def test_a_word_of_it_within_other_words_is_not():
    assert Espeak().write((Words("The word for thank you is សូម in the language of this country"),), Voice("en-us"))
