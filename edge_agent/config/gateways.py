"""Devices that are no modem, as a site configures them: gateways, trunks; and the address where we speak SIP."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from edge_agent.config.values import Problem, of_host, of_number, of_numbers, of_poll, of_port
from telecore.ids import E164, DeviceId

_PORTS = re.compile(r"(\d{1,5})-(\d{1,5})")
_USER = re.compile(r"[A-Za-z0-9._+*#~-]{1,64}")
_DOMAIN = re.compile(r"\*|(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,39}")
REGISTERS = ("with_us", "with_them", "nobody")
TRANSPORTS = ("udp", "tls")
MOST_LINES = 128


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """PEM files, relative to agent.yaml. ``certificate`` and ``key`` are ours. ``ca``: who may have signed those of the
    far ends; left out, whoever this system trusts.
    """

    certificate: str | None = None
    key: str | None = None
    ca: str | None = None


@dataclass(frozen=True, slots=True)
class SipConfig:
    """Where this site speaks SIP. ``listen``: its own numeric address in the gateways' network; no default, for an open
    port dials real SIMs. ``advertised``: the address that far ends beyond a NAT are to use. ``rtp_ports``: FROM-TO.
    """

    listen: str = ""
    port: int = 5060
    advertised: str | None = None
    rtp_ports: str = "17000-17999"
    tls_port: int | None = None
    tls: TlsConfig | None = None

    @property
    def rtp(self) -> tuple[int, int]:
        """First and last port."""
        low, _, high = self.rtp_ports.partition("-")
        return int(low), int(high)


@dataclass(frozen=True, slots=True)
class LineConfig:
    """One line of a gateway. ``name``: what the box calls it (``goip01``, ``0``, ``2``).

    ``user``: its SIP account, where that is another name. ``line``: its number here, 1 and so on; left out: its place
    in the list.
    """

    name: str | int = ""
    user: str = ""
    number: E164 | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class PeerConfig:
    """The SIP of a gateway or trunk. ``sources``: further addresses it sends from. ``quirks``: fields of SipQuirks
    (docs/gateways.md), over those of the profile. ``registers``: who with whom; left out: as the profile says.
    ``challenge``: ask for a password on every call it sends us.
    """

    port: int | None = None
    transport: str = "udp"
    registers: str | None = None
    sources: tuple[str, ...] = ()
    domain: str = ""
    outbound_proxy: str | None = None
    challenge: bool | None = None
    quirks: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ManagementConfig:
    """The box's own tongue. ``tongue``: ``auto`` (the profile's), ``none``, or a name.

    ``listen_port``: where we wait for what it sends by itself, on the address of ``sip.listen``.
    """

    tongue: str = "auto"
    port: int | None = None
    listen_port: int | None = None
    url: str = ""
    poll_s: float | None = None
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """A GSM gateway with its lines. ``lines``: how many, or each with its name and number.

    ``user`` and ``password_file`` are those of the box's own pages; ``passwords_file`` holds a password for each line.
    """

    id: DeviceId
    host: str
    profile: str
    lines: int | tuple[LineConfig, ...]
    driver: str = "gateway"
    user: str = ""
    password_file: str | None = None
    passwords_file: str | None = None
    sip: PeerConfig = PeerConfig()
    management: ManagementConfig = ManagementConfig()
    enabled: bool = True
    password: str = field(default="", repr=False)
    passwords: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class TrunkConfig:
    """SIP without a SIM: a carrier, or another switch. ``calls``: how many at once.

    ``sip_domains``: hosts whose SIP URIs may be called through it (``*.host``: those under it, ``*``: any); left out,
    its own host and domain. An empty list: none.
    """

    id: DeviceId
    host: str
    numbers: tuple[E164, ...] = ()
    driver: str = "trunk"
    profile: str = "generic/trunk"
    calls: int = 4
    user: str = ""
    password_file: str | None = None
    sip: PeerConfig = PeerConfig()
    enabled: bool = True
    sip_domains: tuple[str, ...] | None = None
    password: str = field(default="", repr=False)

    @property
    def reached(self) -> tuple[str, ...]:
        """The SIP domains, told or not."""
        if self.sip_domains is not None:
            return self.sip_domains
        return tuple(dict.fromkeys(name.lower() for name in (self.host, self.sip.domain) if name))


def of_sip(sip: SipConfig | None, *, wanted: bool) -> Iterator[Problem]:
    """What the types of the section ``sip`` cannot say. ``wanted``: a device needs it."""
    if sip is None or not sip.listen:
        if wanted or sip is not None:
            yield "sip.listen", "is missing: this machine's own address in the gateways' network, like 192.168.8.2"
        return
    if not _is_address(sip.listen):
        yield "sip.listen", "must be a numeric address of this machine"
    elif ipaddress.ip_address(sip.listen).is_unspecified:
        yield "sip.listen", "must be one address, not all of them: whoever reaches an open port tries to dial your SIMs"
    yield from of_port("sip.port", sip.port)
    yield from of_port("sip.tls_port", sip.tls_port)
    if sip.advertised is not None and not _is_address(sip.advertised):
        yield "sip.advertised", "must be a numeric address"
    ports = _PORTS.fullmatch(sip.rtp_ports)
    if ports is None or not 1024 <= int(ports[1]) < int(ports[2]) <= 65535:
        yield "sip.rtp_ports", "must be FROM-TO within 1024 and 65535, like 17000-17999"
    tls = sip.tls or TlsConfig()
    if (tls.certificate is None) != (tls.key is None):
        yield "sip.tls", "certificate and key belong together"
    elif sip.tls_port is not None and tls.certificate is None:
        yield "sip.tls_port", "needs a certificate and a key under sip.tls, to listen with"


def of_gateway(gateway: GatewayConfig) -> Iterator[Problem]:
    """Of a gateway; paths are relative to the device."""
    yield from of_host("host", gateway.host)
    yield from _of_peer(gateway.sip)
    lines = lines_of(gateway)
    if not 1 <= len(lines) <= MOST_LINES:
        yield "lines", f"must be from 1 to {MOST_LINES}"
    seen: dict[object, int] = {}
    for n, line in enumerate(lines):
        for key, what in ((f"line {line.line}", "line"), (str(line.name), "name"), (line.user, "user")):
            if key and seen.setdefault((what, key), n) != n:
                yield f"lines[{n}].{what}", f"{key!r} is used by lines[{seen[(what, key)]}] as well"
        yield from of_number(f"lines[{n}].number", line.number)
        if line.user and not _USER.fullmatch(line.user):
            yield f"lines[{n}].user", "must be the user part of a SIP address"
        if line.line is not None and line.line < 1:
            yield f"lines[{n}].line", "must be 1 or more"
    yield from of_port("management.port", gateway.management.port)
    yield from of_port("management.listen_port", gateway.management.listen_port)
    yield from of_poll("management.poll_s", gateway.management.poll_s)


def of_trunk(trunk: TrunkConfig) -> Iterator[Problem]:
    """Of a trunk; paths are relative to the device."""
    yield from of_host("host", trunk.host)
    yield from _of_peer(trunk.sip)
    yield from of_numbers("numbers", trunk.numbers)
    for n, domain in enumerate(trunk.sip_domains or ()):
        if not _DOMAIN.fullmatch(domain):
            yield f"sip_domains[{n}]", 'must be a host like pbx.example, "*.pbx.example" for those under it, or "*"'
    if not 1 <= trunk.calls <= 500:
        yield "calls", "must be from 1 to 500"
    if trunk.sip.registers == "with_them" and not trunk.user:
        yield "user", "is missing: to register with a trunk takes a user and a password_file"


def lines_of(gateway: GatewayConfig) -> tuple[LineConfig, ...]:
    """Each line with its number among the channels."""
    given = gateway.lines
    lines = tuple(LineConfig() for _ in range(max(0, min(given, MOST_LINES + 1)))) if isinstance(given, int) else given
    return tuple(
        LineConfig(line.name, line.user, line.number, line.line if line.line is not None else n)
        for n, line in enumerate(lines, 1)
    )


def _of_peer(peer: PeerConfig) -> Iterator[Problem]:
    yield from of_port("sip.port", peer.port)
    if peer.transport not in TRANSPORTS:
        yield "sip.transport", f"must be one of {', '.join(TRANSPORTS)}"
    if peer.registers is not None and peer.registers not in REGISTERS:
        yield "sip.registers", f"must be one of {', '.join(REGISTERS)}"
    for n, source in enumerate(peer.sources):
        try:
            ipaddress.ip_network(source)
        except ValueError:
            yield f"sip.sources[{n}]", "must be an address or a network like 192.168.8.0/24"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
