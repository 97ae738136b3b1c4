"""What a firmware profile may say about a gateway or a trunk, as values."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_agent.drivers.sip.settings import Registers, SipQuirks
from telecore.model import Service


@dataclass(frozen=True, slots=True)
class ManagementProfile:
    """``tongue``: the vendor's own language, a name that the registry knows; empty: it has none that we speak.

    ``port``: where the box listens; ``listen_port``: where we wait for what it sends by itself. ``options``: what only
    this tongue knows.
    """

    tongue: str = ""
    port: int | None = None
    listen_port: int | None = None
    poll_s: float = 15.0
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GatewayProfile:
    """``line_name``: what the box calls line ``{n}`` (from 1; ``{p}`` from 0) where the site does not say.

    ``line_user``: the line's SIP account. ``registers``: who registers with whom. ``challenge``: whether its calls
    carry the line's password. ``because``: why a field of ``sip`` or ``management`` is as it is. ``unconfirmed``: what
    this profile claims and nobody has seen on hardware.
    """

    name: str = ""
    confirmed: bool = False
    services: frozenset[Service] = frozenset({Service.VOICE})
    registers: Registers = Registers.NOBODY
    sip_port: int = 5060
    line_name: str = "{n}"
    line_user: str = "{name}"
    challenge: bool = False
    management: ManagementProfile = ManagementProfile()
    sip: SipQuirks = SipQuirks()
    because: dict[str, str] = field(default_factory=dict)
    unconfirmed: tuple[str, ...] = ()
