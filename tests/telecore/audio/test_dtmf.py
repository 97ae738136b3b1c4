import math
import random
import shutil
import struct
import subprocess
from array import array
from dataclasses import dataclass

import pytest

from telecore.audio import g711
from telecore.audio.dtmf import DtmfDetector
from telecore.audio.frames import RATE
from telecore.audio.resample import resample
from telecore.audio.tone import DTMF_HIGH, DTMF_KEYS, DTMF_LOW, amplitude, dtmf_tone, silence, tone
from telecore.audio.wav import read_wav

SPEECH = {
    "en-us+f2": "The ferry leaves at seven; if the water is high, wait on this side. Press one, or stay on the line.",
    "de+m3": "Die Fähre fährt um sieben Uhr ab. Bei Hochwasser warten Sie bitte am diesseitigen Ufer.",
    "fr-fr": "Le bac part à sept heures. Si l'eau est haute, attendez de ce côté et restez en ligne.",
    "vi": "Phà khởi hành lúc bảy giờ. Nếu nước cao, xin chờ ở bờ bên này.",
}


@dataclass(frozen=True)
class Line:
    """What a line does to the keys pressed at its far end."""

    level: float = -10.0
    twist: float = 0.0  # dB by which the low tone is stronger
    low_error: float = 0.0
    high_error: float = 0.0
    snr: float | None = None
    on_ms: int = 100
    off_ms: int = 80

    def sound(self, digits: str, rng: random.Random) -> bytes:
        """The stronger tone of a key has ``level``; the noise goes on through the pauses; all through µ-law."""
        low, high = (amplitude(self.level - max(0.0, loss)) for loss in (-self.twist, self.twist))
        wave = [0.0] * rng.randrange(400)
        for digit in digits:
            key = DTMF_KEYS.index(digit)
            steps = (
                2 * math.pi * DTMF_LOW[key // 4] * (1 + self.low_error) / RATE,
                2 * math.pi * DTMF_HIGH[key % 4] * (1 + self.high_error) / RATE,
            )
            phases = (rng.uniform(0, 7), rng.uniform(0, 7))
            for n in range(RATE * self.on_ms // 1000):
                wave.append(low * math.sin(steps[0] * n + phases[0]) + high * math.sin(steps[1] * n + phases[1]))
            wave += [0.0] * (RATE * self.off_ms // 1000)
        if self.snr is not None:
            noise = math.sqrt((low * low + high * high) / 2 / 10 ** (self.snr / 10))
            wave = [value + rng.gauss(0, noise) for value in wave]
        samples = struct.pack(f"<{len(wave)}h", *(max(-32768, min(32767, round(value))) for value in wave))
        return g711.ulaw_to_l16(g711.l16_to_ulaw(samples))


def heard(sound: bytes, step: int = 320, detector: DtmfDetector | None = None) -> str:
    detector = detector or DtmfDetector()
    return "".join(detector.feed(sound[at : at + step]) for at in range(0, len(sound), step))


def random_line(rng: random.Random) -> Line:
    return Line(
        level=rng.uniform(-25, -3),
        twist=rng.choice([8.0, -4.0, rng.uniform(-4, 8)]),
        low_error=rng.choice([-0.015, 0.015, rng.uniform(-0.015, 0.015)]),
        high_error=rng.choice([-0.015, 0.015, rng.uniform(-0.015, 0.015)]),
        snr=15.0,
    )


@pytest.mark.parametrize("seed", range(10))
def test_every_digit_of_a_hundred_random_sequences(seed: int):
    rng = random.Random(seed)
    for _ in range(100):
        line, digits = random_line(rng), "".join(rng.choices(DTMF_KEYS, k=rng.randint(1, 8)))
        assert heard(line.sound(digits, rng)) == digits, line


@pytest.mark.parametrize("step", [1, 2, 3, 33, 160, 204, 319, 320, 640, 100_000])
def test_any_number_of_bytes_at_a_time(step: int):
    assert heard(Line().sound("1590#*7D", random.Random(step)), step) == "1590#*7D"


def test_own_tones_are_heard():
    assert heard(b"".join(map(dtmf_tone, DTMF_KEYS))) == DTMF_KEYS


def test_a_key_is_reported_while_it_is_down():
    detector = DtmfDetector()
    assert heard(dtmf_tone("5", on_ms=60, off_ms=0), detector=detector) == "5"


@pytest.mark.parametrize("seconds", [1, 10])
def test_a_long_press_is_one_digit(seconds: int):
    assert heard(Line(on_ms=seconds * 1000, snr=15.0).sound("8", random.Random(1))) == "8"


def test_the_same_key_again_needs_a_pause():
    rng = random.Random(2)
    for off_ms, times in ((0, 1), (20, 1), (60, 2), (80, 2)):
        assert heard(Line(off_ms=off_ms).sound("33", rng) + silence(100)) == "3" * times, off_ms


def test_another_key_needs_none():
    assert heard(Line(off_ms=0).sound("1212A", random.Random(3)) + silence(100)) == "1212A"


def test_short_dropouts_do_not_double():
    rng = random.Random(4)
    for _ in range(50):
        sound = bytearray(Line(on_ms=300).sound("6", rng))
        at = 2 * rng.randrange(1000, 1800)
        sound[at : at + 320] = bytes(320)  # 20 ms
        assert heard(bytes(sound)) == "6"


@pytest.mark.parametrize("on_ms", [10, 15, 20])
def test_what_is_too_short_is_no_key(on_ms: int):
    rng = random.Random(5)
    for _ in range(20):
        assert heard(Line(on_ms=on_ms, off_ms=200).sound("159D", rng)) == ""


@pytest.mark.parametrize("on_ms", [52, 60, 70])
def test_quick_fingers(on_ms: int):
    rng = random.Random(6)
    for _ in range(20):
        assert heard(Line(on_ms=on_ms, off_ms=60).sound("159D66", rng)) == "159D66"


@pytest.mark.parametrize("error", [-0.04, 0.04])
def test_tones_beside_the_frequency_are_no_key(error: float):
    rng = random.Random(7)
    assert heard(Line(low_error=error, on_ms=300).sound(DTMF_KEYS, rng)) == ""
    assert heard(Line(high_error=error, on_ms=300).sound(DTMF_KEYS, rng)) == ""


@pytest.mark.parametrize("twist", [-7.0, 12.0])
def test_too_much_twist_is_no_key(twist: float):
    assert heard(Line(twist=twist).sound(DTMF_KEYS, random.Random(8))) == ""


def test_too_weak_is_no_key():
    assert heard(Line(level=-45.0).sound(DTMF_KEYS, random.Random(9))) == ""


@pytest.mark.parametrize(
    "freqs",
    [
        (697,),
        (1209,),
        (697, 770),
        (1209, 1633),
        (440,),
        (425, 450),
        (350, 440),
        (480, 620),
        (1000,),
        (2100,),
        (400, 1400),
    ],
)
def test_other_tones_are_no_keys(freqs: tuple[int, ...]):
    assert heard(tone(freqs, 3000)) == ""


def test_a_key_with_its_harmonics_is_a_voice():
    def voice(overtone: float) -> bytes:
        parts = [tone((770, 1477), 200, -12), tone((2954,), 200, overtone)]
        return array("h", map(sum, zip(*(array("h", part) for part in parts), strict=True))).tobytes()

    assert heard(voice(-40)) == "6"
    assert heard(voice(-20)) == ""


def test_noise_is_no_key():
    rng = random.Random(10)
    for spread in (100, 1000, 8000):
        noise = array("h", (max(-32768, min(32767, round(rng.gauss(0, spread)))) for _ in range(RATE * 10)))
        assert heard(noise.tobytes()) == ""


def test_reset_forgets():
    detector = DtmfDetector()
    assert heard(dtmf_tone("4", off_ms=0), detector=detector) == "4"
    detector.reset()
    assert heard(dtmf_tone("4", off_ms=0), detector=detector) == "4"


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng speaks here")
@pytest.mark.parametrize("voice", SPEECH)
def test_speech_is_no_key_and_keys_are_heard_after_it(voice: str):
    """An hour of it is ``benchmarks/dtmf_talkoff.py``."""
    command = ["espeak-ng", "-v", voice, "--stdin", "--stdout"]
    done = subprocess.run(command, input=(SPEECH[voice] * 3).encode(), capture_output=True, check=True, timeout=60)
    wav = read_wav(done.stdout)
    speech = resample(wav.samples, wav.rate, RATE)
    assert len(speech) > 10 * 2 * RATE
    assert heard(speech + Line().sound("42#", random.Random(11))) == "42#"
