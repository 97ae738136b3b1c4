"""RTP packets, read and written (RFC 3550 §5.1). Sans-I/O."""

from __future__ import annotations

import struct
from typing import NamedTuple

from telecore.audio.frames import FRAME_SAMPLES
from telecore.errors import RemoteProtocolError

HEADER_BYTES = 12
SEQUENCES = 1 << 16
TIMESTAMPS = 1 << 32
MOST_BYTES = 2048
"""No packet that is longer is looked at: 200 ms of sound have 1,612 bytes."""

_HEADER = struct.Struct("!BBHII")
unpack_header = _HEADER.unpack_from
_pack = _HEADER.pack
_USUAL = struct.Struct(f"!BBHII{FRAME_SAMPLES}s")
USUAL_BYTES = _USUAL.size
"""A plain header and 20 ms of G.711, as nearly every packet has them."""
unpack_usual = _USUAL.unpack
pack_usual = _USUAL.pack
"""Both with the five fields of the header and the payload; for packets of just that length."""
PLAIN = 0x80
"""Version 2 without padding, extension or contributing sources: what all but a few packets begin with."""


class RtpPacket(NamedTuple):
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def parse_rtp(data: bytes) -> RtpPacket:
    """Raises RemoteProtocolError for what is no RTP packet; RTCP on the RTP port is none."""
    if len(data) < HEADER_BYTES:
        raise RemoteProtocolError(f"an RTP packet of {len(data)} bytes")
    first, second, sequence, timestamp, ssrc = unpack_header(data)
    payload = data[HEADER_BYTES:] if first == PLAIN else _payload(data, first)
    return RtpPacket(second & 0x7F, second > 0x7F, sequence, timestamp, ssrc, payload)


def build_rtp(payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes) -> bytes:
    """``payload_type`` plus 128 sets the marker; sequence and timestamp must be within their 16 and 32 bits."""
    return _pack(PLAIN, payload_type, sequence, timestamp, ssrc) + payload


def _payload(data: bytes, first: int) -> bytes:
    if first >> 6 != 2:
        raise RemoteProtocolError(f"version {first >> 6} of RTP")
    begin, end = HEADER_BYTES + 4 * (first & 0x0F), len(data)
    if first & 0x10 and end >= begin + 4:
        begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4])
    if first & 0x20:
        end -= data[-1] or 1  # a padding of no bytes does not even count itself; such senders add one
    if begin > end:
        raise RemoteProtocolError(f"an RTP packet of {len(data)} bytes ends within its header or its padding")
    return data[begin:end]
