"""RTP and RTCP of one call on their sockets. What is decided is decided by the pure parts around it."""

from __future__ import annotations

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
from edge_agent.drivers.sip.rtcp_socket import RtcpSocket
from edge_agent.drivers.sip.rtp_latch import Latch, Place
from edge_agent.drivers.sip.rtp_packet import MOST_BYTES
from edge_agent.drivers.sip.rtp_receiver import RtpReceiver
from edge_agent.drivers.sip.rtp_sender import RtpSender
from edge_agent.drivers.sip.rtp_sockets import SocketPair, connected
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

    __slots__ = (
        "_clock",
        "_closed",
        "_direct",
        "_direct_to",
        "_idle",
        "_latch",
        "_now",
        "_plan",
        "_playout",
        "_poll",
        "_receiver",
        "_recvfrom",
        "_release",
        "_rtcp",
        "_sender",
        "_sendto",
        "_sent_at",
        "_sockets",
        "_srtp",
        "_ticked_at",
        "on_digit",
        "on_frame",
        "refused",
        "taken",
    )

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
        self._now = time.monotonic
        self._sendto = sockets.rtp.sendto
        self._recvfrom = sockets.rtp.recvfrom
        self._direct: socket.socket | None = None
        self._direct_to: Place | None = None
        self._sender = RtpSender(rng)
        self._receiver = RtpReceiver()
        self._playout = self._receiver.playout
        self._latch = Latch()
        self._rtcp = RtcpSocket(sockets.rtcp, rng)
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
        self._rtcp.heard = None
        self._follow_latch()
        self._protect(plan.srtp)
        if first:
            self._discard()
            self._rtcp.exchange.postpone(self._now())
            self._poll.add(self._sockets.rtp, self._rtp_came)
            self._poll.add(self._sockets.rtcp, self._rtcp_came)
            self._fall_idle()

    def send(self, frame: bytes) -> None:
        plan = self._plan
        if plan is None or self._closed:
            return
        self._sent_at = self._now()
        if self._transmit(frame if plan.send else SILENCE):
            self.taken += 1
        if self._idle:
            self._idle = False
            self._clock.remove(self)
            if self._sent_at - self._ticked_at < TICK_S / 2:
                return  # a frame was handed on a moment ago, by the other clock
        playout = self._playout
        if playout.begun:
            self.on_frame(playout.pull())

    def send_digits(self, digits: str, *, tone_ms: int = 160, gap_ms: int = 100) -> float:
        return 0.0 if self._closed else self._sender.press(digits, tone_ms, gap_ms)

    def heard_ago(self) -> float | None:
        heard_at = self._latch.heard_at
        return None if heard_at is None else max(0.0, self._now() - heard_at)

    def stats(self) -> MediaStats:
        reception, far = self._receiver.reception, self._rtcp.exchange
        return MediaStats(
            sent=self._sender.packets - self.refused.unsent,
            received=reception.received,
            lost=reception.lost,
            late=self._playout.late,
            concealed=self._playout.concealed,
            jitter_ms=round(reception.jitter * 1000 / RATE, 1),
            far_lost=far.far_lost,
            far_jitter_ms=None if far.far_jitter_ms is None else round(far.far_jitter_ms, 1),
            round_trip_ms=None if far.round_trip_ms is None else round(far.round_trip_ms, 1),
            codec="" if self._plan is None else codec_of(self._plan.encoding).encoding.value,
        )

    def close(self) -> None:
        if self._closed:
            return
        if self._plan is not None:
            self._report(goodbye=True)
            self._disconnect()
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
        due = self._rtcp.exchange.due
        if due is not None and now >= due:
            self._report(goodbye=False)
            self._rtcp.exchange.postpone(now)

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
        direct = self._direct
        target = None if direct is not None else self._latch.target
        if direct is None and target is None:
            self.refused.unsent += packet is not None
            return False
        if packet is None:
            return True
        try:
            if self._srtp is not None:
                packet = self._srtp.protect(packet)
            if direct is not None:
                direct.send(packet)
            elif target is not None:
                self._sendto(packet, target)
        except (OSError, LocalProtocolError):
            self.refused.unsent += 1
            return False
        return True

    def _rtp_came(self, now: float) -> None:
        try:
            data, source = self._recvfrom(MOST_BYTES)
        except OSError:
            return
        self._take_from(source, data, now)

    def _direct_came(self, now: float) -> None:
        """From the far end that the latch is locked on."""
        if self._direct is None:
            return
        try:
            data = self._direct.recv(MOST_BYTES)
        except OSError:  # also: nobody listens there
            return
        if self._srtp is not None:
            if self._take(data, now):
                self._latch.heard_at = now
            return
        try:
            key = self._receiver.take(data, now)
        except RemoteProtocolError:
            self._perhaps_rtcp(data, now)
            return
        self._latch.heard_at = now
        if key:
            self.on_digit(key)

    def _take_from(self, source: Place, data: bytes, now: float) -> None:
        latch = self._latch
        if len(source) > 2:  # IPv6: with flow and scope
            source = source[:2]
        known = source == latch.locked
        if not known and not latch.accepts(source, now):
            self.refused.strangers += 1
        elif not self._take(data, now):
            return
        elif known:
            latch.heard_at = now
        else:
            latch.heard(source, now)
            self._follow_latch()

    def _take(self, data: bytes, now: float) -> bool:
        """Whether it was RTP."""
        try:
            if self._srtp is not None and not looks_like_rtcp(data):
                data = self._srtp.unprotect(data)
            key = self._receiver.take(data, now)
        except RemoteProtocolError:
            self._perhaps_rtcp(data, now)
            return False
        if key:
            self.on_digit(key)
        return True

    def _follow_latch(self) -> None:
        """While it is locked, by the short way."""
        locked = self._latch.locked
        if self._closed or locked == self._direct_to:
            return
        self._disconnect()
        self._direct_to = locked
        if locked is None or (made := connected(self._sockets.rtp, locked)) is None:
            return
        self._direct = made
        self._poll.add(made, self._direct_came)
        with contextlib.suppress(OSError):
            for _ in range(_OLD):
                data, source = made.recvfrom(MOST_BYTES)
                self._take_from(source, data, self._now())

    def _disconnect(self) -> None:
        self._direct_to = None
        if self._direct is not None:
            self._poll.remove(self._direct)
            self._direct.close()
            self._direct = None

    def _rtcp_came(self, now: float) -> None:
        try:
            came = self._rtcp.receive(self._latch.target)
        except OSError:
            return
        if came is None:
            self.refused.strangers += 1
        elif self._rtcp.take(came[0], self._srtp, self._sender.ssrc, now):
            self._rtcp.heard = came[1]
        else:
            self.refused.malformed += 1

    def _perhaps_rtcp(self, data: bytes, now: float) -> None:
        """RTCP on the RTP port was not agreed on, and is understood."""
        known = looks_like_rtcp(data) and self._rtcp.take(data, self._srtp, self._sender.ssrc, now)
        self.refused.malformed += not known

    def _report(self, *, goodbye: bool) -> None:
        to = None if self._plan is None else self._rtcp.destination(self._plan, self._latch.target)
        if to is not None:
            reception = self._receiver.reception
            self._rtcp.report(self._sender, reception, self._srtp, to, self._now(), goodbye=goodbye)

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
