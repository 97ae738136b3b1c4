import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.audio.resample import resample


def sine(freq: float, rate: int, count: int, peak: float = 16000) -> list[float]:
    return [peak * math.sin(2 * math.pi * freq * n / rate) for n in range(count)]


def pack(values: list[float]) -> bytes:
    return struct.pack(f"<{len(values)}h", *map(round, values))


def unpack(samples: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(samples) // 2}h", samples)


def middle_power(values: list[float]) -> float:
    inner = values[300:-300]
    return sum(value * value for value in inner) / len(inner)


@pytest.mark.parametrize("freq", [300, 1000, 2000, 3000])
@pytest.mark.parametrize(
    ("from_rate", "to_rate"), [(22050, 8000), (16000, 8000), (44100, 8000), (48000, 8000), (8000, 16000), (8000, 22050)]
)
def test_a_tone_keeps_its_pitch_level_and_phase(from_rate: int, to_rate: int, freq: int):
    made = unpack(resample(pack(sine(freq, from_rate, from_rate // 2)), from_rate, to_rate))
    assert len(made) == to_rate // 2
    want = sine(freq, to_rate, len(made))
    error = [a - b for a, b in zip(made, want, strict=True)]
    assert 10 * math.log10(middle_power(want) / middle_power(error)) > 60


@pytest.mark.parametrize("freq", [4500, 5000, 7000])
@pytest.mark.parametrize("from_rate", [16000, 22050])
def test_what_the_new_rate_cannot_carry_is_gone(from_rate: int, freq: int):
    tone = sine(freq, from_rate, from_rate // 2)
    made = [float(value) for value in unpack(resample(pack(tone), from_rate, 8000))]
    assert 10 * math.log10(middle_power(tone) / (middle_power(made) + 1e-9)) > 60


@pytest.mark.parametrize("from_rate", [11025, 16000, 22050, 48000])
def test_the_top_of_the_telephone_band_is_kept(from_rate: int):
    made = [float(value) for value in unpack(resample(pack(sine(3400, from_rate, from_rate // 2)), from_rate, 8000))]
    assert abs(10 * math.log10(middle_power(made) / middle_power(sine(3400, 8000, len(made))))) < 0.5


@pytest.mark.parametrize(("from_rate", "to_rate"), [(22050, 8000), (48000, 8000), (8000, 22050)])
@pytest.mark.parametrize("level", [0, 1, -1, 1000, 32767, -32768])
def test_a_level_stays_what_it_is(from_rate: int, to_rate: int, level: int):
    made = unpack(resample(pack([level] * 6000), from_rate, to_rate))
    assert set(made[200:-200]) == {level}


def test_the_parts_in_which_a_long_sound_is_made_join():
    """One second of 22050 is 50 columns, so ten seconds are made in two parts."""
    tone = sine(1000, 22050, 10 * 22050)
    made = unpack(resample(pack(tone), 22050, 8000))
    want = sine(1000, 8000, 80_000)
    assert max(abs(a - b) for a, b in zip(made[100:-100], want[100:-100], strict=True)) < 3


def test_a_loud_square_saturates_instead_of_wrapping():
    square = pack([32767.0 if n // 50 % 2 else -32768.0 for n in range(22050)])
    made = unpack(resample(square, 22050, 8000))
    assert max(made) == 32767
    assert min(made) == -32768
    # Away from the edges the sign is that of the square at the same time.
    for n, value in enumerate(made):
        place = n * 22050 / 8000 % 100
        if 10 < place < 40 or 60 < place < 90:
            assert (value > 0) == (place >= 50)


@given(st.binary(max_size=60), st.integers(1, 50_000), st.integers(1, 50_000))
def test_length_in_time_is_kept(data: bytes, from_rate: int, to_rate: int):
    from_rate, to_rate = max(from_rate, to_rate // 50 + 1), max(to_rate, from_rate // 50 + 1)
    samples = data[: len(data) // 2 * 2]
    made = resample(samples, from_rate, to_rate)
    assert abs(len(made) / 2 - len(samples) / 2 * to_rate / from_rate) <= 0.5


def test_the_same_rate_is_the_same_sound():
    assert resample(b"\1\2\3\4", 8000, 8000) == b"\1\2\3\4"


@pytest.mark.parametrize("rates", [(0, 8000), (8000, 0), (-1, 8000)])
def test_impossible_rates(rates: tuple[int, int]):
    with pytest.raises(ValueError, match="cannot resample"):
        resample(b"\0\0", *rates)
