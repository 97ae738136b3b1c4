"""RTP and RTCP of one call on their two sockets. What is decided is decided by the pure parts around it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.drivers.sip.codec import codec_of
from edge_agent.drivers.sip.media import MediaPlan, MediaStats, SrtpKeys
from edge_agent.drivers.sip.rtcp import looks_like_rtcp
from edge_agent.drivers.sip.rtcp_exchange import RtcpExchange
from edge_agent.drivers.sip.rtp_latch import Latch, Place, place
from edge_agent.drivers.sip.rtp_packet import MOST_BYTES
from edge_agent.drivers.sip.rtp_receiver import RtpReceiver
from edge_agent.drivers.sip.rtp_sender import RtpSender
from edge_agent.drivers.sip.socket_poll import SocketPoll
from edge_agent.drivers.sip.srtp import SrtpContext
from edge_agent.media.clock import TICK_S, MediaClock
from edge_agent.media.source import SILENCE
from telecore.audio.frames import RATE
from telecore.errors import LocalProtocolError, RemoteProtocolError

log = logging.getLogger(__name__)

IDLE_S = 0.1
"""Nobody sends any more, and the agent's clock is not merely late."""

_OLD = 1000
"""More than fits into a socket's buffer."""

Release = Callable[["RtpSession"], None]


@dataclass(frozen=True, slots=True)
class SocketPair:
    """Bound and non-blocking. ``port`` is RTP's, RTCP has the next."""

    rtp: socket.socket
    rtcp: socket.socket
    port: int

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


@dataclass(slots=True)
class Refusals:
    """Datagrams that did not count: from ``strangers``, ``malformed``, and ours that the system did not take."""

    strangers: int = 0
    malformed: int = 0
    unsent: int = 0


