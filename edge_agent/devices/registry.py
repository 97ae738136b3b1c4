"""Driver name → what makes the device. The only place that names all drivers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from edge_agent.config import (
    AnyDevice,
    DeviceConfig,
    FreeswitchConfig,
    GatewayConfig,
    SipConfig,
    SmppConfig,
    TrunkConfig,
)
from edge_agent.config.kinds import KINDS
from edge_agent.contracts import Device, PinMemory
from edge_agent.devices.profiles import Profiles, doubts
from edge_agent.drivers.at_modem.modem import AtModem, ModemSettings
from edge_agent.drivers.at_modem.net_port import Login, is_net
from edge_agent.drivers.at_modem.profile import AtProfile
from telecore.errors import InvalidRequest, NotFound
from telecore.ids import E164, ChannelId, EdgeId, Iccid, channel_id
from telecore.model import DeviceIdentity

if TYPE_CHECKING:
    from edge_agent.drivers.sip.stack import SipStack

log = logging.getLogger(__name__)

STRANGERS_SHOWN_S = 3600.0


@dataclass(slots=True)
class Site:
    """What every device of a site may need. ``stack``: the one SIP address, made when a device first wants it."""

    edge: EdgeId
    profiles: Profiles
    pins: Mapping[Iccid, str] = field(default_factory=dict)
    pin_memory: PinMemory | None = None
    told: set[tuple[str, str]] = field(default_factory=set)
    """Devices and the profiles whose doubts were logged, so that a modem that comes and goes repeats nothing."""
    sip: SipConfig | None = None
    stack: SipStack | None = None


def import_drivers(devices: Iterable[AnyDevice], profiles: Profiles) -> None:
    """Import what these devices need and others do not, before the loop runs, for a disk may be slow.

    Raises InvalidRequest for a package that is not installed: sites with modems only do without some.
    """
    for device in devices:
        if device.enabled and (problem := missing_package(device, profiles)):
            raise InvalidRequest(f"device {device.id}: {problem}")


def missing_package(device: AnyDevice, profiles: Profiles) -> str:
    """What is to be installed before it can be used; empty: nothing. Imports what there is."""
    if isinstance(device, DeviceConfig):
        return ""
    try:
        import_module("edge_agent.devices.links" if device.driver in _LINKS else "edge_agent.devices.gateways")
        for module in _LINKS.get(device.driver, ()):
            import_module(module)
        if isinstance(device, GatewayConfig) and device.profile in profiles.gateway_names:
            from edge_agent.devices.gateways import TONGUES, tongue_of

            tongue = tongue_of(device, profiles.gateway(device.profile).profile)
            if tongue in TONGUES:
                import_module(f"edge_agent.drivers.gateway.{tongue}")
    except ModuleNotFoundError as error:
        return f"the package {error.name} is not installed: run scripts/install-edge --gateways"
    return ""


_LINKS = {
    "smpp": ("edge_agent.drivers.gateway.smpp",),
    "freeswitch": ("edge_agent.drivers.freeswitch.switch", "edge_agent.drivers.sip.peer"),
}


def channels_of(config: AnyDevice, site: Site) -> Mapping[ChannelId, E164 | None]:
    """The channels the device will have, known before it is opened, each with its number where the site says it."""
    if isinstance(config, GatewayConfig):
        from edge_agent.devices.gateways import gateway_channels

        return gateway_channels(config, site.edge)
    if isinstance(config, FreeswitchConfig):
        from edge_agent.devices.links import freeswitch_channels

        return freeswitch_channels(config, site.edge)
    number = config.number if isinstance(config, DeviceConfig) else next(iter(config.numbers), None)
    return {channel_id(site.edge, config.id): number}


def channels_without_sim(devices: Iterable[AnyDevice], site: Site) -> frozenset[ChannelId]:
    """Trunks and SMSCs: a failed call or message says nothing of a SIM there."""
    return frozenset(
        channel
        for device in devices
        if isinstance(device, TrunkConfig | SmppConfig | FreeswitchConfig)
        for channel in channels_of(device, site)
    )


def make_device(config: AnyDevice, site: Site) -> Device:
    """A new device, not open. Raises InvalidRequest for a driver that does not exist, or a setting it cannot have."""
    if isinstance(config, GatewayConfig | TrunkConfig):
        return _gateway(config, site)
    if isinstance(config, SmppConfig | FreeswitchConfig):
        from edge_agent.devices.links import make_freeswitch, make_smpp

        return (
            make_smpp(config, site.edge)
            if isinstance(config, SmppConfig)
            else make_freeswitch(config, site.edge, sip_stack(site))
        )
    if config.driver != "at_modem":
        raise InvalidRequest(
            f"device {config.id}: there is no driver {config.driver!r} (there are: {', '.join(DRIVERS)})",
            field="driver",
        )
    return _at_modem(config, site)


def _gateway(config: GatewayConfig | TrunkConfig, site: Site) -> Device:
    from edge_agent.devices.gateways import doubts_of, make_gateway, make_trunk

    _tell_doubts(site, config.id, config.profile, doubts_of(site.profiles, config.profile))
    stack = sip_stack(site)
    if isinstance(config, GatewayConfig):
        return make_gateway(config, site.edge, site.profiles, stack)
    return make_trunk(config, site.edge, site.profiles, stack)


def sip_stack(site: Site) -> SipStack:
    """The one listening address of a site. Raises InvalidRequest without the section ``sip``."""
    if site.sip is None:
        raise InvalidRequest("sip.listen is missing in agent.yaml", field="sip.listen")
    if site.stack is None:
        from edge_agent.devices.gateways import sip_settings
        from edge_agent.drivers.sip.stack import SipStack

        site.stack = SipStack(sip_settings(site.sip))
    return site.stack


def sip_strangers(site: Site) -> Mapping[str, int]:
    """Who spoke SIP to this site of late without being one of its far ends, and how often."""
    if site.stack is None:
        return {}
    now = site.stack.now()
    return {found.address: found.count for found in site.stack.strangers if now - found.at < STRANGERS_SHOWN_S}


def look_at_sip(site: Site, address: str) -> dict[str, object]:
    """For a person on site: where we listen, what was counted, who else tried; of an address its last messages.

    Raises NotFound where no device speaks SIP.
    """
    stack = site.stack
    if stack is None:
        raise NotFound("no SIP is spoken at this site: no device of agent.yaml needs it")
    return {
        "listen": f"{stack.settings.listen}:{stack.port}",
        "listening": stack.listening,
        "counts": stack.counts,
        "strangers": dict(sip_strangers(site)),
        "tried": {found.address: found.last for found in stack.strangers},
        "trace": list(stack.trace(address)) if address else [],
    }


def _tell_doubts(site: Site, device: str, profile: str, found: tuple[str, ...]) -> None:
    if (device, profile) not in site.told:
        site.told.add((device, profile))
        for doubt in found:
            log.info("%s: %s: not confirmed on hardware: %s", device, profile, doubt)


def _at_modem(config: DeviceConfig, site: Site) -> Device:
    sound = config.sound
    settings = ModemSettings(
        id=config.id,
        channel=channel_id(site.edge, config.id),
        port=config.port,
        audio_port=sound.port if sound is not None and sound.kind not in ("none", "alsa") else None,
        baud=config.baud,
        number=config.number,
        pins=site.pins,
        iccid=config.iccid,
        pin_memory=site.pin_memory,
        capture=sound.capture if sound is not None and sound.kind == "alsa" else None,
        playback=sound.playback if sound is not None and sound.kind == "alsa" else None,
        silent=sound is not None and sound.kind == "none",
        login=_login(config, site.profiles),
    )
    return AtModem(settings, _chooser(config, site))


def _login(config: DeviceConfig, profiles: Profiles) -> Login | None:
    """Comes before the identity, so only a profile that is named can tell how."""
    if not is_net(config.port):
        return None
    profile = profiles.get(config.profile) if config.profile != "auto" else AtProfile()
    return Login(profile.login, profile.leave, config.user, config.password)


def _chooser(config: DeviceConfig, site: Site) -> Callable[[DeviceIdentity], AtProfile]:
    def choose(identity: DeviceIdentity) -> AtProfile:
        named = config.profile != "auto"
        profile = site.profiles.get(config.profile, identity) if named else site.profiles.choose(identity)
        _tell_doubts(site, config.id, profile.name, doubts(profile))
        return profile

    return choose


DRIVERS = tuple(sorted(KINDS))
