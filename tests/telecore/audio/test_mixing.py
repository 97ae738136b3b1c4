import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.audio.mixing import gain, mix, peak, rms

frames = st.lists(st.integers(-32768, 32767), max_size=20).map(lambda values: struct.pack(f"<{len(values)}h", *values))


def values(frame: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(frame) // 2}h", frame))


def at(frame: list[int], n: int) -> int:
    return frame[n] if n < len(frame) else 0


@given(st.lists(frames, max_size=5))
def test_the_mix_is_the_sum_saturated(parts: list[bytes]):
    lists = [values(part) for part in parts]
    want = [max(-32768, min(32767, sum(at(part, n) for part in lists))) for n in range(max(map(len, lists), default=0))]
    assert values(mix(parts)) == want


def test_a_single_frame_is_not_touched():
    frame = struct.pack("<2h", 5, -5)
    assert mix([frame]) is frame
    assert mix([]) == b""


@given(frames, st.floats(0, 10))
def test_gain_is_proportional_and_saturates(frame: bytes, factor: float):
    assert values(gain(frame, factor)) == [max(-32768, min(32767, round(value * factor))) for value in values(frame)]


def test_unity_gain_is_free():
    frame = bytes(320)
    assert gain(frame, 1.0) is frame


def test_levels():
    sine = struct.pack("<160h", *(round(10000 * math.sin(2 * math.pi * n / 16)) for n in range(160)))
    assert rms(sine) == pytest.approx(10000 / math.sqrt(2), rel=1e-3)
    assert peak(sine) == 10000
    assert (rms(b""), peak(b""), rms(bytes(320)), peak(bytes(320))) == (0, 0, 0, 0)
    assert peak(struct.pack("<3h", 100, -32768, 32767)) == 32768
    assert peak(struct.pack("<2h", -7, -3)) == 7
