import pytest

from telecore.audio.mixing import gain, mix
from telecore.audio.tone import silence, tone
from telecore.audio.voice_activity import VoiceActivity
from tests.telecore.audio.test_activity import noise


def share(sound: bytes) -> float:
    """Of the frames, those taken for a voice."""
    activity = VoiceActivity()
    frames = [activity.feed(sound[at : at + 320]) for at in range(0, len(sound), 320)]
    return sum(frames) / len(frames)


def syllables(ms: int) -> bytes:
    """Bursts of a vowel's first formant, as loud as speech."""
    one = tone((220, 440, 660), 160, -20) + silence(90)
    return one * (ms // 250)


def test_silence_and_steady_noise_are_nobody():
    assert share(silence(2000)) == 0
    for spread in (40, 200, 600):
        assert share(noise(3000, spread)) < 0.03


@pytest.mark.parametrize("spread", [0, 60, 250])
def test_somebody_speaks_also_over_noise(spread):
    speech = syllables(3000)
    assert share(mix((speech, noise(3000, spread)))) == pytest.approx(0.65, abs=0.12)


def test_a_loud_voice_counts_from_its_first_frame():
    activity = VoiceActivity()
    assert activity.feed(gain(tone((300,), 20, -8), 1.0))


def test_noise_that_grows_is_noise_again_after_a_while():
    sound = noise(1000, 50) + noise(4000, 500, 2)
    activity = VoiceActivity()
    frames = [activity.feed(sound[at : at + 320]) for at in range(0, len(sound), 320)]
    assert any(frames[50:120])
    assert not any(frames[150:])
