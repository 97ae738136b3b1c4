"""The sockets of one call's RTP: two that are open to all, and one that is connected while the far end is known."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from edge_agent.drivers.sip.rtp_latch import Place


@dataclass(frozen=True, slots=True)
class SocketPair:
    """Bound and non-blocking. ``port`` is RTP's, RTCP has the next."""

    rtp: socket.socket
    rtcp: socket.socket
    port: int

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


def connected(bound: socket.socket, to: Place) -> socket.socket | None:
    """A second socket on the port of ``bound``, connected; None where the system does not want to.

    The kernel gives it the packets of that place and ``bound`` those of all others. Through it a packet costs a third
    less both ways: no address is read, made or looked up. What came in the instant before it was connected may be
    from anybody.
    """
    made = socket.socket(bound.family, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        _copy_class(bound, made)
        _share(bound, made)
        made.connect(to)
    except OSError:
        made.close()
        return None
    return made


def _share(bound: socket.socket, other: socket.socket) -> None:
    """The port, between these two and with no third."""
    for each in (bound, other):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        other.bind(bound.getsockname())
    finally:
        for each in (bound, other):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)


def _copy_class(bound: socket.socket, other: socket.socket) -> None:
    if bound.family == socket.AF_INET:
        level, option = socket.IPPROTO_IP, socket.IP_TOS
    else:
        level, option = socket.IPPROTO_IPV6, socket.IPV6_TCLASS
    other.setsockopt(level, option, bound.getsockopt(level, option))
