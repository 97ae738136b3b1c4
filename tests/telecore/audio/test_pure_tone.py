import pytest

from telecore.audio.mixing import mix
from telecore.audio.pure_tone import ToneFinder, frequency
from telecore.audio.tone import silence, tone
from tests.telecore.audio.test_activity import noise
from tests.telecore.audio.test_echo import speech


def runs(sound: bytes):
    finder = ToneFinder()
    found = [finder.feed(sound[at : at + 320]) for at in range(0, len(sound) - 319, 320)]
    return [tone for tone in found if tone is not None and tone.over]


@pytest.mark.parametrize("hz", [350, 440, 617, 1000, 1399, 2100, 2750])
@pytest.mark.parametrize("spread", [0, 150])
def test_the_frequency_of_a_sine(hz, spread):
    sound = mix((tone((hz,), 200, -18), noise(200, spread)))
    assert frequency(sound[640:960]) == pytest.approx(hz, rel=0.01)


@pytest.mark.parametrize(
    "frame",
    [silence(20), noise(20, 3000), tone((440, 1000), 20), tone((250,), 40)[:320], tone((1000,), 20, -50), b"", b"\0\1"],
)
def test_what_is_no_tone(frame):
    assert frequency(frame) == 0


def test_a_beep_is_told_when_it_is_over():
    (found,) = runs(silence(100) + tone((1400,), 400) + silence(100))
    assert found.hz == pytest.approx(1400, rel=0.01)
    assert found.ms == pytest.approx(400, abs=40)


def test_two_tones_after_each_other_are_two():
    assert [round(run.hz, -1) for run in runs(tone((950,), 330) + tone((1400,), 330) + silence(100))] == [950, 1400]


def test_speech_is_no_beep():
    for seed in range(3):
        assert [run for run in runs(speech(seed, 20000)) if run.ms >= 100] == []
