"""Arithmetic on L16 frames: sum, gain, level."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from operator import add, sub


def mix(frames: Sequence[bytes]) -> bytes:
    """The sum, saturated at full scale, as long as the longest frame; silence of no length if there is none."""
    if len(frames) < 2:
        return frames[0] if frames else b""
    longest = max(map(len, frames))
    total = _samples(frames[0].ljust(longest, b"\0"))
    for frame in frames[1:]:
        total = tuple(map(add, total, _samples(frame.ljust(longest, b"\0"))))
    return _pack(total)


def total(frames: Sequence[bytes]) -> tuple[int, ...]:
    """The sum of frames of one length, not saturated: what ``without`` takes from and ``packed`` makes a frame of."""
    samples = _samples(frames[0])
    for frame in frames[1:]:
        samples = tuple(map(add, samples, _samples(frame)))
    return samples


def without(sum_of_all: tuple[int, ...], frame: bytes) -> bytes:
    """The sum without this one, saturated."""
    return _pack(tuple(map(sub, sum_of_all, _samples(frame))))


def packed(samples: tuple[int, ...]) -> bytes:
    """A frame of these samples, saturated."""
    return _pack(samples)


def gain(frame: bytes, factor: float) -> bytes:
    """Every sample times ``factor`` (1.0 leaves the frame as it is), saturated at full scale."""
    if factor == 1.0:
        return frame
    return _pack([round(sample * factor) for sample in _samples(frame)])


def rms(frame: bytes) -> float:
    """Root mean square in units of a sample: 0 for silence, 32768 at most."""
    samples = _samples(frame)
    return math.hypot(*samples) / math.sqrt(len(samples)) if samples else 0.0


def peak(frame: bytes) -> int:
    """The largest magnitude of a sample, 0 to 32768."""
    samples = _samples(frame)
    return max(abs(max(samples)), abs(min(samples))) if samples else 0


def _samples(frame: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(frame) // 2}h", frame)


def _pack(samples: Sequence[int]) -> bytes:
    try:
        return struct.pack(f"<{len(samples)}h", *samples)
    except struct.error:
        # Rare, so only now is every sample looked at.
        return struct.pack(f"<{len(samples)}h", *_saturate(samples))


def _saturate(samples: Iterable[int]) -> Iterable[int]:
    return (max(-32768, min(32767, sample)) for sample in samples)
