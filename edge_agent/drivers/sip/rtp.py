"""Where RTP sessions come from: pairs of ports, and the two timers that all sessions share."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections import deque
from ipaddress import ip_address

from edge_agent.drivers.sip.rtp_session import RtpSession
from edge_agent.drivers.sip.rtp_sockets import SocketPair
from edge_agent.drivers.sip.settings import SipSettings
from edge_agent.drivers.sip.socket_poll import SocketPoll
from edge_agent.media.clock import MediaClock
from telecore.errors import Busy

WATCH_S = 0.1
_EXPEDITED = 0xB8
"""DSCP EF, for sound before everything else (RFC 4594 §4.1)."""


class RtpPorts:
    """A MediaPorts. Ports are used in turn, so that late packets of one call do not come into the next."""

    def __init__(self, settings: SipSettings) -> None:
        self._address = settings.listen
        self._rng = random.SystemRandom()
        low = settings.rtp_low + settings.rtp_low % 2
        ports = list(range(low, settings.rtp_high, 2))
        turn = self._rng.randrange(len(ports)) if ports else 0
        self._free = deque(ports[turn:] + ports[:turn])
        self._sessions: dict[RtpSession, None] = {}
        self._clock = MediaClock()
        self._poll = SocketPoll()
        self._watch: asyncio.TimerHandle | None = None

    @property
    def open_sessions(self) -> int:
        return len(self._sessions)

    async def open(self) -> RtpSession:
        """Raises Busy when no pair of ports is free, or the system has no sockets left."""
        session = RtpSession(self._pair(), self._poll, self._clock, self._released, self._rng)
        self._sessions[session] = None
        if self._watch is None:
            self._watch_later()
        return session

    def close(self) -> None:
        for session in tuple(self._sessions):
            session.close()

    def _pair(self) -> SocketPair:
        error: OSError | None = None
        for _ in range(len(self._free)):
            port = self._free.popleft()
            try:
                return _bound(self._address, port)
            except OSError as failed:  # somebody else has one of the two
                error = failed
                self._free.append(port)
        raise Busy(f"no free pair of RTP ports on {self._address}") from error

    def _released(self, session: RtpSession) -> None:
        del self._sessions[session]
        self._free.append(session.port)
        if not self._sessions and self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _watch_later(self) -> None:
        self._watch = asyncio.get_running_loop().call_later(WATCH_S, self._look)

    def _look(self) -> None:
        for session in tuple(self._sessions):
            session.watch()
        self._watch_later()


def _bound(address: str, port: int) -> SocketPair:
    rtp = _socket(address, port)
    try:
        return SocketPair(rtp, _socket(address, port + 1), port)
    except OSError:
        rtp.close()
        raise


def _socket(address: str, port: int) -> socket.socket:
    old = ip_address(address).version == 4
    made = socket.socket(socket.AF_INET if old else socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        with contextlib.suppress(OSError):  # worth having, but no reason to have no sound
            if old:
                made.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _EXPEDITED)
            else:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _EXPEDITED)
        made.bind((address, port))
    except OSError:
        made.close()
        raise
    return made
