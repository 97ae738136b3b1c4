"""Where a message goes next, or came from."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from edge_agent.drivers.sip.settings import Transport


@dataclass(frozen=True, slots=True)
class Hop:
    """A numeric address and a port. Whether they can be sent to is checked at every send (``sendable``)."""

    address: str
    port: int
    transport: Transport = Transport.UDP

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def sendable(hop: Hop) -> bool:
    """asyncio closes a socket for good over a port beyond 65535, and asks a resolver about a name."""
    return isinstance(hop.port, int) and 0 < hop.port < 65536 and numeric(hop.address)


def numeric(address: str) -> bool:
    """Whether it is an address and not a name."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
