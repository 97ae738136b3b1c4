"""How strong one tone is in a sound, whatever else is in it."""

from __future__ import annotations

import math
import struct

from telecore.audio.frames import FRAME_SAMPLES, RATE
from telecore.audio.tone import amplitude

SILENT = -90.0
"""Weaker is told as this, dBm0."""
_FULL = amplitude(0.0)


class ToneLevel:
    """Follows one frequency, a multiple of 50 Hz, over 20 ms frames of L16, which hold whole periods of it.

    ``level`` is in dBm0, of the loudest half second heard so far.
    """

    def __init__(self, freq: int, frames: int = 25) -> None:
        step = 2 * math.pi * freq / RATE
        self._cos = [math.cos(step * n) for n in range(FRAME_SAMPLES)]
        self._sin = [math.sin(step * n) for n in range(FRAME_SAMPLES)]
        self._frames = frames
        self._recent: list[float] = []
        self._best = 0.0

    def feed(self, frame: bytes) -> None:
        """Take one frame; one of another length is not counted."""
        if len(frame) != 2 * FRAME_SAMPLES:
            return
        samples = struct.unpack(f"<{FRAME_SAMPLES}h", frame)
        real = sum(map(float.__mul__, map(float, samples), self._cos))
        imag = sum(map(float.__mul__, map(float, samples), self._sin))
        self._recent = [*self._recent[1 - self._frames :], math.hypot(real, imag) * 2 / FRAME_SAMPLES]
        if len(self._recent) == self._frames:
            self._best = max(self._best, sum(self._recent) / self._frames)

    @property
    def level(self) -> float:
        return max(SILENT, 20 * math.log10(self._best / _FULL)) if self._best > 0 else SILENT
