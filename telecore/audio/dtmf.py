"""DTMF out of sound, in pure Python.

Blocks of 102 samples (12.75 ms; 78 Hz wide, so a key 1.5 % off still falls into its bin) pass three gates, each
dearer and rarer than the one before:

1. energy: most blocks of a call are silence;
2. spectrum: one tone of each group holds most of the block's energy;
3. fit: over two blocks, two steady sines whose frequencies, measured by the advance of their phases, lie within
   tolerance, explain nearly all of the energy, within the twist allowed and without second harmonics. Unless they
   explain almost everything, another pair of blocks of the same press must say the same. Speech comes close to two
   tones of a key for one block, in half an hour once for two, and not for longer.

Correlations are taken by ``math.dist``, which runs in C: |x - c|² = |x|² + |c|² - 2<x,c>. It is several times
as fast as a Goertzel loop in Python and exact enough by ten digits.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul
from typing import NamedTuple

from telecore.audio.frames import RATE
from telecore.audio.tone import DTMF_HIGH, DTMF_KEYS, DTMF_LOW, amplitude

BLOCK = 102
_BLOCK_BYTES = 2 * BLOCK
_unpack = struct.Struct(f"<{BLOCK}h").unpack_from

_Samples = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class DtmfLimits:
    """What counts as a key. The defaults are wider than Q.24 asks of a receiver by the error of measurement."""

    level_dbm0: float = -36.0
    """Weaker blocks are silence."""
    low_share: float = 0.12
    high_share: float = 0.045
    both_share: float = 0.40
    """Of a block's energy, seen in bins at the nominal frequencies; small because a block may be half a pause."""
    explained: float = 0.88
    """Of two blocks' energy, by the two sines that fit best, twice in one press. 15 dB of noise leave 0.97."""
    explained_at_once: float = 0.95
    """This much will do once, for short presses. The most that two hours of speech ever reached, once, was 0.89."""
    off_frequency: float = 0.023
    """Q.24 wants 1.5 % accepted and 3.5 % refused."""
    normal_twist_db: float = 9.0
    reverse_twist_db: float = 5.0
    """The low tone may be stronger by 8 dB, the high one by 4 dB."""
    harmonic: float = 0.1
    """Power at twice a tone's frequency over the tone's own."""
    on_blocks: int = 3
    off_blocks: int = 3
    """About 40 ms."""


class _Tone(NamedTuple):
    """Unit vectors to correlate a block with."""

    cos: _Samples
    sin: _Samples
    step: float


class _Phasor(NamedTuple):
    key: int
    low: complex
    high: complex


def _make_tone(freq: float) -> _Tone:
    step = 2 * math.pi * freq / RATE
    cos = [math.cos(step * n) for n in range(BLOCK)]
    sin = [math.sin(step * n) for n in range(BLOCK)]
    return _Tone(
        tuple(value / math.hypot(*cos) for value in cos), tuple(value / math.hypot(*sin) for value in sin), step
    )


_LOW = tuple(map(_make_tone, DTMF_LOW))
_HIGH = tuple(map(_make_tone, DTMF_HIGH))


class DtmfDetector:
    """Reports each key once, after about 40 ms of it, and again only after a pause of about 40 ms."""

    def __init__(self, limits: DtmfLimits | None = None) -> None:
        self._limits = limits or DtmfLimits()
        self._floor = amplitude(self._limits.level_dbm0) / math.sqrt(2) * math.sqrt(BLOCK)
        self.reset()

    def reset(self) -> None:
        """Forget what was heard; a key that is down counts as a new one."""
        self._rest = b""
        self._last: tuple[_Samples, _Phasor] | None = None
        self._run = 0
        self._proof = 0.0
        self._held = -1
        self._gap = 0

    def feed(self, frame: bytes) -> str:
        """Take s16le samples at 8 kHz, any number of bytes; the keys recognised by them, usually none."""
        data = self._rest + frame
        whole = len(data) // _BLOCK_BYTES * _BLOCK_BYTES
        self._rest = data[whole:]
        return "".join([self._hear(_unpack(data, at)) for at in range(0, whole, _BLOCK_BYTES)])

    def _hear(self, block: _Samples) -> str:
        found = _look(block, self._limits, self._floor)
        if found is None:
            self._last, self._run = None, 0
            self._release()
            return ""
        if self._last is not None and self._last[1].key == found.key:
            self._run += 1
            if self._proof < 1:
                self._proof += _proof(*self._last, block, found, self._limits)
        else:
            self._run, self._proof = 1, 0.0
        self._last = (block, found)
        if found.key == self._held:
            self._gap = 0
            return ""
        self._release()
        if self._run < self._limits.on_blocks or self._proof < 1:
            return ""
        self._held, self._gap = found.key, 0
        return DTMF_KEYS[found.key]

    def _release(self) -> None:
        self._gap += 1
        if self._gap >= self._limits.off_blocks:
            self._held = -1


