"""Changing the sampling rate of a clip, with what the new rate cannot carry filtered out."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import accumulate, pairwise
from operator import mul

_CROSSINGS = 20
"""Zero crossings of the sinc on each side: the transition band is a tenth of the band."""
_KAISER_BETA = 8.0
"""Side lobes of the window at -80 dB."""
_ROLL_OFF = 0.93
"""Where the filter is down by half, as a share of the lower of the two Nyquist frequencies."""

_SLOT = 6
"""Bytes for one sum of products: three of fraction, two of sample, one that tells when it is beyond 16 bits."""
_UNIT = 1 << 24
"""The weight 1; a tap is then one digit of Python's long integers (30 bits)."""
_INSIDE = 2
"""What the last byte of a slot holds when the sample is within 16 bits; the filter can overshoot by less than that."""
_REST = (_INSIDE << 40) + _UNIT // 2
"""Added to each sum: keeps it above zero, and makes the cut at three bytes a rounding to the nearest."""
_COLUMNS = 256
"""Slots in one number: enough that the work is arithmetic, few enough that other threads are not kept waiting."""
_UNSIGNED = bytes(byte ^ 0x80 for byte in range(256))
"""Upper bytes of signed samples to those of samples counted from the lowest, and back."""


def resample(samples: bytes, from_rate: int, to_rate: int) -> bytes:
    """Mono s16le at another rate; the length in time is kept to the nearest sample. ``ValueError`` for rates below 1.

    A polyphase filter: each output sample is one inner product with the phase of a windowed sinc that falls on it.
    Outputs come in columns of ``up``, for which the input moves on by ``down``. One row of them has one phase, so a
    row of 256 is made at once: the samples it needs stand side by side in long integers, and a tap multiplies all.
    """
    if from_rate < 1 or to_rate < 1:
        raise ValueError(f"cannot resample from {from_rate} to {to_rate}")
    if from_rate == to_rate or not samples:
        return samples
    common = math.gcd(from_rate, to_rate)
    up, down = to_rate // common, from_rate // common
    scale = min(1.0, to_rate / from_rate) * _ROLL_OFF
    reach = math.ceil(_CROSSINGS / scale)
    count = len(samples) // 2
    wanted = round(count * up / down)
    columns = -(-wanted // up)
    rows = min(up, wanted)
    seen = (rows - 1) * down // up + 2 * reach + 1
    low, high = _halves(samples[: 2 * count], reach, columns * down + seen)
    made = bytearray(2 * up * columns)
    for first in range(0, columns, _COLUMNS):
        many = min(_COLUMNS, columns - first)
        inputs = [_side_by_side(low, high, first * down + n, down, many) for n in range(seen)]
        rest = int.from_bytes(_REST.to_bytes(_SLOT, "little") * many, "little")
        for row in range(rows):
            at, phase = divmod(row * down, up)
            total = sum(map(mul, inputs[at : at + 2 * reach + 1], _taps(phase, up, scale, reach)), rest)
            place = 2 * (first * up + row)
            end = place + 2 * up * many
            made[place : end : 2 * up], made[place + 1 : end : 2 * up] = _cut(total, many)
    return bytes(made[: 2 * wanted])


def _halves(samples: bytes, reach: int, length: int) -> tuple[bytes, bytes]:
    """Lower and upper bytes of the samples, counted from the lowest, between silence enough for the filter."""
    low = bytes(reach) + samples[0::2]
    high = b"\x80" * reach + samples[1::2].translate(_UNSIGNED)
    return low.ljust(length, b"\0"), high.ljust(length, b"\x80")


def _side_by_side(low: bytes, high: bytes, first: int, step: int, many: int) -> int:
    """Every ``step``-th sample from the first on, one in each slot of a long integer."""
    slots = bytearray(_SLOT * many)
    end = first + step * many
    slots[0::_SLOT] = low[first:end:step]
    slots[1::_SLOT] = high[first:end:step]
    return int.from_bytes(slots, "little")


def _cut(total: int, many: int) -> tuple[bytes, bytes]:
    """Lower and upper bytes of the samples in the slots; what is beyond 16 bits becomes the loudest there is."""
    slots = total.to_bytes(_SLOT * many, "little")
    low, high, beyond = slots[3::_SLOT], slots[4::_SLOT], slots[5::_SLOT]
    if beyond.count(_INSIDE) < many:
        loudest = [None if top == _INSIDE else 255 if top > _INSIDE else 0 for top in beyond]
        low = bytes(byte if limit is None else limit for byte, limit in zip(low, loudest, strict=True))
        high = bytes(byte if limit is None else limit for byte, limit in zip(high, loudest, strict=True))
    return low, high.translate(_UNSIGNED)


@lru_cache(maxsize=4096)
def _taps(phase: int, up: int, scale: float, reach: int) -> tuple[int, ...]:
    """Weights of the inputs around a point ``phase / up`` after one of them; their sum is exactly ``_UNIT``.

    Rounded so that the sums up to each are the nearest, for a sum that is off would be heard in silence.
    """
    middle = phase / up
    taps = [_kernel((n - middle) * scale) for n in range(-reach, reach + 1)]
    unit = _UNIT / sum(taps)
    sums = [round(part * unit) for part in accumulate(taps, initial=0.0)]
    return tuple(after - before for before, after in pairwise(sums))


def _kernel(x: float) -> float:
    """Sinc under a Kaiser window that ends at ``±_CROSSINGS``; not to scale, for the taps are scaled by their sum."""
    if abs(x) >= _CROSSINGS:
        return 0.0
    window = _bessel(_KAISER_BETA * math.sqrt(1 - (x / _CROSSINGS) ** 2))
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
