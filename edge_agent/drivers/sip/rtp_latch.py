"""Whom a session believes and where it sends: symmetric RTP (RFC 4961) that locks. Pure.

Gateways send from other ports than they announce, and a NAT changes address and port. So we send to where packets come
from; but only to addresses that the signalling knows, and once a few packets came from one place, to no other until
that place falls silent or the signalling speaks again. Otherwise whoever guesses a port takes over a call's sound.
"""

from __future__ import annotations

from ipaddress import ip_address

Place = tuple[str, int]
"""A numeric address and a port."""

LOCK_PACKETS = 5
SILENT_S = 2.0
"""A source that has been silent for so long may be succeeded by another."""


def place(address: str, port: int) -> Place | None:
    """A place that can be sent to; None for names, port 0 and 0.0.0.0, by which old devices put a call on hold."""
    try:
        numeric = ip_address(address)
    except ValueError:
        return None
    if numeric.is_unspecified or numeric.is_multicast or not 0 < port < 1 << 16:
        return None
    return str(numeric), port


class Latch:
    """``target``: where to send now, None: nowhere."""

    __slots__ = ("_announced", "_believed", "_count", "heard_at", "locked", "target")

    def __init__(self) -> None:
        self.target: Place | None = None
        self.locked: Place | None = None
        self._announced: Place | None = None
        self._believed: frozenset[str] = frozenset()
        self._count = 0
        self.heard_at: float | None = None
        """When the last packet came that counted."""

    def plan(self, address: str, port: int, sources: tuple[str, ...] = ()) -> None:
        """The far end announced this. ``sources``: further addresses that may send, above all its signalling's."""
        announced = place(address, port)
        self._believed = frozenset({*sources, *((announced[0],) if announced else ())})
        if self.target is not None and self.target[0] not in self._believed and announced is None:
            self._believed |= {self.target[0]}  # held by 0.0.0.0: it goes on where it was
        self.locked, self._count = None, 0
        if port == 0:
            self.target = self._announced = None
        elif announced is not None and announced != self._announced:
            self.target = self._announced = announced

    def accepts(self, source: Place, now: float) -> bool:
        """Whether a packet from there may count. Changes nothing: the packet may yet prove to be none."""
        if self.locked is None or self.heard_at is None or now - self.heard_at > SILENT_S:
            return source[0] in self._believed
        return source == self.locked

    def heard(self, source: Place, now: float) -> None:
        """A sound packet came from a source that was accepted: send there."""
        self.heard_at = now
        if source == self.locked:
            return
        if source != self.target:
            self.target, self._count = source, 0
        self.locked = None
        self._count += 1
        if self._count >= LOCK_PACKETS:
            self.locked = source
