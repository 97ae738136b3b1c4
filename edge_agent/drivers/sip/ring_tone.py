"""The network's ringing tone in the sound of a call that nobody has answered yet."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from telecore.audio.frames import FRAME_MS, FRAME_SAMPLES, RATE

_QUIET = 90.0
"""RMS of about -48 dBm0, as in telecore/audio/activity.py."""
_RINGBACK_HZ = (400, 450, 500)
"""Every ringing tone that E.180 lists lies between 375 and 525 Hz, on its own or in pairs."""
_TONAL = 0.75
_RING_MS = 600
"""Busy and congestion tones have the same pitch, and last 500 ms at most (E.180 §5, §6)."""


@dataclass(frozen=True, slots=True)
class Heard:
    """``tonal``: nearly all of it lies where ringing tones do."""

    loud: bool
    tonal: bool


class RingTone:
    """Looks at 20 ms of L16 at a time."""

    def __init__(self) -> None:
        step = [2 * math.pi * freq / RATE for freq in _RINGBACK_HZ]
        self._waves = [
            ([math.cos(w * n) for n in range(FRAME_SAMPLES)], [math.sin(w * n) for n in range(FRAME_SAMPLES)])
            for w in step
        ]

    def look(self, frame: bytes) -> Heard:
        """What this frame is."""
        samples = [float(sample) for sample in struct.unpack(f"<{FRAME_SAMPLES}h", frame)]
        energy = sum(sample * sample for sample in samples)
        loud = math.sqrt(energy / FRAME_SAMPLES) > _QUIET
        return Heard(loud, loud and self._tonal(samples, energy))

    def _tonal(self, samples: list[float], energy: float) -> bool:
        band = 0.0
        for cosine, sine in self._waves:
            real = sum(map(float.__mul__, samples, cosine))
            imag = sum(map(float.__mul__, samples, sine))
            band += (real * real + imag * imag) * 2 / FRAME_SAMPLES
        return band / energy > _TONAL


class RingEar:
    """Does it ring? For boxes that say 183 at once and nothing more: only their early sound tells. Where a ring is
    shorter than 600 ms (the United Kingdom's double ring) it is not told from a busy tone, and stays untold."""

    def __init__(self) -> None:
        self._tone = RingTone()
        self._tonal_ms = 0

    def feed(self, frame: bytes) -> bool:
        """Whether it has rung by now."""
        if len(frame) == 2 * FRAME_SAMPLES:
            self._tonal_ms = self._tonal_ms + FRAME_MS if self._tone.look(frame).tonal else 0
        return self._tonal_ms >= _RING_MS
