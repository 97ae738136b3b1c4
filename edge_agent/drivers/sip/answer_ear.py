"""Has somebody really answered? For gateways that say 200 while the GSM side still rings ("answer mode: alerted")."""

from __future__ import annotations

import math
import struct

from telecore.audio.frames import FRAME_MS, FRAME_SAMPLES, RATE

_QUIET = 90.0
"""RMS of about -48 dBm0, as in telecore/audio/activity.py."""
_RINGBACK_HZ = (400, 450, 500)
"""Every ringing tone that E.180 lists lies between 375 and 525 Hz, on its own or in pairs."""
_TONAL = 0.75
_SPEECH_MS = 240
_WINDOW_MS = 1000
_AFTER_RINGING_MS = 7000
"""No country pauses longer between two rings; silence beyond it is somebody who says nothing."""


class AnswerEar:
    """Fed with 20 ms of L16 at a time. Music in place of the ringing tone counts as an answer: it cannot be told."""

    def __init__(self) -> None:
        step = [2 * math.pi * freq / RATE for freq in _RINGBACK_HZ]
        self._waves = [
            ([math.cos(w * n) for n in range(FRAME_SAMPLES)], [math.sin(w * n) for n in range(FRAME_SAMPLES)])
            for w in step
        ]
        self._speech: list[bool] = []
        self._rang = False
        self._silent_ms = 0

    def feed(self, frame: bytes) -> bool:
        """Whether there is an answer by now."""
        if len(frame) != 2 * FRAME_SAMPLES:
            return False
        samples = [float(sample) for sample in struct.unpack(f"<{FRAME_SAMPLES}h", frame)]
        energy = sum(sample * sample for sample in samples)
        loud = math.sqrt(energy / FRAME_SAMPLES) > _QUIET
        tonal = loud and self._tonal(samples, energy)
        self._rang = self._rang or tonal
        self._silent_ms = 0 if loud else self._silent_ms + FRAME_MS
        self._speech = [*self._speech[1 - _WINDOW_MS // FRAME_MS :], loud and not tonal]
        if sum(self._speech) * FRAME_MS >= _SPEECH_MS:
            return True
        return self._rang and self._silent_ms >= _AFTER_RINGING_MS

    def _tonal(self, samples: list[float], energy: float) -> bool:
        band = 0.0
        for cosine, sine in self._waves:
            real = sum(map(float.__mul__, samples, cosine))
            imag = sum(map(float.__mul__, samples, sine))
            band += (real * real + imag * imag) * 2 / FRAME_SAMPLES
        return band / energy > _TONAL
