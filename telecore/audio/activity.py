"""Is somebody speaking? As ``<Record timeout>`` and ``trim-silence`` need to know it."""

from __future__ import annotations

from telecore.audio.frames import RATE
from telecore.audio.mixing import rms

_QUIET = 90.0
"""About -48 dBm0: below it everything is silence, however quiet the line is otherwise."""
_LOUD = 1300.0
"""About -25 dBm0: above it everything is sound, however noisy the line is otherwise."""
_ABOVE_FLOOR = 3.5
"""Speech is at least 11 dB above the noise."""
_RISE_PER_S = 2.0
"""How fast the floor follows noise that gets louder; it follows downwards at once."""
_CONFIRM_MS = 40.0
"""A click is shorter."""


class SilenceDetector:
    """How long it has been silent, by level against a noise floor that adapts to the line."""

    def __init__(self) -> None:
        self.silent_ms = 0.0
        """Length of the silence that lasts until now; 0 while somebody speaks."""
        self.heard = False
        """Whether there was any sound at all since the beginning."""
        self._floor = _QUIET / _ABOVE_FLOOR
        self._sound_ms = 0.0

    def feed(self, frame: bytes) -> None:
        """Take s16le samples at 8 kHz, normally 20 ms of them."""
        ms = len(frame) / 2 / RATE * 1000
        level = rms(frame)
        self._follow(level, ms)
        if level < self.threshold:
            self._sound_ms = 0.0
            self.silent_ms += ms
            return
        self._sound_ms += ms
        if self._sound_ms >= _CONFIRM_MS:
            self.silent_ms, self.heard = 0.0, True
        else:
            self.silent_ms += ms

    @property
    def threshold(self) -> float:
        """The level that counts as sound at present."""
        return min(_LOUD, max(_QUIET, self._floor * _ABOVE_FLOOR))

    def _follow(self, level: float, ms: float) -> None:
        rising = max(self._floor, 1.0) * _RISE_PER_S ** (ms / 1000)
        self._floor = min(level, rising)
