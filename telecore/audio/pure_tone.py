"""Steady pure tones of any frequency in a sound: the beep of a voicemail, the answer of a fax machine.

A frame is tonal when one sine explains nearly all of its energy. The frequency is Pisarenko's estimate from the first
two autocorrelations, which white noise does not pull aside; what the sine explains is measured by correlation.
"""

from __future__ import annotations

import cmath
import math
import struct
from dataclasses import dataclass
from functools import lru_cache
from operator import mul

from telecore.audio.frames import FRAME_MS, FRAME_SAMPLES, RATE

LOWEST_HZ = 330.0
"""Below it a vowel may be as pure as a tone."""
HIGHEST_HZ = 3000.0
_WEAKEST = 220.0
"""RMS, about -37 dBm0."""
_EXPLAINED = 0.75
"""GSM's full rate codec leaves no more of a tone at 2 kHz."""
_STEADY = 0.03
"""From frame to frame; a voice glides."""
_HOLES = 2
"""Frames of a run that may fail: the phase of a fax's answer tone turns over each 450 ms (V.8 §7.2)."""
_HALF = FRAME_SAMPLES // 2
_unpack = struct.Struct(f"<{FRAME_SAMPLES}h").unpack


@dataclass(frozen=True, slots=True)
class Tone:
    """A run of tonal frames of one frequency. ``over``: it has ended."""

    hz: float
    ms: int
    over: bool


class ToneFinder:
    """Follows one sound, frame by frame."""

    def __init__(self) -> None:
        self.hz = 0.0
        """Of the last frame; 0: it is not tonal."""
        self._hz = 0.0
        self._frames = 0
        self._holes = 0

    def feed(self, frame: bytes) -> Tone | None:
        """The run that this frame continues or ends. Take 20 ms of s16le at 8 kHz."""
        hz = self.hz = frequency(frame)
        steady = self._frames and abs(hz - self._hz) <= _STEADY * self._hz
        if hz and steady:
            self._frames += 1 + self._holes
            self._holes = 0
            self._hz += (hz - self._hz) / min(self._frames, 10)
            return self._tone(over=False)
        if self._frames > 2 and self._holes < _HOLES:
            self._holes += 1
            return self._tone(over=False)
        ended = self._tone(over=True) if self._frames > 1 else None
        self._hz, self._frames, self._holes = hz, 1 if hz else 0, 0
        return ended

    def _tone(self, *, over: bool) -> Tone:
        return Tone(self._hz, self._frames * FRAME_MS, over)


def frequency(frame: bytes) -> float:
    """The frequency of the one sine that this frame is, in Hz; 0 when it is none, or one of another length."""
    if len(frame) != 2 * FRAME_SAMPLES:
        return 0.0
    samples = _unpack(frame)
    energy = float(sum(map(mul, samples, samples)))
    if energy < _WEAKEST * _WEAKEST * FRAME_SAMPLES:
        return 0.0
    first = sum(map(mul, samples, samples[1:])) / (FRAME_SAMPLES - 1)
    second = sum(map(mul, samples, samples[2:])) / (FRAME_SAMPLES - 2)
    if not first:
        return 0.0
    cosine = (second + math.hypot(second, math.sqrt(8) * first)) / (4 * first)
    if not -1 < cosine < 1:
        return 0.0
    return _refined(samples, energy, math.acos(cosine) * RATE / (2 * math.pi))


def _refined(samples: tuple[int, ...], energy: float, near: float) -> float:
    """The frequency by the advance of the phase between the two halves, if a sine there explains the frame."""
    if not LOWEST_HZ <= near <= HIGHEST_HZ:
        return 0.0
    tens = round(near / 10)
    cos, sin = _sines(tens)
    first, second = (complex(sum(map(mul, half, cos)), -sum(map(mul, half, sin))) for half in _halves(samples))
    explained = (abs(first) ** 2 + abs(second) ** 2) * 2 / (_HALF * energy)
    if explained < _EXPLAINED:
        return 0.0
    step = 2 * math.pi * 10 * tens / RATE
    turned = cmath.phase(second / first) - step * _HALF if first else 0.0
    return 10 * tens + math.remainder(turned, 2 * math.pi) * RATE / (2 * math.pi * _HALF)


def _halves(samples: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return samples[:_HALF], samples[_HALF:]


@lru_cache(maxsize=512)
def _sines(tens: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    step = 2 * math.pi * 10 * tens / RATE
    return (
        tuple(math.cos(step * n) for n in range(_HALF)),
        tuple(math.sin(step * n) for n in range(_HALF)),
    )
