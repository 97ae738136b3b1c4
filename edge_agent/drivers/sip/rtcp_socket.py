"""RTCP of one call on its socket: reports to the far end, and what it reports."""

from __future__ import annotations

import logging
import random
import socket
import time

from edge_agent.drivers.sip.media import MediaPlan
from edge_agent.drivers.sip.reception import Reception
from edge_agent.drivers.sip.rtcp_exchange import RtcpExchange
from edge_agent.drivers.sip.rtp_latch import Place, place
from edge_agent.drivers.sip.rtp_packet import MOST_BYTES
from edge_agent.drivers.sip.rtp_sender import RtpSender
from edge_agent.drivers.sip.srtp import SrtpContext
from telecore.errors import LocalProtocolError, RemoteProtocolError

log = logging.getLogger(__name__)


class RtcpSocket:
    """Knows where reports go; ``target`` is always where RTP goes now."""

    def __init__(self, bound: socket.socket, rng: random.Random) -> None:
        self.exchange = RtcpExchange(rng, f"{rng.getrandbits(64):016x}")
        self.heard: Place | None = None
        """Where reports came from."""
        self._socket = bound

    def receive(self, target: Place | None) -> tuple[bytes, Place] | None:
        """What came, None from a stranger. Raises BlockingIOError and other OSErrors when nothing came."""
        data, source = self._socket.recvfrom(MOST_BYTES)
        return None if target is None or source[0] != target[0] else (data, source[:2])

    def take(self, data: bytes, srtp: SrtpContext | None, ssrc: int, now: float) -> bool:
        """Whether it was RTCP. ``ssrc`` is ours."""
        try:
            plain = data if srtp is None else srtp.unprotect_rtcp(data)
            self.exchange.take(plain, ssrc, now, time.time())
        except RemoteProtocolError:
            return False
        return True

    def report(
        self, sender: RtpSender, reception: Reception, srtp: SrtpContext | None, to: Place, now: float, *, goodbye: bool
    ) -> None:
        """Send one. What the system does not take is lost, as on the way."""
        report = self.exchange.report(sender, reception, now, time.time(), goodbye=goodbye)
        try:
            self._socket.sendto(report if srtp is None else srtp.protect_rtcp(report), to)
        except (OSError, LocalProtocolError):
            log.debug("an RTCP report to %s did not go out", to)

    def destination(self, plan: MediaPlan, target: Place | None) -> Place | None:
        """Where the far end's reports came from, else where it wants ours, else the port above RTP's."""
        if self.heard is not None or target is None:
            return self.heard
        if plan.rtcp_port is not None and target == place(plan.address, plan.port):
            return place(plan.address, plan.rtcp_port)
        return place(target[0], target[1] + 1)
