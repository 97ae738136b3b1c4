"""The level of one tone, beside another and under noise."""

import random
import struct

import pytest

from telecore.audio.frames import FRAME_BYTES
from telecore.audio.mixing import mix
from telecore.audio.tone import silence, tone
from telecore.audio.tone_level import SILENT, ToneLevel


def measured(freq, sound):
    level = ToneLevel(freq)
    for at in range(0, len(sound), FRAME_BYTES):
        level.feed(sound[at : at + FRAME_BYTES])
    return level.level


@pytest.mark.parametrize("dbm0", [-3, -16, -40])
def test_a_tone_has_its_level_at_its_own_frequency_only(dbm0):
    sound = silence(500) + tone((500,), 1000, dbm0) + silence(500)
    assert measured(500, sound) == pytest.approx(dbm0, abs=0.2)
    assert measured(850, sound) < dbm0 - 35


def test_two_tones_and_noise_are_told_apart():
    chance = random.Random(1)
    noise = struct.pack("<16000h", *(chance.randrange(-500, 500) for _ in range(16000)))
    sound = mix([tone((500,), 2000, -16), tone((850,), 2000, -30), noise])
    assert measured(500, sound) == pytest.approx(-16, abs=0.3)
    assert measured(850, sound) == pytest.approx(-30, abs=2)
    assert measured(500, noise) < -38


def test_silence_short_sounds_and_odd_frames():
    assert measured(500, silence(1000)) == SILENT
    assert measured(500, tone((500,), 200, -10)) == SILENT
    level = ToneLevel(500)
    level.feed(b"\0" * 100)
    assert level.level == SILENT
