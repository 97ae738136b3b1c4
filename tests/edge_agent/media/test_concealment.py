from __future__ import annotations

import math
import struct

import pytest

from edge_agent.media.concealment import Concealment


def voiced(samples: int, pitch: float = 110.0) -> bytes:
    """A vowel: a pitch and six overtones."""
    values = (
        sum(math.sin(2 * math.pi * pitch * overtone * at / 8000 + overtone) / overtone for overtone in range(1, 8))
        for at in range(samples)
    )
    return struct.pack(f"<{samples}h", *(round(4000 * value) for value in values))


def error(one: bytes, other: bytes) -> float:
    """Of the energy of the first."""
    a, b = (struct.unpack(f"<{len(sound) // 2}h", sound) for sound in (one, other))
    return math.dist(a, b) ** 2 / math.hypot(*a) ** 2


@pytest.mark.parametrize("pitch", [75.0, 110.0, 180.0])
def test_a_lost_frame_of_a_vowel_is_hardly_missed(pitch: float) -> None:
    sound = voiced(1600, pitch)
    frames = [sound[begin : begin + 320] for begin in range(0, len(sound), 320)]
    conceal = Concealment()
    for frame in frames[:5]:
        conceal.heard(frame)
    filled = conceal.fill(160)
    assert error(frames[5], filled) < 0.25  # silence in its place would be 1
    joined = conceal.join(frames[6])
    assert joined[80:] == frames[6][80:]
    assert error(frames[6], joined) < 0.1
    assert not conceal.active


def test_it_fades_within_sixty_milliseconds() -> None:
    conceal = Concealment()
    for _ in range(3):
        conceal.heard(voiced(160))
    levels = [math.hypot(*struct.unpack("<160h", conceal.fill(160))) for _ in range(4)]
    assert levels == sorted(levels, reverse=True)
    assert levels[3] == 0


def test_after_silence_sound_comes_as_it_is() -> None:
    conceal = Concealment()
    assert conceal.fill(160) == bytes(320)
    assert conceal.join(voiced(160)) == voiced(160)


def test_odd_pieces_fit_together() -> None:
    one, other = Concealment(), Concealment()
    for frame in (voiced(160), voiced(160)):
        one.heard(frame)
        other.heard(frame)
    assert b"".join(one.fill(size) for size in (1, 59, 100, 400)) == other.fill(560)


def test_what_is_forgotten_is_not_repeated() -> None:
    conceal = Concealment()
    conceal.heard(voiced(160))
    conceal.forget()
    assert conceal.fill(160) == bytes(320)