class RtpSession:
    """A MediaSession. Sends in ``send`` and nowhere else; while nobody calls it, ``clock`` ticks it with silence.

    So what comes in is handed on at the pace at which it goes out, whatever the network did to it.
    """

    rate = RATE

    def __init__(
        self, sockets: SocketPair, poll: SocketPoll, clock: MediaClock, release: Release, rng: random.Random
    ) -> None:
        self.on_frame: Callable[[bytes], None] = _ignore
        self.on_digit: Callable[[str], None] = _ignore
        self.taken = 0
        self.refused = Refusals()
        self._sockets = sockets
        self._poll = poll
        self._clock = clock
        self._release = release
        self._now = asyncio.get_running_loop().time
        self._sendto = sockets.rtp.sendto
        self._recvfrom = sockets.rtp.recvfrom
        self._sender = RtpSender(rng)
        self._receiver = RtpReceiver()
        self._playout = self._receiver.playout
        self._latch = Latch()
        self._rtcp = RtcpExchange(rng, f"{rng.getrandbits(64):016x}")
        self._rtcp_heard: Place | None = None
        self._plan: MediaPlan | None = None
        self._srtp: SrtpContext | None = None
        self._sent_at: float | None = None
        self._idle = False
        self._ticked_at = 0.0
        self._closed = False

    @property
    def port(self) -> int:
        return self._sockets.port

    def plan(self, plan: MediaPlan) -> None:
        if self._closed:
            return
        first, self._plan = self._plan is None, plan
        codec = codec_of(plan.encoding)
        self._sender.plan(codec, plan.payload_type, plan.dtmf, plan.ptime_ms)
        self._receiver.plan(codec, plan.payload_type, plan.dtmf, listening=plan.receive)
        self._latch.plan(plan.address, plan.port, plan.sources)
        self._rtcp_heard = None
        self._protect(plan.srtp)
        if first:
            self._discard()
            self._rtcp.postpone(self._now())
            self._poll.add(self._sockets.rtp, self._rtp_came)
            self._poll.add(self._sockets.rtcp, self._rtcp_came)
            self._fall_idle()

    def send(self, frame: bytes) -> None:
        if self._closed or self._plan is None:
            return
        self._sent_at = self._now()
        if self._transmit(frame if self._plan.send else SILENCE):
            self.taken += 1
        if self._idle:
            self._idle = False
            self._clock.remove(self)
            if self._sent_at - self._ticked_at < TICK_S / 2:
                return  # a frame was handed on a moment ago, by the other clock
        if self._playout.begun:
            self.on_frame(self._playout.pull())

    def send_digits(self, digits: str, *, tone_ms: int = 160, gap_ms: int = 100) -> float:
        return 0.0 if self._closed else self._sender.press(digits, tone_ms, gap_ms)

    def heard_ago(self) -> float | None:
        heard_at = self._latch.heard_at
        return None if heard_at is None else max(0.0, self._now() - heard_at)

    def stats(self) -> MediaStats:
        reception = self._receiver.reception
        return MediaStats(
            sent=self._sender.packets - self.refused.unsent,
            received=reception.received,
            lost=reception.lost,
            late=self._playout.late,
            concealed=self._playout.concealed,
            jitter_ms=round(reception.jitter * 1000 / RATE, 1),
            far_lost=self._rtcp.far_lost,
            far_jitter_ms=None if self._rtcp.far_jitter_ms is None else round(self._rtcp.far_jitter_ms, 1),
            round_trip_ms=None if self._rtcp.round_trip_ms is None else round(self._rtcp.round_trip_ms, 1),
            codec="" if self._plan is None else codec_of(self._plan.encoding).encoding.value,
        )

    def close(self) -> None:
        if self._closed:
            return
        if self._plan is not None:
            self._report(goodbye=True)
            self._poll.remove(self._sockets.rtp)
            self._poll.remove(self._sockets.rtcp)
        self._closed = True
        self._clock.remove(self)
        self._sockets.close()
        self.on_frame = self.on_digit = _ignore
        self._release(self)

    def tick(self) -> None:
        """20 ms passed in which nobody else sent."""
        self._ticked_at = self._now()
        self._transmit(SILENCE)
        if self._playout.begun:
            self.on_frame(self._playout.pull())

    def watch(self) -> None:
        """Called every 0.1 s: begin to send silence when nobody sends; report when it is time."""
        if self._plan is None:
            return
        now = self._now()
        if not self._idle and self._sent_at is not None and now - self._sent_at > IDLE_S:
            self._sender.pause(round((now - self._sent_at) / TICK_S) - 1)
            self._fall_idle()
        if self._rtcp.due is not None and now >= self._rtcp.due:
            self._report(goodbye=False)
            self._rtcp.postpone(now)

    def _discard(self) -> None:
        """What came before anything was agreed is old by now, and would only be heard late."""
        with contextlib.suppress(OSError):
            for _ in range(_OLD):
                self._recvfrom(MOST_BYTES)

    def _fall_idle(self) -> None:
        self._idle = True
        self._clock.add(self)

    def _transmit(self, frame: bytes) -> bool:
        """Whether it went out, or will with the next."""
        packet = self._sender.packet(frame)
        target = self._latch.target
        if target is None:
            self.refused.unsent += packet is not None
            return False
        if packet is None:
            return True
        try:
            self._sendto(packet if self._srtp is None else self._srtp.protect(packet), target)
        except (OSError, LocalProtocolError):
            self.refused.unsent += 1
            return False
        return True

    def _rtp_came(self) -> None:
        try:
            data, source = self._recvfrom(MOST_BYTES)
        except OSError:
            return
        now, latch = self._now(), self._latch
        if len(source) > 2:  # IPv6: with flow and scope
            source = source[:2]
        known = source == latch.locked
        if not known and not latch.accepts(source, now):
            self.refused.strangers += 1
            return
        try:
            if self._srtp is not None and not looks_like_rtcp(data):
                data = self._srtp.unprotect(data)
            key = self._receiver.take(data, now)
        except RemoteProtocolError:
            self._perhaps_rtcp(data)
            return
        if known:
            latch.heard_at = now
        else:
            latch.heard(source, now)
        if key:
            self.on_digit(key)

    def _rtcp_came(self) -> None:
        try:
            data, source = self._sockets.rtcp.recvfrom(MOST_BYTES)
        except OSError:
            return
        target = self._latch.target
        if target is None or source[0] != target[0]:
            self.refused.strangers += 1
        elif self._take_rtcp(data):
            self._rtcp_heard = source[:2]

    def _perhaps_rtcp(self, data: bytes) -> None:
        """RTCP on the RTP port was not agreed on, and is understood."""
        if not looks_like_rtcp(data):
            self.refused.malformed += 1
        else:
            self._take_rtcp(data)

    def _take_rtcp(self, data: bytes) -> bool:
        try:
            plain = data if self._srtp is None else self._srtp.unprotect_rtcp(data)
            self._rtcp.take(plain, self._sender.ssrc, self._now(), time.time())
        except RemoteProtocolError:
            self.refused.malformed += 1
            return False
        return True

    def _report(self, *, goodbye: bool) -> None:
        target = self._rtcp_target()
        if target is None:
            return
        reception = self._receiver.reception
        report = self._rtcp.report(self._sender, reception, self._now(), time.time(), goodbye=goodbye)
        try:
            self._sockets.rtcp.sendto(report if self._srtp is None else self._srtp.protect_rtcp(report), target)
        except (OSError, LocalProtocolError):
            log.debug("an RTCP report to %s did not go out", target)

    def _rtcp_target(self) -> Place | None:
        target, plan = self._latch.target, self._plan
        if self._rtcp_heard is not None or target is None or plan is None:
            return self._rtcp_heard
        if plan.rtcp_port is not None and target == place(plan.address, plan.port):
            return place(plan.address, plan.rtcp_port)
        return place(target[0], target[1] + 1)

    def _protect(self, keys: SrtpKeys | None) -> None:
        """With keys that cannot be used nothing goes out at all: never in the clear."""
        if keys is None:
            self._srtp = None
        elif self._srtp is None or self._srtp.keys != keys:
            try:
                self._srtp = SrtpContext(keys)
            except LocalProtocolError as error:
                log.error("a call stays without sound: %s", error)  # noqa: TRY400 (which keys, not where)
                self._latch.plan("", 0)


def _ignore(_: object) -> None:
    """Nobody listens."""
