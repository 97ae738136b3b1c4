import random
import time

import pytest

from telecore.audio.echo import find_echo, level, powers
from telecore.audio.mixing import gain, mix
from telecore.audio.tone import silence, tone


def speech(seed, ms=3000):
    """Syllables of 80 to 300 ms and pauses between them."""
    chance = random.Random(seed)
    out = b""
    while len(out) < ms * 16:
        out += tone(
            (chance.uniform(150, 900), chance.uniform(900, 2500)), chance.randrange(80, 300), chance.uniform(-25, -12)
        )
        out += silence(chance.randrange(20, 200))
    return out[: ms * 16]


def late(sound, ms, db):
    return (silence(ms) + gain(sound, 10 ** (-db / 20)))[: len(sound)]


@pytest.mark.parametrize("ms", [0, 60, 180, 400])
@pytest.mark.parametrize("db", [3, 12, 20])
def test_found(ms, db):
    sent = speech(1)
    echo = find_echo(powers(sent), powers(mix((late(sent, ms, db), gain(speech(2), 0.02)))))
    assert echo is not None
    assert abs(echo.ms - ms) <= 10
    assert abs(echo.db - db) < 1.5


@pytest.mark.parametrize("seed", range(20))
def test_another_voice_is_no_echo(seed):
    assert find_echo(powers(speech(100 + seed)), powers(speech(200 + seed))) is None


def test_two_tones_are_no_echo():
    assert find_echo(powers(tone((1000,), 3000)), powers(tone((1020,), 3000))) is None


@pytest.mark.parametrize("heard", [silence(3000), late(speech(1), 100, 40)])
def test_nothing_to_be_heard(heard):
    assert find_echo(powers(speech(1)), powers(heard)) is None


def test_nothing_was_sent():
    assert find_echo(powers(silence(3000)), powers(speech(1))) is None


def test_level():
    assert level(powers(tone((1000,), 1000, -20))) == pytest.approx(-20, abs=0.2)
    assert level(powers(silence(100))) == -90
    assert level([]) == -90


def test_cost():
    """Three seconds of a call: 150 frames each way and one search, in less than one percent of that time."""
    sent, heard = speech(1), late(speech(1), 100, 10)
    began = time.process_time()
    ours = [power for at in range(0, len(sent), 320) for power in powers(sent[at : at + 320])]
    theirs = [power for at in range(0, len(heard), 320) for power in powers(heard[at : at + 320])]
    assert find_echo(ours, theirs) is not None
    spent = time.process_time() - began
    print(f"sound check: {spent * 1000:.1f} ms for 3 s of a call")
    assert spent < 0.1
