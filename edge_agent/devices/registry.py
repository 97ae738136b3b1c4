"""Driver name → what makes the device. The only place that names all drivers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge_agent.config import DeviceConfig
from edge_agent.contracts import Device, PinMemory
from edge_agent.devices.profiles import Profiles
from edge_agent.drivers.at_modem.modem import AtModem, ModemSettings
from edge_agent.drivers.at_modem.profile import AtProfile
from telecore.errors import InvalidRequest
from telecore.ids import ChannelId, EdgeId, Iccid, channel_id
from telecore.model import DeviceIdentity


@dataclass(frozen=True, slots=True)
class Site:
    """What every device of a site may need."""

    edge: EdgeId
    profiles: Profiles
    pins: Mapping[Iccid, str] = field(default_factory=dict)
    pin_memory: PinMemory | None = None


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
    )
    return AtModem(settings, _chooser(config, site.profiles))


def _chooser(config: DeviceConfig, profiles: Profiles) -> Callable[[DeviceIdentity], AtProfile]:
    if config.profile == "auto":
        return profiles.choose
    return lambda identity: profiles.get(config.profile, identity)


DRIVERS: Mapping[str, Callable[[DeviceConfig, Site], Device]] = {"at_modem": _at_modem}
