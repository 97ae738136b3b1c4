"""What a session must bear: strangers, noise on the wire, echoes, and a NAT between it and the gateway."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from edge_agent.drivers.sip.media import MediaPlan
from edge_agent.drivers.sip.rtcp import parse_rtcp
from edge_agent.drivers.sip.rtp import RtpPorts
from edge_agent.drivers.sip.rtp_latch import LOCK_PACKETS
from edge_agent.drivers.sip.settings import SipSettings
from edge_agent.media.source import SILENCE
from telecore.audio.frames import Encoding
from tests.fakes.nat import Nat
from tests.fakes.rtp_end import RtpEnd, Wire, here, until

LOW = 25_400
TICK = 0.02
LOUD = bytes(range(0x10, 0x60)) * 2


@pytest.fixture
async def ports() -> AsyncIterator[RtpPorts]:
    made = RtpPorts(SipSettings(rtp_low=LOW, rtp_high=LOW + 199))
    yield made
    made.close()


async def test_a_stranger_takes_nothing_and_says_nothing(ports: RtpPorts) -> None:
    with RtpEnd("127.0.0.2") as gateway, RtpEnd("127.0.0.3") as thief:
        session = await ports.open()
        heard: list[bytes] = []
        session.on_frame = heard.append
        keys: list[str] = []
        session.on_digit = keys.append
        session.plan(gateway.plan())
        for _ in range(20):
            thief.rtp.send(thief.sound(LOUD), here(session))
            thief.rtp.send(thief.event(b"\x05\x0a\x03\x20", 0, first=True), here(session))
            thief.rtcp.send(thief.sound(LOUD), ("127.0.0.1", session.port + 1))
            gateway.rtp.send(gateway.sound(b"\xff" * 160), here(session))
            await asyncio.sleep(0.01)
        await until(lambda: session.refused.strangers == 60)
        assert not thief.rtp.came
        assert not keys
        assert not any(any(frame) for frame in heard)
        assert session.stats().received == 20


async def test_the_gateways_other_port_is_learnt_and_then_kept(ports: RtpPorts) -> None:
    """It announces one port and sends from another; later a third one of the same address is not believed."""
    with RtpEnd() as announced, RtpEnd() as real, RtpEnd() as third:
        session = await ports.open()
        session.plan(announced.plan())
        for _ in range(LOCK_PACKETS + 1):
            real.rtp.send(real.sound(LOUD), here(session))
        await until(lambda: session.stats().received == LOCK_PACKETS + 1)
        for _ in range(3):
            third.rtp.send(third.sound(LOUD), here(session))
        await until(lambda: session.refused.strangers == 3)
        before = len(announced.came)
        await until(lambda: len(real.came) >= 5)
        assert len(announced.came) == before
        assert not third.came
        session.plan(third.plan())  # a re-INVITE from there
        third.rtp.send(third.sound(LOUD), here(session))
        await until(lambda: len(third.came) >= 3)


async def test_both_ways_carry_sound_through_a_nat(ports: RtpPorts) -> None:
    """The gateway announces an address of its own network; what comes has another address and port."""
    session = await ports.open()
    with RtpEnd("127.0.0.5") as gateway, Nat(here(session)) as nat, Nat(("127.0.0.1", session.port + 1)) as rtcp_nat:
        heard: list[bytes] = []
        session.on_frame = heard.append
        session.plan(gateway.plan(address="10.11.12.13", rtcp_port=None, sources=("127.0.0.9",)))
        for _ in range(15):
            gateway.rtp.send(gateway.sound(LOUD), nat.inside)
            session.send(SILENCE)
            await asyncio.sleep(TICK)
        await until(lambda: len(gateway.came) >= 10)
        assert session.stats().received == 15
        assert len([frame for frame in heard if any(frame)]) >= 8
        assert all(source == nat.inside for _, source in gateway.rtp.came)
        nat.forget()  # the binding ran out: another port, after a while of silence or a re-INVITE
        session.plan(gateway.plan(address="10.11.12.13", rtcp_port=None, sources=("127.0.0.9",)))
        before = len(gateway.came)
        for _ in range(5):
            gateway.rtp.send(gateway.sound(LOUD), nat.inside)
            await asyncio.sleep(TICK)
        await until(lambda: len(gateway.came) >= before + 3)
        # Reports find their way back as well, once one came.
        far = await ports.open()
        far.plan(gateway.plan())
        far._report(goodbye=False)
        await until(lambda: gateway.rtcp.came)
        gateway.rtcp.send(gateway.rtcp.came.pop()[0], rtcp_nat.inside)
        await asyncio.sleep(TICK)
        session._report(goodbye=False)
        await until(lambda: gateway.rtcp.came)
        assert gateway.rtcp.came[0][1] == rtcp_nat.inside


async def test_an_echoing_far_end_makes_no_storm(ports: RtpPorts) -> None:
    echo = Wire()
    echo.on_datagram = echo.send
    session = await ports.open()
    session.plan(MediaPlan(*echo.place, Encoding.PCMU, 0, dtmf=101))
    for _ in range(25):
        session.send(SILENCE)
        await asyncio.sleep(TICK)
    assert 20 <= len(echo.came) <= 80
    assert session.stats().received <= len(echo.came)
    echo.close()


async def test_noise_on_the_wire_is_counted_and_forgotten(ports: RtpPorts) -> None:
    rng = random.Random(7)
    with RtpEnd() as far:
        session = await ports.open()
        frames: list[bytes] = []
        session.on_frame = frames.append
        session.plan(far.plan())
        good = far.sound(LOUD)
        for number in range(400):
            match number % 4:
                case 0:
                    noise = rng.randbytes(rng.randrange(200))
                case 1:
                    noise = bytes((0x80, rng.randrange(256))) + rng.randbytes(rng.randrange(10, 60))
                case 2:
                    at = rng.randrange(len(good))
                    noise = good[:at] + rng.randbytes(1) + good[at + 1 :]
                case _:
                    noise = rng.choice((b"", bytes(60_000), b"\x80", good[:12], good + bytes(1800)))
            (far.rtp if number % 3 else far.rtcp).send(noise, (here(session)[0], session.port + (number % 3 == 0)))
            if number % 40 == 0:
                await asyncio.sleep(TICK)
                session.send(SILENCE)
        await until(lambda: session.refused.malformed > 50)
        before = session.stats().received
        far.ssrc += 1
        for _ in range(10):
            far.rtp.send(far.sound(LOUD), here(session))
            session.send(SILENCE)
            await asyncio.sleep(TICK)
        assert session.stats().received >= before + 8
        assert all(len(frame) == 320 for frame in frames)
        assert len(session._playout._waiting) < 20
        assert session.stats().lost >= 0


async def test_it_hears_the_law_that_was_not_announced_and_no_other_codec(ports: RtpPorts) -> None:
    with RtpEnd() as far:
        session = await ports.open()
        session.plan(far.plan())
        far.rtp.send(far.sound(LOUD, 8), here(session))
        far.rtp.send(far.sound(LOUD, 18), here(session))
        far.rtp.send(far.sound(LOUD, 96), here(session))
        await until(lambda: session._receiver.unknown == 2)
        assert session.stats().received == 1


async def test_reports_go_out_and_a_goodbye_in_the_end(ports: RtpPorts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.drivers.sip.rtcp_exchange.EVERY_S", 0.2)
    one, other = await ports.open(), await ports.open()
    with RtpEnd() as watcher:
        one.plan(watcher.plan(port=other.port, rtcp_port=other.port + 1))
        other.plan(watcher.plan(port=one.port, rtcp_port=one.port + 1))
        await until(lambda: one.stats().round_trip_ms is not None and other.stats().round_trip_ms is not None)
        stats = one.stats()
        assert stats.far_lost == 0
        assert stats.far_jitter_ms is not None
        assert stats.round_trip_ms is not None
        assert stats.round_trip_ms < 100
        other.close()
        one.plan(watcher.plan())
        one.close()
        await until(lambda: watcher.rtcp.came)
        last = parse_rtcp(watcher.rtcp.came[-1][0])
        assert last.goodbye
        assert last.sender is not None
        assert last.sender.packets == one.stats().sent
        assert last.blocks
