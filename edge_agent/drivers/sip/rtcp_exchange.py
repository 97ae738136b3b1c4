"""What two ends tell one another of a call's sound (RFC 3550 §6.4). Pure; time is told by who calls."""

from __future__ import annotations

import random

from edge_agent.drivers.sip.reception import Reception
from edge_agent.drivers.sip.rtcp import Report, ReportBlock, SenderInfo, build_rtcp, middle, ntp_time, parse_rtcp
from edge_agent.drivers.sip.rtp_sender import RtpSender
from telecore.audio.frames import RATE

EVERY_S = 5.0
_UNIT = 1 << 16
_LONGEST_TRIP_S = 60.0
"""More is a mistake in what the far end says, and no round trip."""


class RtcpExchange:
    """``far_lost`` in packets, ``far_jitter_ms``, ``round_trip_ms``: None until the far end told."""

    def __init__(self, rng: random.Random, cname: str) -> None:
        self.far_lost: int | None = None
        self.far_jitter_ms: float | None = None
        self.round_trip_ms: float | None = None
        self.due: float | None = None
        """When the next report is to go out; None: before the first packet."""
        self._rng = rng
        self._cname = cname
        self._last_report: tuple[int, float] | None = None

    def postpone(self, now: float) -> None:
        """A report went out or sound began: the next is due in about five seconds (§6.3.1: never in step)."""
        self.due = now + EVERY_S * self._rng.uniform(0.5, 1.5)

    def report(self, sender: RtpSender, reception: Reception, now: float, wall: float, *, goodbye: bool) -> bytes:
        """The report of this moment; ``wall`` in seconds since 1970."""
        info = SenderInfo(ntp_time(wall), sender.timestamp, sender.packets, sender.octets) if sender.packets else None
        blocks = () if reception.ssrc is None else (self._block(reception, reception.ssrc, now),)
        return build_rtcp(Report(sender.ssrc, info, blocks, goodbye), self._cname)

    def take(self, data: bytes, ssrc: int, now: float, wall: float) -> None:
        """A packet of the far end; ``ssrc`` is ours. Raises RemoteProtocolError."""
        report = parse_rtcp(data)
        if report.sender is not None:
            self._last_report = middle(report.sender.ntp), now
        for block in report.blocks:
            if block.ssrc == ssrc:
                self._learn(block, wall)

    def _block(self, reception: Reception, ssrc: int, now: float) -> ReportBlock:
        last, since = 0, 0
        if self._last_report is not None:
            last, since = self._last_report[0], int((now - self._last_report[1]) * _UNIT)
        figures = reception.figures()
        return ReportBlock(
            ssrc, figures.fraction, figures.lost, figures.highest, figures.jitter, last, min(since, 0xFFFFFFFF)
        )

    def _learn(self, block: ReportBlock, wall: float) -> None:
        self.far_lost = block.lost
        self.far_jitter_ms = block.jitter * 1000 / RATE
        if block.last_report:
            trip = (middle(ntp_time(wall)) - block.last_report - block.since) % (1 << 32) / _UNIT
            # A clock that is a little wrong makes a short trip a negative one.
            if trip < _LONGEST_TRIP_S:
                self.round_trip_ms = trip * 1000
