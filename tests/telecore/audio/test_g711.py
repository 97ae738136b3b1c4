"""Checked against the decision and quantising values of G.711, built here segment by segment."""

import struct
import warnings
from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.audio import g711

EVERY_SAMPLE = struct.pack("<65536h", *range(-32768, 32768))
EVERY_CODE = bytes(range(256))


def ladder(first: list[int], step: int, segments: int) -> list[int]:
    """Decision values of the positive half: 16 intervals a segment, the step doubling with each."""
    values = list(first)
    for _ in range(segments):
        step *= 2
        values += [values[-1] + step * i for i in range(1, 17)]
    return values


# Table 2a: 0 1 3 5 … 31, then segments of 16 intervals of 4, 8, … 256 (14-bit scale, 8159 the virtual end).
ULAW_DECISIONS = ladder([0, *range(1, 32, 2)], 2, 7)
# Table 1a: 0 2 4 … 64, then steps of 4, 8, … 128 (13-bit scale of ±4096).
ALAW_DECISIONS = ladder(list(range(0, 65, 2)), 2, 6)


def unpack(samples: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(samples) // 2}h", samples))


def test_decision_values_end_where_g711_says():
    assert (len(ULAW_DECISIONS), ULAW_DECISIONS[-1]) == (129, 8159)
    assert (len(ALAW_DECISIONS), ALAW_DECISIONS[-1]) == (129, 4096)


def test_ulaw_of_every_sample_is_the_interval_it_falls_in():
    codes = g711.l16_to_ulaw(EVERY_SAMPLE)
    for sample, code in zip(range(-32768, 32768), codes, strict=True):
        value = sample >> 2
        interval = min(bisect_right(ULAW_DECISIONS, abs(value)) - 1, 127)
        assert code == (0xFF if value >= 0 else 0x7F) - interval


def test_alaw_of_every_sample_is_the_interval_it_falls_in():
    codes = g711.l16_to_alaw(EVERY_SAMPLE)
    for sample, code in zip(range(-32768, 32768), codes, strict=True):
        # The negative half mirrors the positive one; the doubled scale keeps the half step between them whole.
        value = sample >> 3
        magnitude = value if value >= 0 else -value - 1
        interval = bisect_right(ALAW_DECISIONS, magnitude) - 1
        assert code ^ 0x55 == (0x80 if value >= 0 else 0) + interval


def test_decoded_values_lie_in_the_middle_of_their_intervals():
    ulaw, alaw = unpack(g711.ulaw_to_l16(EVERY_CODE)), unpack(g711.alaw_to_l16(EVERY_CODE))
    for n in range(128):
        middle = 0 if n == 0 else (ULAW_DECISIONS[n] + ULAW_DECISIONS[n + 1]) // 2
        assert (ulaw[0xFF - n], ulaw[0x7F - n]) == (4 * middle, -4 * middle)
        middle = (ALAW_DECISIONS[n] + ALAW_DECISIONS[n + 1]) // 2
        assert (alaw[(0x80 + n) ^ 0x55], alaw[n ^ 0x55]) == (8 * middle, -8 * middle)


def test_agrees_with_audioop_where_there_is_one():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop")
    assert g711.l16_to_ulaw(EVERY_SAMPLE) == audioop.lin2ulaw(EVERY_SAMPLE, 2)
    assert g711.l16_to_alaw(EVERY_SAMPLE) == audioop.lin2alaw(EVERY_SAMPLE, 2)
    assert g711.ulaw_to_l16(EVERY_CODE) == audioop.ulaw2lin(EVERY_CODE, 2)
    assert g711.alaw_to_l16(EVERY_CODE) == audioop.alaw2lin(EVERY_CODE, 2)


@given(st.binary(max_size=400))
def test_a_codeword_survives_decoding_and_encoding(data: bytes):
    # µ-law has a negative zero, 0x7F, which comes back as the positive one.
    assert g711.l16_to_ulaw(g711.ulaw_to_l16(data)) == data.replace(b"\x7f", b"\xff")
    assert g711.l16_to_alaw(g711.alaw_to_l16(data)) == data


@pytest.mark.parametrize("count", [0, 1, 2, 160, 4096, 4097, 20000])
def test_any_number_of_samples(count: int):
    samples = EVERY_SAMPLE[: 2 * count]
    assert g711.l16_to_ulaw(samples) == bytes(g711.l16_to_ulaw(samples[i : i + 2])[0] for i in range(0, 2 * count, 2))


def test_half_a_sample_is_refused():
    with pytest.raises(struct.error):
        g711.l16_to_ulaw(b"\0\0\0")


def test_between_the_laws_goes_by_the_linear_value():
    assert g711.alaw_to_ulaw(EVERY_CODE) == g711.l16_to_ulaw(g711.alaw_to_l16(EVERY_CODE))
    assert g711.ulaw_to_alaw(EVERY_CODE) == g711.l16_to_alaw(g711.ulaw_to_l16(EVERY_CODE))
