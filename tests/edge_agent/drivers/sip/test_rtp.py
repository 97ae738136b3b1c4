"""RTP sessions on real sockets, against a far end that is nothing but sockets."""

from __future__ import annotations

import asyncio
import math
import os
import random
import struct
from collections.abc import AsyncIterator

import pytest
import uvloop

from edge_agent.drivers.sip.media import MediaPlan, MediaPorts, MediaSession
from edge_agent.drivers.sip.rtp import RtpPorts
from edge_agent.drivers.sip.rtp_session import RtpSession
from edge_agent.drivers.sip.settings import SipSettings
from edge_agent.drivers.sip.telephone_event import TelephoneEvent, build_event
from edge_agent.media.source import SILENCE
from telecore.audio import g711
from telecore.audio.frames import Encoding
from telecore.errors import Busy
from tests.fakes.rtp_end import RtpEnd, Wire, here, until

TICK = 0.02
AHEAD = 4
LOW = 23_000


@pytest.fixture
async def ports() -> AsyncIterator[RtpPorts]:
    made = RtpPorts(SipSettings(rtp_low=LOW, rtp_high=LOW + 1999))
    yield made
    made.close()


def speech(number: int) -> bytes:
    """A loud frame, different for each number."""
    return struct.pack("<160h", *(int(9000 * math.sin((number * 160 + at) * 0.13)) + number for at in range(160)))


async def test_it_is_what_sip_asks_for(ports: RtpPorts) -> None:
    as_asked: MediaPorts = ports
    session: MediaSession = await as_asked.open()
    assert session.port % 2 == 0
    assert session.rate == 8000
    assert session.heard_ago() is None


async def carry(session: RtpSession, far: RtpEnd, packets: list[bytes], frames: list[bytes]) -> None:
    """Let these come and go whatever the machine's clock does: some wait ahead, then one goes for one that comes."""
    session.send(SILENCE)
    for number in range(max(len(packets), len(frames) + AHEAD) + AHEAD):
        before = session.stats().received
        if number < len(packets):
            far.rtp.send(packets[number], here(session))
            await until(lambda: session.stats().received > before)  # noqa: B023
        if number >= AHEAD:
            session.send(frames[number - AHEAD] if number - AHEAD < len(frames) else SILENCE)


async def test_sound_goes_both_ways(ports: RtpPorts) -> None:
    with RtpEnd() as far:
        session = await ports.open()
        heard: list[bytes] = []
        session.on_frame = heard.append
        session.plan(far.plan(Encoding.PCMA))
        sent = [speech(number) for number in range(20)]
        codes = [g711.l16_to_alaw(frame) for frame in sent]
        await carry(session, far, [far.sound(frame, 8) for frame in codes], sent)
        loud = [frame for frame in heard if frame != SILENCE]
        assert loud[:20] == [g711.alaw_to_l16(frame) for frame in codes]

        def came() -> list[bytes]:
            return [packet.payload for packet in far.came if packet.payload != b"\xd5" * 160]

        await until(lambda: len(came()) >= 20)
        assert came() == codes
        assert session.taken >= 20
        stats = session.stats()
        assert (stats.received, stats.lost, stats.late, stats.codec) == (20, 0, 0, "PCMA")
        assert session.heard_ago() is not None


async def test_silence_flows_before_anybody_sends_and_after(ports: RtpPorts) -> None:
    with RtpEnd() as far:
        session = await ports.open()
        session.plan(far.plan())
        await until(lambda: len(far.came) >= 5)
        session.send(speech(1))
        before = len(far.came)
        await until(lambda: len(far.came) >= before + 5)
        packets = far.came
        steps = {
            (later.sequence - packet.sequence) % 65536 for packet, later in zip(packets, packets[1:], strict=False)
        }
        assert steps == {1}
        assert [packet.payload for packet in packets if packet.payload != b"\xff" * 160] == [
            g711.l16_to_ulaw(speech(1))
        ]
        assert packets[0].marker
        assert session.taken == 1


