"""From a site's configuration and a profile to a gateway or a trunk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from importlib import import_module

from edge_agent.config.gateways import GatewayConfig, LineConfig, PeerConfig, SipConfig, TrunkConfig, lines_of
from edge_agent.devices.profiles import ProfileError, Profiles, doubts
from edge_agent.drivers.gateway.gateway import Gateway, GatewayLine
from edge_agent.drivers.gateway.management import ManagedLine, Management, ManagementSettings
from edge_agent.drivers.gateway.profile import GatewayProfile
from edge_agent.drivers.sip.peer import SipPeer
from edge_agent.drivers.sip.settings import (
    Credentials,
    LineSettings,
    PeerSettings,
    Registers,
    SipQuirks,
    SipSettings,
    TlsFiles,
    Transport,
)
from edge_agent.drivers.sip.srtp import supported
from edge_agent.drivers.sip.stack import SipStack
from telecore.errors import InvalidRequest
from telecore.ids import E164, ChannelId, EdgeId, channel_id
from telecore.schema import SchemaError, dump, read

log = logging.getLogger(__name__)

MakeManagement = Callable[[ManagementSettings], Management]


def _goip(settings: ManagementSettings) -> Management:
    from edge_agent.drivers.gateway.goip import GoipManagement

    return GoipManagement(settings)


def _yeastar(settings: ManagementSettings) -> Management:
    from edge_agent.drivers.gateway.yeastar import YeastarManagement

    return YeastarManagement(settings)


def _openvox(settings: ManagementSettings) -> Management:
    from edge_agent.drivers.gateway.openvox import OpenVoxManagement

    return OpenVoxManagement(settings)


def _dinstar(settings: ManagementSettings) -> Management:
    from edge_agent.drivers.gateway.dinstar import DinstarManagement

    return DinstarManagement(settings)


def _goip_http(settings: ManagementSettings) -> Management:
    from edge_agent.drivers.gateway.goip_http import GoipHttpManagement

    return GoipHttpManagement(settings)


def _synway(settings: ManagementSettings) -> Management:
    from edge_agent.drivers.gateway.synway import SynwayManagement

    return SynwayManagement(settings)


TONGUES: Mapping[str, MakeManagement] = {
    "dinstar": _dinstar,
    "goip": _goip,
    "goip_http": _goip_http,
    "openvox": _openvox,
    "synway": _synway,
    "yeastar": _yeastar,
}
"""Each imports its driver, the module of that name, when it is wanted: a site pays for the memory of what it has."""


def tongue_of(config: GatewayConfig, profile: GatewayProfile) -> str:
    """The name of the language that the box's own interface is spoken to in; empty or ``none``: not at all."""
    return profile.management.tongue if config.management.tongue == "auto" else config.management.tongue


def sip_settings(sip: SipConfig) -> SipSettings:
    """Of the section ``sip``, which was checked."""
    low, high = sip.rtp
    tls = TlsFiles(sip.tls.certificate, sip.tls.key, sip.tls.ca) if sip.tls is not None else None
    return SipSettings(
        listen=sip.listen,
        port=sip.port,
        advertised=sip.advertised,
        rtp_low=low,
        rtp_high=high,
        tls_port=sip.tls_port,
        tls=tls,
    )


def gateway_channels(config: GatewayConfig, edge: EdgeId) -> Mapping[ChannelId, E164 | None]:
    """The channels of a gateway, and the numbers of their SIMs where the site knows them."""
    return {channel_id(edge, config.id, line.line): line.number for line in lines_of(config)}


def make_gateway(config: GatewayConfig, edge: EdgeId, profiles: Profiles, stack: SipStack) -> Gateway:
    """A new one, not open. Raises InvalidRequest."""
    profile = profiles.gateway(config.profile).profile
    voice, managed = [], []
    for line in lines_of(config):
        channel = channel_id(edge, config.id, line.line)
        name, user = _line_name(line, profile), _line_user(line, profile)
        password = config.passwords.get(name) or config.passwords.get(user, "")
        voice.append(LineSettings(channel, user, _credentials(user, password), line.number))
        managed.append(ManagedLine(channel, name, line.number, user, password))
    settings = peer_settings(config, profile, tuple(voice))
    tongue = tongue_of(config, profile)
    return Gateway(
        config.id,
        profile,
        [GatewayLine(line.channel, line, (line.number,) if line.number is not None else ()) for line in managed],
        SipPeer(stack, settings),
        _management(config, profile, tongue, tuple(managed), stack.settings.listen),
    )


