from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.sip.rtp_packet import RtpPacket, build_rtp, parse_rtp
from telecore.errors import RemoteProtocolError

HEADER = struct.pack("!HII", 7, 160, 99)


@pytest.mark.parametrize(
    ("data", "payload"),
    [
        (b"\x80\x00" + HEADER + b"sound", b"sound"),
        (b"\x80\x00" + HEADER, b""),
        (b"\x82\x00" + HEADER + bytes(8) + b"sound", b"sound"),
        (b"\x90\x00" + HEADER + b"\xbe\xde\x00\x01" + bytes(4) + b"sound", b"sound"),
        (b"\xa0\x00" + HEADER + b"sound\x00\x00\x03", b"sound"),
        (b"\xb1\x00" + HEADER + bytes(4) + b"\xbe\xde\x00\x01" + bytes(4) + b"sound\x01", b"sound"),
        (b"\xa0\x00" + HEADER + b"sound\x00", b"sound"),
    ],
)
def test_headers_of_all_kinds(data: bytes, payload: bytes) -> None:
    assert parse_rtp(data) == RtpPacket(0, False, 7, 160, 99, payload)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x00" + HEADER[:-1],
        b"\x00\x00" + HEADER,
        b"\xc0\x00" + HEADER,
        b"\x8f\x00" + HEADER + bytes(59),
        b"\x90\x00" + HEADER + b"\xbe\xde\xff\xff",
        b"\xa0\x00" + HEADER + b"sound\xff",
    ],
)
def test_what_is_none(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_rtp(data)


@given(st.integers(0, 127), st.booleans(), st.integers(0, 65535), *[st.integers(0, 2**32 - 1)] * 2, st.binary())
def test_it_reads_what_it_wrote(
    kind: int, marker: bool, sequence: int, timestamp: int, ssrc: int, payload: bytes
) -> None:
    data = build_rtp(kind | 0x80 * marker, sequence, timestamp, ssrc, payload)
    assert parse_rtp(data) == RtpPacket(kind, marker, sequence, timestamp, ssrc, payload)


@given(st.binary(max_size=64))
def test_random_bytes_are_a_packet_or_none(data: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        assert len(parse_rtp(data).payload) <= len(data) - 12
