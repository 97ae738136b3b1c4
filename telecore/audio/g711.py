"""G.711 µ-law and A-law to and from 16-bit samples, by tables.

µ-law codes the upper 14 bits of a sample and A-law the upper 13 (G.711 tables 1 and 2; a lower bit can never
reach a codeword). Decoding is two byte translations; encoding looks each sample up in a table of 65,536
codewords, which is built when the first sample is encoded.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from operator import itemgetter

_ULAW_BIAS = 33
_ULAW_MAX = 8158
_ALAW_TOGGLE = 0x55
_GATHER_LIMIT = 4096
"""Above this many samples one call with an argument per sample would cost more memory than it saves time."""


def ulaw_to_l16(data: bytes) -> bytes:
    """Two bytes out for each byte in."""
    return _decode(data, *_ULAW_BYTES)


def alaw_to_l16(data: bytes) -> bytes:
    """Two bytes out for each byte in."""
    return _decode(data, *_ALAW_BYTES)


def l16_to_ulaw(samples: bytes) -> bytes:
    """One byte out for each sample; ``struct.error`` if the number of bytes is odd."""
    return _encode(samples, _ulaw_table())


def l16_to_alaw(samples: bytes) -> bytes:
    """One byte out for each sample; ``struct.error`` if the number of bytes is odd."""
    return _encode(samples, _alaw_table())


def alaw_to_ulaw(data: bytes) -> bytes:
    """By way of the linear value, one byte translation."""
    return data.translate(_alaw_to_ulaw_table())


def ulaw_to_alaw(data: bytes) -> bytes:
    """By way of the linear value, one byte translation."""
    return data.translate(_ulaw_to_alaw_table())


def _expand_ulaw(code: int) -> int:
    code = ~code & 0xFF
    exponent, mantissa = code >> 4 & 7, code & 15
    magnitude = ((2 * mantissa + _ULAW_BIAS) << exponent) - _ULAW_BIAS
    return (-magnitude if code & 0x80 else magnitude) << 2


def _expand_alaw(code: int) -> int:
    code ^= _ALAW_TOGGLE
    exponent, mantissa = code >> 4 & 7, code & 15
    magnitude = 2 * mantissa + 1 if exponent == 0 else (2 * mantissa + 33) << (exponent - 1)
    return (magnitude if code & 0x80 else -magnitude) << 3


def _compress_ulaw(sample: int) -> int:
    value = sample >> 2
    sign, magnitude = (0x80, -value) if value < 0 else (0, value)
    magnitude = min(magnitude, _ULAW_MAX) + _ULAW_BIAS
    exponent = magnitude.bit_length() - 6
    return ~(sign | exponent << 4 | magnitude >> (exponent + 1) & 15) & 0xFF


def _compress_alaw(sample: int) -> int:
    value = sample >> 3
    sign, magnitude = (0, ~value) if value < 0 else (0x80, value)
    exponent = max(magnitude.bit_length() - 5, 0)
    return (sign | exponent << 4 | magnitude >> max(exponent, 1) & 15) ^ _ALAW_TOGGLE


def _split(expand: Callable[[int], int]) -> tuple[bytes, bytes]:
    """Low and high bytes of the 256 decoded values: two ``bytes.translate`` decode a frame."""
    values = [struct.pack("<h", expand(code)) for code in range(256)]
    return bytes(value[0] for value in values), bytes(value[1] for value in values)


_ULAW_BYTES = _split(_expand_ulaw)
_ALAW_BYTES = _split(_expand_alaw)


def _decode(data: bytes, low: bytes, high: bytes) -> bytes:
    samples = bytearray(2 * len(data))
    samples[0::2] = data.translate(low)
    samples[1::2] = data.translate(high)
    return bytes(samples)


def _encode(samples: bytes, table: bytes) -> bytes:
    words = struct.unpack(f"<{len(samples) // 2}H", samples)
    if 1 < len(words) <= _GATHER_LIMIT:
        return bytes(itemgetter(*words)(table))
    return bytes(map(table.__getitem__, words))


def _table(compress: Callable[[int], int]) -> bytes:
    """Codewords by the sample's unsigned 16-bit pattern."""
    return bytes(map(compress, (*range(0x8000), *range(-0x8000, 0))))


@cache
def _ulaw_table() -> bytes:
    return _table(_compress_ulaw)


@cache
def _alaw_table() -> bytes:
    return _table(_compress_alaw)


@cache
def _alaw_to_ulaw_table() -> bytes:
    return bytes(_compress_ulaw(_expand_alaw(code)) for code in range(256))


@cache
def _ulaw_to_alaw_table() -> bytes:
    return bytes(_compress_alaw(_expand_ulaw(code)) for code in range(256))
