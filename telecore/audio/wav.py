"""Reading whatever WAV file a customer's server sends, and writing plain ones."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from telecore.audio import g711
from telecore.errors import TelecoreError

_PCM, _ALAW, _ULAW, _EXTENSIBLE = 0x0001, 0x0006, 0x0007, 0xFFFE
_MAX_RATE = 384_000


class AudioFormatError(TelecoreError, ValueError):
    """The bytes are not audio that we can read; the message says what they are instead."""


class Pcm(NamedTuple):
    """Mono sound: ``samples`` are signed 16-bit little-endian at ``rate`` per second."""

    rate: int
    samples: bytes


class _Format(NamedTuple):
    tag: int
    channels: int
    rate: int
    bits: int


def read_wav(data: bytes) -> Pcm:
    """A RIFF/WAVE file as mono samples: PCM of 8, 16, 24 or 32 bits, µ-law or A-law, mono or stereo (mixed down).

    Lenient where real files sin: unknown chunks, missing padding, sizes of 0, 0xFFFFFFFF or beyond the end of the file
    (streamed output of ffmpeg or espeak), a last sample cut in half. Raises ``AudioFormatError``.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise AudioFormatError(f"not a WAV file: it begins with {data[:12].hex() or 'nothing'}")
    form: _Format | None = None
    for name, body in _chunks(data):
        if name == b"fmt ":
            form = _read_format(body)
        elif name == b"data":
            if form is None:
                raise AudioFormatError("the data chunk comes before the fmt chunk")
            return Pcm(form.rate, _to_mono(_DECODERS[form.tag, form.bits](body), form.channels))
    raise AudioFormatError(f"a WAV file without a {'fmt' if form is None else 'data'} chunk")


def write_wav(samples: bytes, rate: int = 8000, channels: int = 1) -> bytes:
    """A 44-byte header and the s16le samples, interleaved if there are several channels."""
    form = struct.pack("<HHIIHH", _PCM, channels, rate, rate * channels * 2, channels * 2, 16)
    return _riff((b"fmt ", form), (b"data", samples))


def write_ulaw_wav(data: bytes, rate: int = 8000) -> bytes:
    """A mono file of µ-law bytes: half the size, and as good as a telephone."""
    form = struct.pack("<HHIIHHH", _ULAW, 1, rate, rate, 1, 8, 0)
    return _riff((b"fmt ", form), (b"fact", struct.pack("<I", len(data))), (b"data", data))


def _riff(*chunks: tuple[bytes, bytes]) -> bytes:
    padded = ((name, len(body), body + b"\0" * (len(body) % 2)) for name, body in chunks)
    body = b"WAVE" + b"".join([struct.pack("<4sI", name, size) + data for name, size, data in padded])
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, body) in order; data of a size unknown when the header was written reaches to the end of the file."""
    complete = int.from_bytes(data[4:8], "little") == len(data) - 8
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if name == b"data" and size == 0 and not complete:
            size = len(data)
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size
        # Chunks are padded to even lengths, but not every writer knows it: a chunk name never begins with NUL.
        if size % 2 and data[at : at + 1] == b"\0":
            at += 1


def _read_format(body: bytes) -> _Format:
    if len(body) < 16:
        raise AudioFormatError(f"the fmt chunk has {len(body)} bytes instead of 16 or more")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if tag == _EXTENSIBLE:
        if len(body) < 26:
            raise AudioFormatError(f"the extensible fmt chunk has {len(body)} bytes instead of 40")
        # The GUID's first two bytes are the format tag that the file would have had before 1999.
        (tag,) = struct.unpack_from("<H", body, 24)
    if (tag, bits) not in _DECODERS:
        raise AudioFormatError(f"audio format {tag:#06x} with {bits} bits is not supported; use 16-bit PCM")
    if not 1 <= channels <= 8:
        raise AudioFormatError(f"{channels} channels")
    if not 1000 <= rate <= _MAX_RATE:
        raise AudioFormatError(f"{rate} samples per second")
    return _Format(tag, channels, rate, bits)


def _to_mono(samples: bytes, channels: int) -> bytes:
    """The mean of the channels, rounded towards minus infinity; an incomplete last frame is dropped."""
    count = len(samples) // (2 * channels)
    if channels == 1:
        return samples[: 2 * count]
    words = struct.unpack_from(f"<{count * channels}h", samples)
    mixed = map(sum, zip(*(words[i::channels] for i in range(channels)), strict=True))
    return struct.pack(f"<{count}h", *(total // channels for total in mixed))


def _from_8_bit(body: bytes) -> bytes:
    """8-bit WAV is unsigned: 0x80 is silence."""
    samples = bytearray(2 * len(body))
    samples[1::2] = body.translate(bytes(code ^ 0x80 for code in range(256)))
    return bytes(samples)


def _upper_16_of(width: int) -> Callable[[bytes], bytes]:
    """Decoder of ``width``-byte samples that keeps the two bytes that matter."""

    def decode(body: bytes) -> bytes:
        body = body[: len(body) // width * width]
        samples = bytearray(len(body) // width * 2)
        samples[0::2], samples[1::2] = body[width - 2 :: width], body[width - 1 :: width]
        return bytes(samples)

    return decode


_DECODERS: dict[tuple[int, int], Callable[[bytes], bytes]] = {
    (_PCM, 8): _from_8_bit,
    (_PCM, 16): _upper_16_of(2),
    (_PCM, 24): _upper_16_of(3),
    (_PCM, 32): _upper_16_of(4),
    (_ULAW, 8): g711.ulaw_to_l16,
    (_ALAW, 8): g711.alaw_to_l16,
}
