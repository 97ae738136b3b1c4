from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from edge_agent.drivers.sip.media import MediaPlan, SrtpKeys
from edge_agent.drivers.sip.rtcp import Report, build_rtcp
from edge_agent.drivers.sip.rtp import RtpPorts
from edge_agent.drivers.sip.rtp_packet import build_rtp
from edge_agent.drivers.sip.settings import SipSettings
from edge_agent.drivers.sip.srtp import SUITES, SrtpContext, supported
from telecore.audio.frames import Encoding
from telecore.errors import LocalProtocolError, RemoteProtocolError
from tests.fakes.rtp_end import Wire, here, until

SUITE = "AES_CM_128_HMAC_SHA1_80"
LOUD = bytes(range(1, 255)) + bytes(range(1, 67))


@pytest.fixture
async def ports() -> AsyncIterator[RtpPorts]:
    made = RtpPorts(SipSettings(rtp_low=25_600, rtp_high=25_699))
    yield made
    made.close()


def keys(suite: str = SUITE) -> tuple[SrtpKeys, SrtpKeys]:
    ours, theirs = os.urandom(SUITES[suite][0]), os.urandom(SUITES[suite][0])
    return SrtpKeys(suite, ours, theirs), SrtpKeys(suite, theirs, ours)


def test_the_suites_of_rfc_4568_work_here() -> None:
    assert supported()[:2] == ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")


@pytest.mark.parametrize("suite", supported())
def test_each_suite_both_ways(suite: str) -> None:
    one, other = (SrtpContext(each) for each in keys(suite))
    packet = build_rtp(0, 1, 160, 7, b"sound" * 32)
    report = build_rtcp(Report(7), "x")
    protected = one.protect(packet)
    assert len(protected) > len(packet)
    assert b"sound" not in protected
    assert other.unprotect(protected) == packet
    assert one.unprotect_rtcp(other.protect_rtcp(report)) == report
    for wrong in (protected, protected[:-1] + bytes((protected[-1] ^ 1,)), packet, b"", bytes(5), bytes(3000)):
        with pytest.raises(RemoteProtocolError):
            other.unprotect(wrong)
        with pytest.raises(RemoteProtocolError):
            other.unprotect_rtcp(wrong)


@pytest.mark.parametrize("wrong", [SrtpKeys("F8_128_HMAC_SHA1_80", bytes(30), bytes(30)), SrtpKeys(SUITE, b"", b"")])
def test_keys_that_cannot_be_used(wrong: SrtpKeys) -> None:
    with pytest.raises(LocalProtocolError):
        SrtpContext(wrong)


def test_keys_are_not_shown() -> None:
    assert "SECRET" not in repr(SrtpKeys(SUITE, b"SECRET" * 5, b"SECRET" * 5))


async def test_two_sessions_talk_and_nobody_listens_in(ports: RtpPorts) -> None:
    one, other = await ports.open(), await ports.open()
    ours, theirs = keys()
    pressed: list[str] = []
    other.on_digit = pressed.append
    one.plan(MediaPlan("127.0.0.1", other.port, Encoding.PCMU, 0, dtmf=101, srtp=ours))
    other.plan(MediaPlan("127.0.0.1", one.port, Encoding.PCMU, 0, dtmf=101, srtp=theirs))
    heard: list[bytes] = []
    other.on_frame = heard.append
    for _ in range(10):
        one.send(LOUD)
        await asyncio.sleep(0.02)
    one.send_digits("7")
    await until(lambda: pressed == ["7"])
    assert len([frame for frame in heard if any(frame)]) >= 8
    one._report(goodbye=False)
    other._report(goodbye=False)
    await until(lambda: one.stats().far_lost == 0)
    assert one.refused.malformed == other.refused.malformed == 0
    # A re-INVITE with the same keys goes on; packets in the clear, or by other keys, are noise.
    one.plan(MediaPlan("127.0.0.1", other.port, Encoding.PCMU, 0, dtmf=101, srtp=ours))
    before = other.stats().received
    one.send(LOUD)
    await until(lambda: other.stats().received > before)
    stranger = Wire()
    for number in range(3):
        stranger.send(build_rtp(0, number, 160 * number, 3, LOUD[:160]), here(other))
    one.plan(MediaPlan("127.0.0.1", other.port, Encoding.PCMU, 0, dtmf=101, srtp=keys()[0]))
    one.send(LOUD)
    await until(lambda: other.refused.malformed + other.refused.strangers >= 4)
    stranger.close()


async def test_without_usable_keys_nothing_goes_out(ports: RtpPorts, caplog: pytest.LogCaptureFixture) -> None:
    wire, session = Wire(), await ports.open()
    session.plan(MediaPlan(*wire.place, Encoding.PCMU, 0, srtp=SrtpKeys("UNKNOWN", b"", b"")))
    for _ in range(5):
        session.send(LOUD)
        await asyncio.sleep(0.02)
    session.close()
    await asyncio.sleep(0.02)
    assert not wire.came
    assert "without sound" in caplog.text
    wire.close()
