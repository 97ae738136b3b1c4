"""Twenty milliseconds of sound and how they are encoded. Transcoded only where somebody must look inside."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from telecore.audio import g711

FRAME_MS = 20
RATE = 8000
FRAME_SAMPLES = 160
FRAME_BYTES = 320
"""Bytes of one L16 frame; a G.711 frame has ``FRAME_SAMPLES`` bytes."""


class Encoding(StrEnum):
    """Encoding names of RTP (RFC 3551); L16 is little-endian here, as modems speak it."""

    PCMU = "PCMU"
    PCMA = "PCMA"
    L16 = "L16"


@dataclass(frozen=True, slots=True)
class Frame:
    """20 ms of 8 kHz mono audio: 160 bytes of G.711 or 320 bytes of L16."""

    encoding: Encoding
    data: bytes

    def to_l16(self) -> Frame:
        """The same sound as L16; the very same object when it already is."""
        if self.encoding is Encoding.L16:
            return self
        decode = g711.ulaw_to_l16 if self.encoding is Encoding.PCMU else g711.alaw_to_l16
        return Frame(Encoding.L16, decode(self.data))

    def to_pcmu(self) -> Frame:
        """The same sound as µ-law; the very same object when it already is."""
        if self.encoding is Encoding.PCMU:
            return self
        encode = g711.l16_to_ulaw if self.encoding is Encoding.L16 else g711.alaw_to_ulaw
        return Frame(Encoding.PCMU, encode(self.data))

    def to_pcma(self) -> Frame:
        """The same sound as A-law; the very same object when it already is."""
        if self.encoding is Encoding.PCMA:
            return self
        encode = g711.l16_to_alaw if self.encoding is Encoding.L16 else g711.ulaw_to_alaw
        return Frame(Encoding.PCMA, encode(self.data))


SILENCE_L16 = Frame(Encoding.L16, bytes(FRAME_BYTES))
SILENCE_PCMU = Frame(Encoding.PCMU, b"\xff" * FRAME_SAMPLES)
