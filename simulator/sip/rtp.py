"""RTP packets and telephone-events (RFC 3550 §5.1, RFC 4733 §2.3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER = struct.Struct("!BBHII")
EVENT = struct.Struct("!BBH")
KEYS = "0123456789*#ABCD"
END, VOLUME = 0x80, 10


@dataclass(frozen=True, slots=True)
class Packet:
    """One datagram of sound or of an event."""

    payload_type: int
    sequence: int
    stamp: int
    source: int
    payload: bytes
    marker: bool = False


def parse(data: bytes) -> Packet | None:
    """None when it is no RTP."""
    if len(data) < HEADER.size or data[0] >> 6 != 2:
        return None
    first, second, sequence, stamp, source = HEADER.unpack_from(data)
    start = HEADER.size + 4 * (first & 0x0F)
    if first & 0x10:  # an extension
        if len(data) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data) - (data[-1] if first & 0x20 else 0)
    if start > end:
        return None
    return Packet(second & 0x7F, sequence, stamp, source, data[start:end], bool(second & 0x80))


def render(packet: Packet) -> bytes:
    """The datagram."""
    second = packet.payload_type | (0x80 if packet.marker else 0)
    head = HEADER.pack(0x80, second, packet.sequence & 0xFFFF, packet.stamp & 0xFFFFFFFF, packet.source)
    return head + packet.payload


def event(key: str, duration: int, *, end: bool) -> bytes:
    """The payload of a telephone-event; `duration` in samples."""
    return EVENT.pack(KEYS.index(key), (END if end else 0) | VOLUME, min(duration, 0xFFFF))


def read_event(payload: bytes) -> str | None:
    """The key of a telephone-event, or None when it is none of the keypad's."""
    if len(payload) < EVENT.size:
        return None
    code = payload[0]
    return KEYS[code] if code < len(KEYS) else None
