"""RTCP packets, read and written (RFC 3550 §6). Sans-I/O."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from telecore.errors import RemoteProtocolError

SENDER_REPORT, RECEIVER_REPORT, DESCRIPTION, GOODBYE = 200, 201, 202, 203
_CNAME = 1
_HEADER = struct.Struct("!BBH")
_SENDER = struct.Struct("!IIIII")
_BLOCK = struct.Struct("!IIIIII")
_VERSION = 0x80
_NTP_1970 = 2_208_988_800


@dataclass(frozen=True, slots=True)
class SenderInfo:
    """``ntp``: 64 bits, seconds since 1900 with 32 bits of fraction."""

    ntp: int
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What one end received of ``ssrc``. ``lost`` may be negative; ``since`` (DLSR) in units of 1/65536 s."""

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    since: int


@dataclass(frozen=True, slots=True)
class Report:
    """One compound packet, as far as it matters here."""

    ssrc: int
    sender: SenderInfo | None = None
    blocks: tuple[ReportBlock, ...] = ()
    goodbye: bool = False


def looks_like_rtcp(data: bytes) -> bool:
    """Told from RTP on the same port by its packet type (RFC 5761 §4)."""
    return len(data) >= 8 and data[0] >> 6 == 2 and 192 <= data[1] <= 223


def ntp_time(unix: float) -> int:
    """Seconds since 1970 as an NTP timestamp of 64 bits."""
    return int((unix + _NTP_1970) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


def middle(ntp: int) -> int:
    """The middle 32 bits, by which reports name one another."""
    return ntp >> 16 & 0xFFFFFFFF


def parse_rtcp(data: bytes) -> Report:
    """Raises RemoteProtocolError. Packets of other types are passed over."""
    at, found, ssrc = 0, 0, 0
    sender: SenderInfo | None = None
    blocks: tuple[ReportBlock, ...] = ()
    goodbye = False
    while len(data) - at >= _HEADER.size:
        first, kind, words = _HEADER.unpack_from(data, at)
        begin, at = at + _HEADER.size, at + 4 * (words + 1)
        if first >> 6 != 2 or at > len(data):
            raise RemoteProtocolError(f"an RTCP packet of {len(data)} bytes does not hold what it says")
        body, count, found = data[begin:at], first & 0x1F, found + 1
        if kind in (SENDER_REPORT, RECEIVER_REPORT):
            ssrc = _ssrc(body)
            if kind == SENDER_REPORT:
                sender = _sender(body)
            blocks += _blocks(body, 24 if kind == SENDER_REPORT else 4, count)
        elif kind == GOODBYE:
            goodbye = True
    if not found:
        raise RemoteProtocolError(f"an RTCP packet of {len(data)} bytes")
    return Report(ssrc, sender, blocks, goodbye)


def build_rtcp(report: Report, cname: str) -> bytes:
    """A compound packet: the report, who it is from, and perhaps a goodbye."""
    body = struct.pack("!I", report.ssrc)
    if report.sender is not None:
        ntp, sender = report.sender.ntp, report.sender
        body += _SENDER.pack(
            ntp >> 32, ntp & 0xFFFFFFFF, sender.timestamp, sender.packets % (1 << 32), sender.octets % (1 << 32)
        )
    for block in report.blocks:
        losses = block.fraction << 24 | block.lost & 0xFFFFFF
        body += _BLOCK.pack(block.ssrc, losses, block.highest, block.jitter, block.last_report, block.since)
    kind = RECEIVER_REPORT if report.sender is None else SENDER_REPORT
    name = cname.encode()[:255]
    item = struct.pack("!IBB", report.ssrc, _CNAME, len(name)) + name + b"\0"
    packets = _packet(kind, len(report.blocks), body) + _packet(DESCRIPTION, 1, item)
    return packets + _packet(GOODBYE, 1, struct.pack("!I", report.ssrc)) if report.goodbye else packets


def _packet(kind: int, count: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return _HEADER.pack(_VERSION | count, kind, len(body) // 4) + body


def _ssrc(body: bytes) -> int:
    if len(body) < 4:
        raise RemoteProtocolError("an RTCP report without a source")
    return int.from_bytes(body[:4])


def _sender(body: bytes) -> SenderInfo:
    if len(body) < 4 + _SENDER.size:
        raise RemoteProtocolError("a sender report without a sender's figures")
    seconds, fraction, timestamp, packets, octets = _SENDER.unpack_from(body, 4)
    return SenderInfo(seconds << 32 | fraction, timestamp, packets, octets)


def _blocks(body: bytes, begin: int, count: int) -> tuple[ReportBlock, ...]:
    if len(body) < begin + count * _BLOCK.size:
        raise RemoteProtocolError(f"an RTCP report without its {count} blocks")
    return tuple(_block(body, begin + number * _BLOCK.size) for number in range(count))


def _block(body: bytes, at: int) -> ReportBlock:
    ssrc, losses, highest, jitter, last_report, since = _BLOCK.unpack_from(body, at)
    lost = losses & 0xFFFFFF
    return ReportBlock(ssrc, losses >> 24, lost - (lost >> 23 << 24), highest, jitter, last_report, since)
