"""Tones to be played: DTMF, the beep of a recording, test signals. Levels are dBm0 per frequency."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from telecore.audio.frames import RATE

_PEAK_OF_0_DBM0 = 32124 / 10 ** (3.17 / 20)
"""A full-scale sine of µ-law, whose peak decodes to 32124, has +3.17 dBm0 (G.711 §4)."""
_RAMP = 16
"""Samples of fade at each end (2 ms): a tone that starts at once clicks."""

DTMF_LOW = (697, 770, 852, 941)
DTMF_HIGH = (1209, 1336, 1477, 1633)
DTMF_KEYS = "123A456B789C*0#D"
"""Row by row: the digit of low frequency ``i`` and high frequency ``j`` is at ``4 * i + j`` (Q.23)."""


def amplitude(level_dbm0: float) -> float:
    """Peak of a sine of that level, in units of a 16-bit sample."""
    return _PEAK_OF_0_DBM0 * math.pow(10, level_dbm0 / 20)


def tone(freqs: Sequence[float], ms: int, level_dbm0: float = -10) -> bytes:
    """The sum of sines of ``level_dbm0`` each, faded at both ends, saturated at full scale."""
    count = RATE * ms // 1000
    peak = amplitude(level_dbm0)
    steps = [2 * math.pi * freq / RATE for freq in freqs]
    ramp = [min(1.0, (min(n, count - 1 - n) + 1) / _RAMP) for n in range(count)]
    wave = (peak * fade * sum(math.sin(step * n) for step in steps) for n, fade in enumerate(ramp))
    return struct.pack(f"<{count}h", *(max(-32768, min(32767, round(value))) for value in wave))


def silence(ms: int) -> bytes:
    """Nothing, for so long."""
    return bytes(2 * (RATE * ms // 1000))


def dtmf_tone(digit: str, on_ms: int = 100, off_ms: int = 80) -> bytes:
    """One key press and the pause after it; ``w`` is Twilio's pause of half a second. ``ValueError`` for other keys."""
    if digit == "w":
        return silence(500)
    key = DTMF_KEYS.find(digit)
    if len(digit) != 1 or key < 0:
        raise ValueError(f"{digit!r} is not a DTMF digit")
    return tone((DTMF_LOW[key // 4], DTMF_HIGH[key % 4]), on_ms) + silence(off_ms)


def beep() -> bytes:
    """What a caller hears before a recording starts: half a second of 1 kHz, which no DTMF key contains."""
    return tone((1000,), 500, -13)