async def test_a_held_call_gets_silence_and_hears_none(ports: RtpPorts) -> None:
    with RtpEnd() as far:
        session = await ports.open()
        heard: list[bytes] = []
        session.on_frame = heard.append
        session.plan(far.plan())
        session.plan(far.plan(send=False, receive=False))
        for number in range(8):
            far.rtp.send(far.sound(g711.l16_to_ulaw(speech(number))), here(session))
            session.send(speech(number))
            await asyncio.sleep(TICK)
        await until(lambda: session.stats().received == 8)
        assert {packet.payload for packet in far.came} == {b"\xff" * 160}
        assert len(far.came) >= 8
        assert not any(heard)


@pytest.mark.parametrize("encoding", [Encoding.PCMU, Encoding.PCMA])
async def test_a_bridged_call_comes_through_sample_for_sample(ports: RtpPorts, encoding: Encoding) -> None:
    """Decoded and encoded again is no transcoding: every code comes out as the same sample."""
    decode = g711.ulaw_to_l16 if encoding is Encoding.PCMU else g711.alaw_to_l16
    rng = random.Random(1)
    codes = [bytes(rng.randrange(256) for _ in range(160)) for _ in range(25)]
    with RtpEnd() as caller, RtpEnd() as callee:
        one, other = await ports.open(), await ports.open()
        one.on_frame = other.send
        one.plan(caller.plan(encoding))
        other.plan(callee.plan(encoding))
        payload_type = caller.plan(encoding).payload_type
        await carry(one, caller, [caller.sound(frame, payload_type) for frame in codes], [])
        silence = decode(callee.came[0].payload)

        def through() -> list[bytes]:
            return [pcm for packet in callee.came if (pcm := decode(packet.payload)) != silence]

        await until(lambda: len(through()) >= len(codes))
        assert through()[: len(codes)] == [decode(frame) for frame in codes]


