import random
import shutil
import struct
import subprocess

import pytest

from telecore.audio.activity import SilenceDetector
from telecore.audio.mixing import gain, mix
from telecore.audio.resample import resample
from telecore.audio.tone import silence, tone
from telecore.audio.wav import read_wav


def noise(ms: int, spread: float, seed: int = 1) -> bytes:
    rng = random.Random(seed)
    return struct.pack(f"<{ms * 8}h", *(round(rng.gauss(0, spread)) for _ in range(ms * 8)))


def after(detector: SilenceDetector, sound: bytes) -> SilenceDetector:
    for at in range(0, len(sound), 320):
        detector.feed(sound[at : at + 320])
    return detector


def test_silence_is_counted_in_milliseconds():
    detector = after(SilenceDetector(), silence(1000))
    assert (detector.silent_ms, detector.heard) == (pytest.approx(1000), False)
    detector.feed(bytes(160))
    assert detector.silent_ms == pytest.approx(1010)


def test_sound_ends_it_and_it_begins_again():
    detector = after(SilenceDetector(), silence(500) + tone((440,), 200))
    assert (detector.silent_ms, detector.heard) == (0, True)
    assert after(detector, silence(300)).silent_ms == pytest.approx(300)


def test_a_click_is_no_sound():
    detector = after(SilenceDetector(), silence(500) + tone((440,), 20) + silence(500))
    assert detector.silent_ms == pytest.approx(1020)
    assert not detector.heard


@pytest.mark.parametrize("spread", [10, 60])
def test_a_quiet_line_hisses_in_silence(spread: int):
    assert after(SilenceDetector(), noise(3000, spread)).silent_ms == pytest.approx(3000)


def test_the_floor_follows_a_noisy_line():
    detector = after(SilenceDetector(), noise(10_000, 300))
    assert detector.silent_ms > 4000
    assert after(detector, mix([tone((440,), 400, -12), noise(400, 300)])).silent_ms == 0
    assert after(detector, noise(1000, 300)).silent_ms > 800


def test_loud_sound_never_becomes_silence():
    assert after(SilenceDetector(), tone((440,), 30_000, -10)).silent_ms == 0


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng speaks here")
@pytest.mark.parametrize("loudness", [1.0, 0.1])
def test_speech_is_not_silence_and_what_follows_is(loudness: float):
    text = "Please leave a message after the tone, and tell us where the water stands."
    done = subprocess.run(
        ["espeak-ng", "-v", "en-gb", "--stdin", "--stdout"],
        input=text.encode(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    wav = read_wav(done.stdout)
    speech = gain(resample(wav.samples, wav.rate, 8000), loudness)
    detector, longest = SilenceDetector(), 0.0
    for at in range(0, len(speech) // 2, 320):
        detector.feed(speech[at : at + 320])
        longest = max(longest, detector.silent_ms if detector.heard else 0.0)
    assert detector.heard
    assert longest < 800
    assert after(detector, silence(2000)).silent_ms >= 2000
