"""Hold music of our own: slow broken chords on a soft bell, computed, so that nobody's work is played."""

from __future__ import annotations

import math
import struct
from functools import cache

from telecore.audio.frames import RATE
from telecore.audio.tone import amplitude

_STEP_MS = 400
_RING_MS = 1600
"""How long a note is heard; the next ones begin before it has died away."""
_LEVEL_DBM0 = -22.0
_PARTIALS = ((1.0, 1.0), (2.0, 0.28), (3.0, 0.1))
"""Multiples of a note's frequency and their weight."""
_CHORDS = (
    (48, 55, 60, 64, 67, 64, 60, 55),
    (45, 52, 57, 60, 64, 60, 57, 52),
    (41, 48, 53, 57, 60, 57, 53, 48),
    (43, 50, 55, 59, 62, 59, 55, 50),
)
"""C, A minor, F and G, as MIDI note numbers up and down."""
_ORDER = (0, 1, 2, 3, 0, 1, 3, 0)


@cache
def hold_music() -> bytes:
    """About 26 s, s16le at 8 kHz, to be repeated without a seam. Takes some tenths of a second: not for a loop."""
    notes = [note for chord in _ORDER for note in _CHORDS[chord]]
    step, ring = RATE * _STEP_MS // 1000, RATE * _RING_MS // 1000
    sounds = {note: _note(note, ring) for note in set(notes)}
    length = step * len(notes)
    sums = [0.0] * (length + ring)
    for at, note in enumerate(notes):
        start = at * step
        for n, value in enumerate(sounds[note], start):
            sums[n] += value
    for n in range(ring):  # what rings on after the end is heard at the beginning
        sums[n] += sums[length + n]
    return struct.pack(f"<{length}h", *(max(-32768, min(32767, round(value))) for value in sums[:length]))


def _note(midi: int, length: int) -> list[float]:
    step = 2 * math.pi * 440 * 2 ** ((midi - 69) / 12) / RATE
    peak = amplitude(_LEVEL_DBM0)
    partials = [(step * multiple, peak * weight) for multiple, weight in _PARTIALS]
    attack, end = RATE // 50, RATE // 25
    wave = []
    for n in range(length):
        envelope = min(1.0, n / attack) * math.exp(-3.5 * n / length) * min(1.0, (length - n) / end)
        wave.append(envelope * sum(weight * math.sin(angle * n) for angle, weight in partials))
    return wave