def _look(block: _Samples, limits: DtmfLimits, floor: float) -> _Phasor | None:
    """The key whose two bins hold most of the block, if that is enough to be worth a closer look."""
    norm = math.hypot(*block)
    if norm < floor:
        return None
    energy = norm * norm
    low_at, low = _strongest(block, energy, _LOW)
    low_share = abs(low) ** 2 / energy
    if low_share < limits.low_share:
        return None
    high_at, high = _strongest(block, energy, _HIGH)
    high_share = abs(high) ** 2 / energy
    if high_share < limits.high_share or low_share + high_share < limits.both_share:
        return None
    return _Phasor(4 * low_at + high_at, low, high)


def _strongest(block: _Samples, energy: float, tones: tuple[_Tone, ...]) -> tuple[int, complex]:
    dist, best, at, most = math.dist, 0j, 0, 0.0
    base = energy + 1
    for index, tone in enumerate(tones):
        real = base - dist(block, tone.cos) ** 2
        imag = base - dist(block, tone.sin) ** 2
        power = real * real + imag * imag
        if power > most:
            best, at, most = complex(real, -imag), index, power
    return at, best / 2


def _proof(block: _Samples, was: _Phasor, after: _Samples, now: _Phasor, limits: DtmfLimits) -> float:
    """How far two adjacent blocks prove a key: 1 if they are two sines and almost nothing else, ½ if little else."""
    low, high = _LOW[now.key // 4].step, _HIGH[now.key % 4].step
    low_off, high_off = _drift(was.low, now.low, low), _drift(was.high, now.high, high)
    if abs(low_off) > limits.off_frequency * low or abs(high_off) > limits.off_frequency * high:
        return 0.0
    both = block + after
    energy = math.hypot(*both) ** 2
    fit = _fit(both, low + low_off, high + high_off)
    if fit.explained < limits.explained * energy or not fit.low_power or not fit.high_power:
        return 0.0
    twist = 10 * math.log10(fit.low_power / fit.high_power)
    if not -limits.reverse_twist_db <= twist <= limits.normal_twist_db or _has_harmonics(both, fit, limits.harmonic):
        return 0.0
    return 1.0 if fit.explained >= limits.explained_at_once * energy else 0.5


def _drift(was: complex, now: complex, step: float) -> float:
    """How much faster than ``step`` (radians per sample) the phase went on between two adjacent blocks."""
    turn = math.atan2(now.imag, now.real) - math.atan2(was.imag, was.real) - step * BLOCK
    return math.remainder(turn, 2 * math.pi) / BLOCK


class _Fit(NamedTuple):
    low_step: float
    high_step: float
    low_cos: float
    low_sin: float
    high_cos: float
    high_sin: float
    explained: float

    @property
    def low_power(self) -> float:
        return self.low_cos**2 + self.low_sin**2

    @property
    def high_power(self) -> float:
        return self.high_cos**2 + self.high_sin**2


def _fit(samples: _Samples, low: float, high: float) -> _Fit:
    """Least squares of two sines. With time counted from the middle, cosines and sines are orthogonal."""
    count = len(samples)
    times = [n - (count - 1) / 2 for n in range(count)]
    far, near = _kernel(low + high, count), _kernel(low - high, count)
    low_turn, high_turn = _kernel(2 * low, count), _kernel(2 * high, count)
    explained = 0.0
    found: list[float] = []
    for wave, sign in ((math.cos, 1), (math.sin, -1)):
        a = _dot(samples, [wave(low * t) for t in times])
        b = _dot(samples, [wave(high * t) for t in times])
        aa, bb, ab = (count + sign * low_turn) / 2, (count + sign * high_turn) / 2, (near + sign * far) / 2
        det = aa * bb - ab * ab
        x, y = (a * bb - b * ab) / det, (b * aa - a * ab) / det
        explained += a * x + b * y
        found += [x, y]
    return _Fit(low, high, found[0], found[2], found[1], found[3], explained)


def _kernel(step: float, count: int) -> float:
    """Sum of ``cos(step * t)`` over ``count`` times around zero."""
    return math.sin(step * count / 2) / math.sin(step / 2)


def _has_harmonics(samples: _Samples, fit: _Fit, limit: float) -> bool:
    """Speech is rich in harmonics, a key press has none. The tones are taken out first: they would leak."""
    times = [n - (len(samples) - 1) / 2 for n in range(len(samples))]
    low, high = fit.low_step, fit.high_step
    rest = [
        sample
        - fit.low_cos * math.cos(low * t)
        - fit.low_sin * math.sin(low * t)
        - fit.high_cos * math.cos(high * t)
        - fit.high_sin * math.sin(high * t)
        for sample, t in zip(samples, times, strict=True)
    ]
    for step, power in ((2 * low, fit.low_power), (2 * high, fit.high_power)):
        real = _dot(rest, [math.cos(step * t) for t in times])
        imag = _dot(rest, [math.sin(step * t) for t in times])
        if (real * real + imag * imag) * (2 / len(samples)) ** 2 > limit * power:
            return True
    return False


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    total: float = sum(map(mul, a, b))
    return total
