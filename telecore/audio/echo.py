"""Does what we send come back? Found by comparing how loudness goes up and down on both ways, 10 ms at a time."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

from telecore.audio.tone import amplitude

STEP_MS = 10
STEP_SAMPLES = 80
MAX_LAG_MS = 600
ALIKE = 0.8
"""Correlation from which on it is our own sound; two people who talk at once stay well below."""
MOST_DB = 30.0
"""An echo that is so much quieter than its sound disturbs nobody."""
LEAST_SENT = 50
"""Half a second of sound must have been sent, or there is nothing to compare."""
STEADY = 0.3
"""Loudness that varies less, a tone's, is like itself at any delay."""
_ACTIVE = (amplitude(-40.0) ** 2) / 2
_FULL = (amplitude(0.0) ** 2) / 2
_SILENT_DBM0 = -90.0


@dataclass(frozen=True, slots=True)
class Echo:
    """``db``: how much quieter our sound comes back; ``ms``: how much later."""

    db: float
    ms: int


def powers(frame: bytes) -> list[float]:
    """The mean square of each whole 10 ms of L16 at 8 kHz."""
    count = len(frame) // (2 * STEP_SAMPLES)
    samples = struct.unpack(f"<{count * STEP_SAMPLES}h", frame[: count * STEP_SAMPLES * 2])
    parts = (samples[at : at + STEP_SAMPLES] for at in range(0, len(samples), STEP_SAMPLES))
    return [sum(map(mul, part, part)) / STEP_SAMPLES for part in parts]


def level(values: Sequence[float]) -> float:
    """The level of these powers together, in dBm0; -90 for silence."""
    mean = sum(values) / len(values) if values else 0.0
    return max(_SILENT_DBM0, 10 * math.log10(mean / _FULL)) if mean > 0 else _SILENT_DBM0


def find_echo(sent: Sequence[float], heard: Sequence[float]) -> Echo | None:
    """The echo of ``sent`` in ``heard``, both as ``powers`` of the same time; None when there is none to be heard."""
    length = min(len(sent), len(heard)) - MAX_LAG_MS // STEP_MS
    if length < LEAST_SENT or sum(power > _ACTIVE for power in sent[:length]) < LEAST_SENT:
        return None
    deviation, spread = _about_mean(sent[:length])
    mean = sum(sent[:length]) / length
    if spread < length * (STEADY * mean) ** 2:
        return None
    best = Echo(0.0, 0)
    alike = 0.0
    for lag in range(MAX_LAG_MS // STEP_MS + 1):
        window = heard[lag : lag + length]
        theirs, their_spread = _about_mean(window)
        if not their_spread:
            continue
        common = sum(map(mul, deviation, theirs))
        likeness = common / math.sqrt(spread * their_spread)
        if likeness > alike:
            alike, best = likeness, Echo(-10 * math.log10(common / spread), lag * STEP_MS)
    return best if alike >= ALIKE and best.db < MOST_DB else None


def _about_mean(values: Sequence[float]) -> tuple[list[float], float]:
    mean = sum(values) / len(values)
    deviation = [value - mean for value in values]
    return deviation, sum(map(mul, deviation, deviation))
