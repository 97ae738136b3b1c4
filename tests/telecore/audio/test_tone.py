import math
import struct

import pytest

from telecore.audio.mixing import peak, rms
from telecore.audio.tone import DTMF_KEYS, amplitude, beep, dtmf_tone, silence, tone


def power_at(samples: bytes, freq: float) -> float:
    """Amplitude of one frequency, by its Fourier sum."""
    values = struct.unpack(f"<{len(samples) // 2}h", samples)
    step = 2 * math.pi * freq / 8000
    real = sum(value * math.cos(step * n) for n, value in enumerate(values))
    imag = sum(value * math.sin(step * n) for n, value in enumerate(values))
    return 2 * math.hypot(real, imag) / len(values)


@pytest.mark.parametrize("level", [-3, -10, -25])
def test_level_and_frequency(level: int):
    samples = tone((697, 1209), 1000, level)
    assert len(samples) == 16000
    for freq in (697, 1209):
        assert 20 * math.log10(power_at(samples, freq) / amplitude(level)) == pytest.approx(0, abs=0.1)
    assert power_at(samples, 1000) < amplitude(level) / 50


def test_zero_dbm0_is_3_17_db_below_full_scale_of_ulaw():
    assert amplitude(3.17) == pytest.approx(32124)


def test_no_click_at_either_end():
    values = struct.unpack("<800h", tone((1633,), 100, -3))
    limit = 2 * math.pi * 1633 / 8000 * amplitude(-3)
    assert max(abs(values[0]), abs(values[-1])) <= limit / 8
    assert max(abs(b - a) for a, b in zip(values, values[1:], strict=False)) <= limit


def test_too_loud_saturates():
    assert peak(tone((400, 600, 1000), 500, 3)) in (32767, 32768)


def test_a_key_press_has_its_pause():
    press = dtmf_tone("5", on_ms=100, off_ms=80)
    assert len(press) == 2 * 8 * 180
    assert rms(press[1600:]) == 0
    assert power_at(press[:1600], 770) > 1000
    assert power_at(press[:1600], 1336) > 1000


@pytest.mark.parametrize("digit", ["", "x", "12", "E", "d"])
def test_what_is_no_key(digit: str):
    with pytest.raises(ValueError, match="not a DTMF digit"):
        dtmf_tone(digit)


def test_w_is_half_a_second():
    assert dtmf_tone("w") == silence(500) == bytes(8000)
    assert len(DTMF_KEYS) == 16


def test_the_beep_is_heard_and_ends():
    assert rms(beep()) > 1000
    assert len(beep()) == 8000
