from __future__ import annotations

import contextlib
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.sip.reception import Reception
from edge_agent.drivers.sip.rtcp import (
    Report,
    ReportBlock,
    SenderInfo,
    build_rtcp,
    looks_like_rtcp,
    middle,
    ntp_time,
    parse_rtcp,
)
from edge_agent.drivers.sip.rtcp_exchange import EVERY_S, RtcpExchange
from edge_agent.drivers.sip.rtp_sender import RtpSender
from edge_agent.media.source import SILENCE
from telecore.errors import RemoteProtocolError

word = st.integers(0, 2**32 - 1)
blocks = st.builds(ReportBlock, word, st.integers(0, 255), st.integers(-(2**23), 2**23 - 1), word, word, word, word)
senders = st.none() | st.builds(SenderInfo, st.integers(0, 2**64 - 1), word, word, word)
reports = st.builds(Report, word, senders, st.lists(blocks, max_size=3).map(tuple), st.booleans())


@given(reports, st.text(max_size=300))
def test_it_reads_what_it_wrote(report: Report, cname: str) -> None:
    data = build_rtcp(report, cname)
    assert parse_rtcp(data) == report
    assert looks_like_rtcp(data)
    assert len(data) % 4 == 0


@given(st.binary(max_size=80))
def test_random_bytes_are_a_report_or_none(data: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        parse_rtcp(data)


@given(reports, st.integers(0, 400), st.integers(0, 255))
def test_a_report_with_one_wrong_byte(report: Report, at: int, value: int) -> None:
    data = bytearray(build_rtcp(report, "x"))
    data[at % len(data)] = value
    with contextlib.suppress(RemoteProtocolError):
        parse_rtcp(bytes(data))


@pytest.mark.parametrize(
    "data",
    [b"", b"\x80\xc8\x00", struct.pack("!BBH", 0x81, 201, 1) + bytes(4), struct.pack("!BBHI", 0x80, 200, 1, 1)],
    ids=["nothing", "half a header", "a block that is not there", "no sender's figures"],
)
def test_what_is_none(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_rtcp(data)


def test_sound_is_no_rtcp() -> None:
    assert not looks_like_rtcp(bytes((0x80, 0)) + bytes(20))
    assert not looks_like_rtcp(bytes((0x80, 0x80 | 101)) + bytes(20))


def exchange(seed: int) -> tuple[RtcpExchange, RtpSender, Reception]:
    return RtcpExchange(random.Random(seed), "x"), RtpSender(random.Random(seed)), Reception()


def test_two_ends_tell_one_another_losses_jitter_and_round_trip() -> None:
    """Their clocks differ by a day, and reports take 30 ms there and 50 back."""
    here, our_sender, our_reception = exchange(1)
    there, their_sender, their_reception = exchange(2)
    for number in range(100):
        our_sender.packet(SILENCE)
        if number % 10:
            their_reception.sound(our_sender.ssrc, number, 160 * number, 0.02 * number)
    our_reception.accept(their_sender.ssrc, 1)
    report = here.report(our_sender, our_reception, 100.0, 1_000_000.0, goodbye=False)
    there.take(report, their_sender.ssrc, 7.03, 1_086_400.03)
    answer = there.report(their_sender, their_reception, 9.53, 1_086_402.53, goodbye=False)
    here.take(answer, our_sender.ssrc, 102.58, 1_000_002.58)
    assert here.round_trip_ms == pytest.approx(80, abs=0.1)
    assert here.far_lost == 9  # the first one that was lost nobody missed
    assert here.far_jitter_ms == pytest.approx(0, abs=0.2)
    assert there.round_trip_ms is None
    assert there.far_lost == 0


def test_reports_come_every_five_seconds_and_never_in_step() -> None:
    here, _, _ = exchange(1)
    dues = []
    for now in range(500):
        here.postpone(float(now))
        assert here.due is not None
        dues.append(here.due - now)
    assert min(dues) >= EVERY_S / 2
    assert max(dues) <= EVERY_S * 1.5
    assert sum(dues) / 500 == pytest.approx(EVERY_S, rel=0.05)
    assert len(set(dues)) == 500


def test_reports_of_somebody_else_and_absurd_round_trips_are_not_believed() -> None:
    here, sender, _ = exchange(1)
    foreign = ReportBlock(sender.ssrc ^ 1, 0, 5, 0, 0, 0, 0)
    absurd = ReportBlock(sender.ssrc, 0, 5, 0, 0, middle(ntp_time(999_000.0)), 0)
    here.take(build_rtcp(Report(1, None, (foreign,)), "x"), sender.ssrc, 0.0, 1_000_000.0)
    assert here.far_lost is None
    here.take(build_rtcp(Report(1, None, (absurd,)), "x"), sender.ssrc, 0.0, 1_000_000.0)
    assert (here.far_lost, here.round_trip_ms) == (5, None)
    # An echoing far end sends our own reports back.
    here.take(build_rtcp(Report(sender.ssrc, None, (foreign,)), "x"), sender.ssrc, 0.0, 1_000_000.0)
