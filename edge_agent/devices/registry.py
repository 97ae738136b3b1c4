"""Driver name → what makes the device. The only place that names all drivers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge_agent.config import DeviceConfig
from edge_agent.contracts import Device, PinMemory
from edge_agent.devices.profiles import Profiles, doubts
from edge_agent.drivers.at_modem.modem import AtModem, ModemSettings
from edge_agent.drivers.at_modem.net_port import Login, is_net
from edge_agent.drivers.at_modem.profile import AtProfile
from telecore.errors import InvalidRequest
from telecore.ids import ChannelId, EdgeId, Iccid, channel_id
from telecore.model import DeviceIdentity

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Site:
    """What every device of a site may need."""

    edge: EdgeId
    profiles: Profiles
    pins: Mapping[Iccid, str] = field(default_factory=dict)
    pin_memory: PinMemory | None = None
    told: set[tuple[str, str]] = field(default_factory=set)
    """Devices and the profiles whose doubts were logged, so that a modem that comes and goes repeats nothing."""


def channels_of(config: DeviceConfig, site: Site) -> tuple[ChannelId, ...]:
    """The channels the device will have, known before it is opened."""
    return (channel_id(site.edge, config.id),)


def make_device(config: DeviceConfig, site: Site) -> Device:
    """A new device, not open. Raises InvalidRequest for a driver that does not exist."""
    maker = DRIVERS.get(config.driver)
    if maker is None:
        raise InvalidRequest(
            f"device {config.id}: there is no driver {config.driver!r} (there are: {', '.join(sorted(DRIVERS))})",
            field="driver",
        )
    return maker(config, site)


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
        if (config.id, profile.name) not in site.told:
            site.told.add((config.id, profile.name))
            for doubt in doubts(profile):
                log.info("%s: %s: not confirmed on hardware: %s", config.id, profile.name, doubt)
        return profile

    return choose


DRIVERS: Mapping[str, Callable[[DeviceConfig, Site], Device]] = {"at_modem": _at_modem}
