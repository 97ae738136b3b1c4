"""Changing the sampling rate of a clip, with what the new rate cannot carry filtered out."""

from __future__ import annotations

import math
import struct
from functools import lru_cache
from operator import mul

_CROSSINGS = 20
"""Zero crossings of the sinc on each side: the transition band is a tenth of the band."""
_KAISER_BETA = 8.0
"""Side lobes of the window at -80 dB."""
_ROLL_OFF = 0.93
"""Where the filter is down by half, as a share of the lower of the two Nyquist frequencies."""


def resample(samples: bytes, from_rate: int, to_rate: int) -> bytes:
    """Mono s16le at another rate; the length in time is kept to the nearest sample. ``ValueError`` for rates below 1.

    A polyphase filter: each output sample is one inner product with the phase of a windowed sinc that falls on it.
    """
    if from_rate < 1 or to_rate < 1:
        raise ValueError(f"cannot resample from {from_rate} to {to_rate}")
    if from_rate == to_rate or not samples:
        return samples
    count = len(samples) // 2
    common = math.gcd(from_rate, to_rate)
    up, down = to_rate // common, from_rate // common
    scale = min(1.0, to_rate / from_rate) * _ROLL_OFF
    reach = math.ceil(_CROSSINGS / scale)
    margin = [0.0] * reach
    padded = [*margin, *map(float, struct.unpack_from(f"<{count}h", samples)), *margin, 0.0]
    made = []
    for position in range(0, round(count * up / down) * down, down):
        at, phase = divmod(position, up)
        made.append(sum(map(mul, padded[at : at + 2 * reach + 1], _taps(phase, up, scale, reach))))
    return struct.pack(f"<{len(made)}h", *[max(-32768, min(32767, round(value))) for value in made])


@lru_cache(maxsize=4096)
def _taps(phase: int, up: int, scale: float, reach: int) -> tuple[float, ...]:
    """Weights of the inputs around a point ``phase / up`` after one of them; their sum is exactly 1."""
    middle = phase / up
    taps = [_kernel((n - middle) * scale) for n in range(-reach, reach + 1)]
    total = sum(taps)
    return tuple(tap / total for tap in taps)


def _kernel(x: float) -> float:
    """Sinc under a Kaiser window that ends at ``±_CROSSINGS``."""
    if abs(x) >= _CROSSINGS:
        return 0.0
    window = _bessel(_KAISER_BETA * math.sqrt(1 - (x / _CROSSINGS) ** 2)) / _bessel(_KAISER_BETA)
    return window * (math.sin(math.pi * x) / (math.pi * x) if x else 1.0)


def _bessel(x: float) -> float:
    """I0, the modified Bessel function of order zero, by its power series."""
    term = total = 1.0
    k = 0
    while term > total * 1e-12:
        k += 1
        term *= (x / (2 * k)) ** 2
        total += term
    return total
