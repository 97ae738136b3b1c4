"""How a far end is reached: its addresses, and what a call to one of its lines is addressed to."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

from edge_agent.drivers.sip.hop import Hop, numeric
from edge_agent.drivers.sip.numbering import write_number
from edge_agent.drivers.sip.outbound import Target
from edge_agent.drivers.sip.registrar import Binding
from edge_agent.drivers.sip.settings import LineSettings, PeerSettings, Registers, Transport
from edge_agent.drivers.sip.uri import NameAddr, Uri, parse_uri, sip_uri
from telecore.errors import DeviceLost, DeviceRefused, NoNetwork, RemoteProtocolError
from telecore.ids import E164
from telecore.sip_target import SipTarget

RESOLVE_S = 5.0


@dataclass(frozen=True, slots=True)
class Place:
    """``hop``: where requests go; None for a far end that is known only by its registrations. ``addresses``: all that
    its names have, from which it may speak."""

    hop: Hop | None = None
    addresses: frozenset[str] = frozenset()


async def find(settings: PeerSettings, listen: str) -> Place:
    """Look its names up. Raises DeviceLost when one is unknown."""
    if not settings.host:
        return Place()
    family = socket.AF_INET6 if ":" in listen else socket.AF_INET
    hosts = await _resolve(settings.host, family)
    proxy, port = split_host(settings.outbound_proxy) if settings.outbound_proxy else ("", None)
    proxies = await _resolve(proxy, family) if proxy else []
    usual = 5061 if settings.transport is Transport.TLS else 5060
    hop = (
        Hop(proxies[0], port or usual, settings.transport)
        if proxies
        else Hop(hosts[0], settings.port, settings.transport)
    )
    return Place(hop, frozenset([*hosts, *proxies]))


async def _resolve(host: str, family: socket.AddressFamily) -> list[str]:
    if numeric(host):
        return [host]
    try:
        async with asyncio.timeout(RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, family=family, type=socket.SOCK_DGRAM)
    except (OSError, TimeoutError, UnicodeError) as error:
        raise DeviceLost(f"the name {host} cannot be found: {error or 'no answer'}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def server_name(settings: PeerSettings) -> str:
    """Whose certificate is expected over TLS."""
    return split_host(settings.outbound_proxy)[0] if settings.outbound_proxy else settings.host


def split_host(text: str) -> tuple[str, int | None]:
    """``host``, ``host:port``, ``[v6]:port``, with or without ``sip:``."""
    try:
        uri = parse_uri(text if text.startswith(("sip:", "sips:")) else f"sip:{text}")
    except RemoteProtocolError:
        return text, None
    return uri.host, uri.port


def contact(line: LineSettings, settings: PeerSettings, local: str) -> str:
    """Where the far end reaches us about this line."""
    host, port = split_host(local)
    params: dict[str, str | None] = {"transport": "tls"} if settings.transport is Transport.TLS else {}
    return f"<{sip_uri(line.user or 'simferry', host, port, **params)}>"


def target(
    settings: PeerSettings,
    line: LineSettings,
    place: Place,
    binding: Binding | None,
    *,
    to: str,
    caller: E164 | None,
    hidden: bool,
) -> Target:
    """Whom the INVITE is for, by the profile's ``to_line`` and ``number_format``. Raises NoNetwork."""
    quirks = settings.quirks
    hop = binding.hop if binding is not None else place.hop
    if hop is None or (settings.registers is Registers.WITH_US and binding is None):
        raise NoNetwork("the line is not registered")
    number = write_number(to, quirks)
    host, port = settings.domain or settings.host or hop.address, settings.port
    if binding is not None and quirks.to_line == "contact":
        host, port = _host_of(binding, hop)
    elif binding is not None:
        host, port = settings.domain or hop.address, hop.port
    user = f"{line.user}{number}" if quirks.to_line == "prefix" else number
    uri = sip_uri(user, host, None if settings.domain and binding is None else port, **_transport(settings))
    extra = _route(settings) if binding is None else []
    shown = _shown(settings, line, caller)
    sender = NameAddr(sip_uri(shown, settings.domain or settings.host or hop.address))
    if hidden:
        extra += [("privacy", "id"), ("p-asserted-identity", str(sender))]
        sender = NameAddr(Uri("sip", "anonymous", "anonymous.invalid"), "Anonymous")
    recipient = NameAddr(sip_uri(number, settings.domain or host))
    return Target(str(uri), hop, str(sender), str(recipient), tuple(extra))


def uri_target(settings: PeerSettings, line: LineSettings, place: Place, target: SipTarget) -> Target:
    """Whom the INVITE to a SIP URI is for: the URI as it is, sent to the far end, which routes it (RFC 3261 §8.1.2).

    Raises NoNetwork for a far end without an address, DeviceRefused for sips: over a transport that is not TLS.
    """
    if place.hop is None:
        raise NoNetwork("the line has no address to send a URI to")
    if target.uri[:5].lower() == "sips:" and settings.transport is not Transport.TLS:
        raise DeviceRefused("sip", 416, "sips: needs a trunk over TLS")
    sender = NameAddr(sip_uri(target.caller or line.user or "anonymous", settings.domain or settings.host))
    extra = [*_route(settings), *target.headers]
    return Target(target.uri, place.hop, str(sender), f"<{target.uri}>", tuple(extra))


def _route(settings: PeerSettings) -> list[tuple[str, str]]:
    """Through the outbound proxy, if there is one."""
    if not settings.outbound_proxy:
        return []
    name, port = split_host(settings.outbound_proxy)
    return [("route", f"<{sip_uri('', name, port, lr=None, **_transport(settings))}>")]


def _shown(settings: PeerSettings, line: LineSettings, caller: E164 | None) -> str:
    """Our From: a gateway may tell the line by it, a trunk wants a number it knows."""
    if settings.quirks.to_line == "user" and line.user:
        return line.user
    number = caller or line.number
    return write_number(number, settings.quirks) if number else line.user or "anonymous"


def _host_of(binding: Binding, hop: Hop) -> tuple[str, int]:
    try:
        uri = parse_uri(binding.contact)
    except RemoteProtocolError:
        return hop.address, hop.port
    return uri.host or hop.address, uri.port or 5060


def _transport(settings: PeerSettings) -> dict[str, str | None]:
    return {"transport": "tls"} if settings.transport is Transport.TLS else {}