def make_trunk(config: TrunkConfig, edge: EdgeId, profiles: Profiles, stack: SipStack) -> Gateway:
    """A new one, not open. Raises InvalidRequest."""
    profile = profiles.gateway(config.profile).profile
    channel = channel_id(edge, config.id)
    number = config.numbers[0] if config.numbers else None
    line = LineSettings(channel, config.user, _credentials(config.user, config.password), number)
    settings = replace(peer_settings(config, profile, (line,)), max_calls=config.calls)
    lines = [GatewayLine(channel, None, config.numbers, config.calls, config.reached)]
    return Gateway(config.id, profile, lines, SipPeer(stack, settings))


def peer_settings(
    config: GatewayConfig | TrunkConfig, profile: GatewayProfile, lines: tuple[LineSettings, ...]
) -> PeerSettings:
    """How it speaks SIP: the profile, and over it what the site says. Raises InvalidRequest for an unknown quirk."""
    peer = config.sip
    return PeerSettings(
        device=config.id,
        host=config.host,
        port=peer.port or profile.sip_port,
        transport=Transport(peer.transport),
        registers=Registers(peer.registers) if peer.registers is not None else profile.registers,
        lines=lines,
        sources=peer.sources,
        credentials=_credentials(config.user, config.password) if isinstance(config, TrunkConfig) else None,
        domain=peer.domain,
        challenge=profile.challenge if peer.challenge is None else peer.challenge,
        outbound_proxy=peer.outbound_proxy,
        quirks=quirks_of(peer, profile),
    )


def quirks_of(peer: PeerConfig, profile: GatewayProfile) -> SipQuirks:
    """The profile's, with those of the site over them. Raises InvalidRequest."""
    given = {**dump(asdict(profile.sip)), **peer.quirks}
    try:
        quirks = read(SipQuirks, given, "sip.quirks")
    except SchemaError as error:
        raise InvalidRequest(error.message, field=error.path) from error
    if quirks.srtp and not supported():
        missing = "sip.quirks.srtp: the package pylibsrtp is not installed: run scripts/install-edge --gateways"
        raise InvalidRequest(missing, field="sip.quirks.srtp")
    return quirks


def doubts_of(profiles: Profiles, name: str) -> tuple[str, ...]:
    """What nobody has seen on hardware."""
    return doubts(profiles.gateway(name).profile)


def problems_of(config: GatewayConfig | TrunkConfig, profiles: Profiles) -> list[str]:
    """What a look at the profiles shows."""
    try:
        profile = profiles.gateway(config.profile).profile
        quirks_of(config.sip, profile)
    except (ProfileError, InvalidRequest) as error:
        return [error.message]
    if isinstance(config, TrunkConfig):
        return []
    tongue = tongue_of(config, profile)
    if tongue in ("", "none"):
        return []
    if tongue not in TONGUES:
        return [f"management.tongue: there is no {tongue!r} (there are: none, {', '.join(sorted(TONGUES))})"]
    known = options_of(tongue)
    return [
        f"management.options.{name}: unknown (known: {', '.join(sorted(known))})"
        for name in sorted(set(config.management.options) - known)
    ]


def options_of(tongue: str) -> frozenset[str]:
    """What ``management.options`` may hold for it."""
    known: frozenset[str] = import_module(f"edge_agent.drivers.gateway.{tongue}").OPTIONS
    return known


def _management(
    config: GatewayConfig, profile: GatewayProfile, tongue: str, lines: tuple[ManagedLine, ...], listen: str
) -> Callable[[], Management] | None:
    if tongue in ("", "none"):
        return None
    make = TONGUES.get(tongue)
    if make is None:
        raise InvalidRequest(
            f"device {config.id}: management.tongue: there is no {tongue!r} (there are: none, "
            f"{', '.join(sorted(TONGUES))})",
            field="management.tongue",
        )
    given, known = config.management, profile.management
    settings = ManagementSettings(
        device=config.id,
        host=config.host,
        port=given.port or known.port,
        user=config.user,
        password=config.password,
        url=given.url,
        listen=listen,
        listen_port=given.listen_port or known.listen_port,
        lines=lines,
        poll_s=known.poll_s if given.poll_s is None else given.poll_s,
        options={**known.options, **given.options},
    )
    return partial(make, settings)


def _line_name(line: LineConfig, profile: GatewayProfile) -> str:
    number = line.line or 1
    return str(line.name) if line.name != "" else profile.line_name.format(n=number, p=number - 1)


def _line_user(line: LineConfig, profile: GatewayProfile) -> str:
    number = line.line or 1
    return line.user or profile.line_user.format(name=_line_name(line, profile), n=number, p=number - 1)


def _credentials(user: str, password: str) -> Credentials | None:
    return Credentials(user, password) if password else None