@pytest.mark.parametrize("milliseconds", [10, 20, 30, 40, 60])
async def test_packets_of_any_length_are_taken_and_made(ports: RtpPorts, milliseconds: int) -> None:
    with RtpEnd() as far:
        session = await ports.open()
        heard: list[bytes] = []
        session.on_frame = heard.append
        session.plan(far.plan(ptime_ms=milliseconds))
        frames = [speech(number) for number in range(9)]
        codes, size = g711.l16_to_ulaw(b"".join(frames)), 8 * milliseconds
        for begin in range(0, len(codes), size):
            far.rtp.send(far.sound(codes[begin : begin + size]), here(session))
        await until(lambda: session.stats().received == -(-len(codes) // size))
        for frame in (*frames, *[SILENCE] * 6):
            session.send(frame)
        assert g711.ulaw_to_l16(codes) in b"".join(heard)
        await until(lambda: codes in b"".join(packet.payload for packet in far.came))
        expected = max(20, milliseconds) * 8
        assert {len(packet.payload) for packet in far.came} == {expected}
        times = [packet.timestamp for packet in far.came]
        assert {(b - a) % (1 << 32) for a, b in zip(times, times[1:], strict=False)} == {expected}


async def test_keys_come_once_and_go_out(ports: RtpPorts) -> None:
    with RtpEnd() as far:
        session = await ports.open()
        pressed: list[str] = []
        session.on_digit = pressed.append
        session.plan(far.plan(dtmf=97))
        for key in (5, 5, 11):
            stamp = far.timestamp
            for duration in (160, 320, 480):
                event = build_event(TelephoneEvent(key, False, 10, duration))
                far.rtp.send(far.event(event, stamp, first=duration == 160, payload_type=97), here(session))
            for _ in range(3):
                event = build_event(TelephoneEvent(key, True, 10, 640))
                far.rtp.send(far.event(event, stamp, payload_type=97), here(session))
            far.timestamp = (far.timestamp + 1600) % (1 << 32)
        await until(lambda: len(pressed) == 3)
        assert pressed == ["5", "5", "#"]
        assert session.send_digits("1D", tone_ms=60, gap_ms=60) == pytest.approx(0.24)
        await until(lambda: len([packet for packet in far.came if packet.payload_type == 97]) == 10)
        events = [packet for packet in far.came if packet.payload_type == 97]
        assert [packet.payload[:2] for packet in events[:5]] == [b"\x01\x0a"] * 2 + [b"\x01\x8a"] * 3
        assert [packet.payload[:1] for packet in events[5:]] == [b"\x0f"] * 5
        assert [packet.marker for packet in events] == [True, *[False] * 4] * 2
        assert len({packet.timestamp for packet in events}) == 2


async def test_what_came_before_anything_was_agreed_is_not_heard_late(ports: RtpPorts) -> None:
    with RtpEnd() as far:
        session = await ports.open()
        for number in range(100):
            far.rtp.send(far.sound(g711.l16_to_ulaw(speech(number))), here(session))
        session.plan(far.plan())
        fresh = g711.l16_to_ulaw(speech(200))
        far.rtp.send(far.sound(fresh), here(session))
        await until(lambda: session.stats().received == 1)
        heard: list[bytes] = []
        session.on_frame = heard.append
        await until(lambda: g711.ulaw_to_l16(fresh) in heard)


async def test_over_ipv6() -> None:
    made = RtpPorts(SipSettings(listen="::1", rtp_low=LOW + 2300, rtp_high=LOW + 2399))
    one, other = await made.open(), await made.open()
    heard: list[bytes] = []
    other.on_frame = heard.append
    one.plan(MediaPlan("::1", other.port, Encoding.PCMU, 0))
    other.plan(MediaPlan("0:0:0:0:0:0:0:1", one.port, Encoding.PCMU, 0))
    for number in range(12):
        one.send(speech(number))
        await asyncio.sleep(TICK)
    assert other.refused.strangers == one.refused.strangers == 0
    assert len([frame for frame in heard if any(frame)]) >= 6
    one._report(goodbye=False)
    await until(lambda: other._rtcp.exchange._last_report is not None)
    made.close()


async def test_there_are_no_more_sessions_than_ports() -> None:
    few = RtpPorts(SipSettings(rtp_low=LOW + 2000, rtp_high=LOW + 2005))
    sessions = [await few.open() for _ in range(3)]
    with pytest.raises(Busy):
        await few.open()
    sessions[1].close()
    assert (await few.open()).port == sessions[1].port
    few.close()
    few.close()
    assert few.open_sessions == 0


async def test_a_port_that_somebody_else_has_is_passed_over() -> None:
    theirs = Wire(port=LOW + 2101)
    few = RtpPorts(SipSettings(rtp_low=LOW + 2100, rtp_high=LOW + 2103))
    assert (await few.open()).port == LOW + 2102
    with pytest.raises(Busy):
        await few.open()
    few.close()
    theirs.close()


async def test_nothing_leaks(ports: RtpPorts) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with RtpEnd() as far:
        for _ in range(500):
            session = await ports.open()
            session.plan(far.plan())
            session.send(SILENCE)
            session.close()
            session.send(SILENCE)
            session.plan(far.plan())
            assert session.send_digits("1") == 0.0
            session.close()
    await asyncio.sleep(0)
    assert ports.open_sessions == 0
    assert len(os.listdir("/proc/self/fd")) == before


async def test_nobody_at_the_far_end_is_no_error(ports: RtpPorts) -> None:
    with RtpEnd() as gone:
        session = await ports.open()
        session.plan(gone.plan())
    await asyncio.sleep(3 * TICK)
    session.plan(gone.plan(address="255.255.255.255"))  # not allowed without being asked for: EACCES
    for _ in range(3):
        session.send(SILENCE)
    assert session.refused.unsent == 3
    assert session.taken == 0
    for address in ("gateway.example", "0.0.0.0", "", "::1", "224.0.0.1"):
        session.plan(gone.plan(address=address))
        session.send(SILENCE)


def test_it_is_the_same_on_uvloop() -> None:
    async def call() -> None:
        made = RtpPorts(SipSettings(rtp_low=LOW + 2200, rtp_high=LOW + 2299))
        await test_sound_goes_both_ways(made)
        await test_silence_flows_before_anybody_sends_and_after(made)
        made.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(call())
