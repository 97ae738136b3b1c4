"""Sound made into a clip: a WAV file of 8 kHz µ-law mono, as edges play it."""

from __future__ import annotations

import struct

from telecore.audio.g711 import l16_to_ulaw
from telecore.audio.resample import resample
from telecore.audio.wav import Pcm

RATE = 8000
_ULAW = 7


def clip_file(sound: Pcm) -> tuple[bytes, int]:
    """The file and its length in milliseconds. Takes about 5 ms per second of sound: not for the event loop."""
    codes = l16_to_ulaw(resample(sound.samples, sound.rate, RATE))
    return ulaw_wav(codes), len(codes) * 1000 // RATE


def ulaw_wav(codes: bytes) -> bytes:
    """A µ-law WAV file; formats other than PCM carry ``cbSize`` and a ``fact`` chunk."""
    form = struct.pack("<4sIHHIIHHH", b"fmt ", 18, _ULAW, 1, RATE, RATE, 1, 8, 0)
    fact = struct.pack("<4sII", b"fact", 4, len(codes))
    padded = codes + b"\0" * (len(codes) % 2)
    body = b"WAVE" + form + fact + struct.pack("<4sI", b"data", len(codes)) + padded
    return struct.pack("<4sI", b"RIFF", len(body)) + body
