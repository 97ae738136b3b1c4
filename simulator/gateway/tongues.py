"""Which vendor's interface a family of boxes has beside SIP."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simulator.gateway.contracts import GatewayLine, Tongue
from simulator.sip.message import Address
from simulator.timing import Timers

Maker = Callable[[Sequence[GatewayLine], Timers, str, str], Tongue]


def read_server(text: str) -> Address | None:
    """`HOST:PORT`, or None for an empty text. ValueError when it is neither."""
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) <= 65_535:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host, int(port)


MAKERS: dict[str, Maker] = {}
"""Family → (lines, timers, the box's password, what it reports to by itself: an address or a URL) → its interface."""
