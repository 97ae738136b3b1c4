"""RTP as the box writes and reads it, and what noise does to a call: nothing."""

from __future__ import annotations

import struct
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.sip import rtp
from simulator.sip.families import MANNERS
from simulator.sip.media import Media
from simulator.sip.message import Address
from simulator.sip.sdp import Agreement
from simulator.sip.sockets import Datagrams, Received, numeric
from simulator.speech import FRAME_BYTES, SILENCE
from telecore.audio.dtmf import DtmfDetector
from telecore.audio.frames import Encoding
from telecore.audio.tone import dtmf_tone, tone
from tests.simulator.fake import FakeTimers


class Wire:
    """A socket that keeps what is sent; the test writes into `received`."""

    port = 4000

    def __init__(self, received: Received) -> None:
        self.received = received
        self.sent: list[rtp.Packet] = []

    def send(self, data: bytes, to: Address) -> None:
        packet = rtp.parse(data)
        assert packet is not None
        self.sent.append(packet)

    def close(self) -> None:
        return


class Bench:
    def __init__(self, family: str = "plain", *, dtmf: int | None = 101, ptime: int = 20, receive: bool = True) -> None:
        self.wires: list[Wire] = []
        self.media = Media(self.opened, FakeTimers(), MANNERS[family], Random(1))
        self.media.agree(Agreement("127.0.0.1", 9, Encoding.PCMA, dtmf, ptime, send=True, receive=receive))

    def opened(self, received: Received) -> Datagrams:
        self.wires.append(Wire(received))
        return self.wires[0]

    @property
    def sent(self) -> list[rtp.Packet]:
        return self.wires[0].sent

    def comes(self, data: bytes) -> None:
        self.wires[0].received(data, ("127.0.0.1", 9))

    def says(self, samples: bytes) -> None:
        for at in range(0, len(samples) - FRAME_BYTES + 1, FRAME_BYTES):
            self.media.push(samples[at : at + FRAME_BYTES])

    def pulled(self, frames: int) -> bytes:
        return b"".join(self.media.pull() for _ in range(frames))


def test_a_packet_there_and_back() -> None:
    packet = rtp.Packet(8, 65535, 2**32 - 1, 7, b"sound", marker=True)
    assert rtp.parse(rtp.render(packet)) == packet


def test_extension_sources_and_padding_are_passed_over() -> None:
    head = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 2, 8, 1, 2, 3)
    data = head + bytes(8) + struct.pack("!HH", 0xBEDE, 1) + bytes(4) + b"abcd" + b"\0\0\3"
    packet = rtp.parse(data)
    assert packet is not None
    assert packet.payload == b"abcd"


@given(st.binary(max_size=300))
def test_random_octets_do_no_harm(noise: bytes) -> None:
    bench = Bench()
    bench.comes(noise)
    bench.comes(b"\x80\x08" + noise)
    bench.comes(b"\x80\x65" + noise)
    assert len(bench.pulled(3)) == 3 * FRAME_BYTES


def test_a_flood_is_bounded() -> None:
    bench = Bench()
    for n in range(3000):
        bench.comes(rtp.render(rtp.Packet(8, n, n * 160, 7, b"\x11" * 1000)))
        bench.comes(rtp.render(rtp.Packet(101, n, n * 160, 7, rtp.event("5", 160, end=True))))
    assert bench.media._playout.room() < 1000
    assert len(bench.media._tones) < 600_000


def test_a_pressed_key_is_one_event_that_ends_three_times() -> None:
    bench = Bench()
    bench.says(dtmf_tone("5", 120, 120) + dtmf_tone("#", 120, 200))
    events = [packet for packet in bench.sent if packet.payload_type == 101]
    assert [packet.payload[0] for packet in events] == [5] * 7 + [11] * 7
    first = events[:7]
    assert len({packet.stamp for packet in first}) == 1
    assert [int.from_bytes(packet.payload[2:4], "big") for packet in first] == [160, 320, 480, 640, 800, 800, 800]
    assert [packet.payload[1] >> 7 for packet in first] == [0, 0, 0, 0, 1, 1, 1]
    assert [packet.marker for packet in first] == [True] + [False] * 6
    sequences = [packet.sequence for packet in bench.sent]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))


def test_without_telephone_event_a_key_is_only_sound() -> None:
    bench = Bench(dtmf=None)
    bench.says(dtmf_tone("5", 120, 120))
    assert {packet.payload_type for packet in bench.sent} == {8}


def test_a_key_of_the_agent_sounds_for_the_handset() -> None:
    bench = Bench()
    for end in (False, False, True, True, True):
        bench.comes(rtp.render(rtp.Packet(101, 1, 777, 7, rtp.event("9", 800, end=end))))
    assert DtmfDetector().feed(bench.pulled(20)) == "9"


@pytest.mark.parametrize(("ptime", "octets"), [(20, 160), (40, 320), (60, 480)])
def test_packets_of_the_length_that_was_asked_for(ptime: int, octets: int) -> None:
    bench = Bench(ptime=ptime)
    bench.says(tone((1000,), 480))
    assert {len(packet.payload) for packet in bench.sent} == {octets}
    assert {b.stamp - a.stamp for a, b in zip(bench.sent, bench.sent[1:], strict=False)} == {octets}


def test_packets_of_any_length_are_heard() -> None:
    bench = Bench()
    for n in range(30):
        bench.comes(rtp.render(rtp.Packet(8, n, n * 80, 7, b"\x11" * 80)))
    assert bench.pulled(10).count(b"\0\0") < 10 * 160


def test_what_is_held_is_not_heard() -> None:
    bench = Bench(receive=False)
    for n in range(10):
        bench.comes(rtp.render(rtp.Packet(8, n, n * 160, 7, b"\x11" * 160)))
    assert bench.pulled(10) == SILENCE * 10
    assert bench.media.heard_at is not None


@pytest.mark.parametrize(
    ("address", "good"),
    [
        (("127.0.0.1", 5060), True),
        (("127.0.0.1", 0), False),
        (("127.0.0.1", 99_999), False),
        (("gateway.local", 5060), False),
        (("", 5060), False),
    ],
)
def test_where_may_be_sent_to(address: Address, *, good: bool) -> None:
    assert numeric(address) is good
