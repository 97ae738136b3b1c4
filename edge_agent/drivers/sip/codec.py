"""G.711 as RTP carries it: ``audioop`` where this Python still has it, else the tables of telecore, bit for bit alike.

The tables take ten times as long, and 128 calls encode 6,400 frames in a second.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

from telecore.audio import g711
from telecore.audio.frames import FRAME_SAMPLES, Encoding
from telecore.audio.mixing import rms

Translate = Callable[[bytes], bytes]
Convert = Callable[[bytes, int], bytes]
"""As audioop's functions, which are called without another around them: the second argument is always WIDTH."""

WIDTH = 2
"""Bytes of a sample."""


def _tables(translate: Translate) -> Convert:
    return lambda sound, _: translate(sound)


encode_ulaw: Convert = _tables(g711.l16_to_ulaw)
encode_alaw: Convert = _tables(g711.l16_to_alaw)
decode_ulaw: Convert = _tables(g711.ulaw_to_l16)
decode_alaw: Convert = _tables(g711.alaw_to_l16)
level: Callable[[bytes], float] = rms
"""Root mean square of a frame, in units of a sample."""

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import audioop
except ModuleNotFoundError:  # gone from Python 3.13
    pass
else:
    encode_ulaw, encode_alaw = audioop.lin2ulaw, audioop.lin2alaw
    decode_ulaw, decode_alaw = audioop.ulaw2lin, audioop.alaw2lin

    def level(samples: bytes, /) -> float:
        return audioop.rms(samples, WIDTH)


class Codec(NamedTuple):
    """``silence``: one frame of it. ``from_other``: codes of the other law to codes of this one."""

    encoding: Encoding
    payload_type: int
    encode: Convert
    decode: Convert
    from_other: Translate
    silence: bytes


PCMU = Codec(Encoding.PCMU, 0, encode_ulaw, decode_ulaw, g711.alaw_to_ulaw, b"\xff" * FRAME_SAMPLES)
PCMA = Codec(Encoding.PCMA, 8, encode_alaw, decode_alaw, g711.ulaw_to_alaw, b"\xd5" * FRAME_SAMPLES)


def codec_of(encoding: Encoding) -> Codec:
    """The law of that name; RTP carries no L16 here."""
    return PCMA if encoding is Encoding.PCMA else PCMU
