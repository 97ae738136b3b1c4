"""Does this frame hold a voice? By level against the quietest moments of the last second and a half.

Unlike ``activity.SilenceDetector``, which starts in a quiet room, it is fair to a line that is noisy from its first
moment: noise is as loud in its quietest moments as in others, speech is not.
"""

from __future__ import annotations

from collections import deque

from telecore.audio.mixing import rms

_SILENT = 110.0
"""About -43 dBm0: below it nobody speaks."""
_LOUD = 2300.0
"""About -17 dBm0: above it somebody does, however loud the quietest moment was."""
_ABOVE_NOISE = 2.6
"""A voice is 8 dB above the noise."""
_MEMORY_FRAMES = 75
_SMOOTH_FRAMES = 3


class VoiceActivity:
    """Feed every frame of 20 ms of s16le samples at 8 kHz."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_SMOOTH_FRAMES)
        self._levels: deque[float] = deque(maxlen=_MEMORY_FRAMES)

    def feed(self, frame: bytes) -> bool:
        """Whether somebody speaks in it."""
        level = rms(frame)
        self._recent.append(level)
        self._levels.append(sum(self._recent) / len(self._recent))
        return level > self.threshold

    @property
    def threshold(self) -> float:
        """The level that counts as a voice at present."""
        noise = min(self._levels, default=0.0)
        return min(_LOUD, max(_SILENT, noise * _ABOVE_NOISE))
