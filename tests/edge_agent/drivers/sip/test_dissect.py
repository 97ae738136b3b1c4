"""The second opinion itself: it sees what is right, and complains of what is not."""

from __future__ import annotations

import struct

from tests.fakes.dissect import Capture

US, THEM = ("127.0.0.1", 17000), ("127.0.0.1", 4000)


def test_sound_packets_are_seen_and_nobody_complains() -> None:
    capture = Capture()
    for number in range(3):
        capture.udp(US, THEM, struct.pack("!BBHII", 0x80, 0, number, 160 * number, 7) + bytes(160), at=0.02 * number)
    seen = capture.dissect({17000: "rtp"}, fields=("rtp.seq", "rtp.ssrc"))
    assert [packet.fields["rtp.seq"] for packet in seen.of("rtp")] == [("0",), ("1",), ("2",)]
    assert seen.complaints == []


def test_a_truncated_packet_is_complained_of() -> None:
    capture = Capture()
    capture.udp(US, THEM, struct.pack("!BBHI", 0x81, 200, 60, 1) + b"abc")
    assert len(capture.dissect({17000: "rtcp"}).complaints) == 1


def test_a_stream_is_a_stream_both_ways() -> None:
    capture = Capture()
    capture.tcp(THEM, US, struct.pack("!IIII", 16, 0x15, 0, 1))
    capture.tcp(US, THEM, struct.pack("!IIII", 16, 0x80000015, 0, 1))
    seen = capture.dissect({17000: "smpp"}, fields=("smpp.command_id",))
    assert [packet.fields["smpp.command_id"] for packet in seen.of("smpp")] == [("0x00000015",), ("0x80000015",)]
    assert seen.complaints == []
