"""agent.yaml → AgentConfig, and the PIN file beside it. Nothing else on the edge reads configuration.

Every problem is found before any is told, and each names the file, the line and the path of its key:
``agent.yaml line 7: devices[0].prot: unknown key (known: …)``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import chain
from pathlib import Path
from typing import Any

from edge_agent.config.checks import of_healing, of_self_test, of_sims
from edge_agent.config.cloud import CloudConfig, of_cloud
from edge_agent.config.gateways import SipConfig, of_sip
from edge_agent.config.healing import HealingConfig
from edge_agent.config.kinds import KINDS, AnyDevice, speaks_sip
from edge_agent.config.modems import DeviceConfig, one_device_each
from edge_agent.config.passwords import with_passwords, with_proxy_password
from edge_agent.config.paths import device_below, sip_below
from edge_agent.config.pin_file import exposures
from edge_agent.config.reading import ConfigError, Reading
from edge_agent.config.sims import SelfTestConfig, SimsConfig
from edge_agent.config.values import ICCID
from telecore.ids import Iccid, is_slug

_PIN = re.compile(r"\d{4,8}")
_LEVELS = ("debug", "info", "warning", "error")
_TARGETS = ("auto", "console", "journal")


@dataclass(frozen=True, slots=True)
class Limits:
    """What this site may take. ``sms_interval_s``: at least so long between two submits of one SIM.

    ``disk_reserve_mb``: with less free than that no new work is taken on; 0 switches it off.
    """

    clips_mb: int = 256
    sms_interval_s: float = 0.0
    disk_low_mb: int = 200
    disk_reserve_mb: int = 16
    spool_rows: int = 5000


@dataclass(frozen=True, slots=True)
class StatusConfig:
    """The status page, on loopback only. ``port`` 0 takes any free one; None switches it off."""

    port: int | None = 9120


@dataclass(frozen=True, slots=True)
class LogConfig:
    level: str = "info"
    target: str = "auto"


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """What this site decides. ``devices`` None means: use every modem that is found."""

    data_dir: Path
    cloud: CloudConfig = field(default_factory=CloudConfig)
    devices: tuple[AnyDevice, ...] | None = None
    sip: SipConfig | None = None
    pins: Mapping[Iccid, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    status: StatusConfig = field(default_factory=StatusConfig)
    log: LogConfig = field(default_factory=LogConfig)
    profiles: Path | None = None
    sims: SimsConfig = field(default_factory=SimsConfig)
    healing: HealingConfig = field(default_factory=HealingConfig)
    self_test: SelfTestConfig = field(default_factory=SelfTestConfig)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _File:
    """The shape of agent.yaml, its devices apart."""

    data_dir: str
    cloud: CloudConfig = field(default_factory=CloudConfig)
    devices: object = "auto"
    sip: SipConfig | None = None
    sim_pins: str | None = None
    limits: Limits = field(default_factory=Limits)
    status: StatusConfig = field(default_factory=StatusConfig)
    log: LogConfig = field(default_factory=LogConfig)
    profiles: str | None = None
    sims: SimsConfig = field(default_factory=SimsConfig)
    healing: HealingConfig = field(default_factory=HealingConfig)
    self_test: SelfTestConfig = field(default_factory=SelfTestConfig)


def load_config(path: Path) -> AgentConfig:
    """Read and check a configuration. Raises ConfigError with every problem found."""
    reading = _Reading(path.name)
    data = reading.yaml(path)
    if not isinstance(data, dict):
        reading.say("", "must be a mapping of keys, beginning with data_dir")
        raise ConfigError(reading.problems)
    devices = reading.devices(data.get("devices", "auto"))
    if devices is not None:
        devices = tuple(with_passwords(devices, path.parent, reading.say))
        devices = tuple(device_below(path.parent, device) for device in devices)
    file = reading.sections(data)
    if file is None:
        raise ConfigError(reading.problems)
    reading.values(file, sip=any(speaks_sip(device) for device in devices or ()))
    cloud = with_proxy_password(file.cloud, path.parent, reading.say)
    pins = _pins(path.parent / file.sim_pins, path, reading) if file.sim_pins else {}
    if reading.problems:
        raise ConfigError(reading.problems)
    return AgentConfig(
        data_dir=path.parent / file.data_dir,
        cloud=cloud,
        devices=devices,
        sip=sip_below(path.parent, file.sip),
        pins=pins,
        limits=file.limits,
        status=file.status,
        log=file.log,
        profiles=path.parent / file.profiles if file.profiles else None,
        sims=replace(file.sims, recipes=str(path.parent / file.sims.recipes) if file.sims.recipes else None),
        healing=file.healing,
        self_test=file.self_test,
        warnings=tuple(_unused_pins(pins, devices)),
    )


class _Reading(Reading):
    """Of agent.yaml."""

    def sections(self, data: dict[str, Any]) -> _File | None:
        return self.read(_File, data, "")

    def devices(self, data: object) -> tuple[AnyDevice, ...] | None:
        if data == "auto":
            return None
        if not isinstance(data, list):
            self.say("devices", "must be auto, or a list of devices")
            return None
        found = [self._device(entry, f"devices[{n}]") for n, entry in enumerate(data)]
        self._unique(found, "id")
        self._unique(found, "port")
        one_device_each(found, self.say)
        return tuple(device for device in found if device is not None)

    def _device(self, data: object, path: str) -> AnyDevice | None:
        driver = data.get("driver", "at_modem") if isinstance(data, dict) else "at_modem"
        kind = KINDS.get(driver, KINDS["at_modem"]) if isinstance(driver, str) else KINDS["at_modem"]
        device: AnyDevice | None = self.read(kind.cls, data, path)
        if device is None:
            return None
        if not is_slug(device.id):
            self.say(f"{path}.id", "may hold lower-case letters, digits and inner hyphens only")
        for name, problem in kind.check(device):
            self.say(f"{path}.{name}", problem)
        return device

    def _unique(self, devices: Sequence[AnyDevice | None], name: str) -> None:
        seen: dict[str, int] = {}
        for n, device in enumerate(devices):
            if device is None or (name == "port" and not isinstance(device, DeviceConfig)):
                continue
            value = getattr(device, name)
            if value in seen:
                self.say(f"devices[{n}].{name}", f"{value!r} is used by devices[{seen[value]}] as well")
            seen.setdefault(value, n)

    def values(self, file: _File, *, sip: bool) -> None:
        """What types cannot say. ``sip``: a device speaks it."""
        port = file.status.port
        for path, good, problem in (
            ("data_dir", bool(file.data_dir), "is empty"),
            ("status.port", port is None or 0 <= port <= 65535, "must be between 0 and 65535"),
            ("log.level", file.log.level in _LEVELS, f"must be one of {', '.join(_LEVELS)}"),
            ("log.target", file.log.target in _TARGETS, f"must be one of {', '.join(_TARGETS)}"),
        ):
            if not good:
                self.say(path, problem)
        ofs = (
            of_cloud(file.cloud),
            of_sims(file.sims),
            of_self_test(file.self_test),
            of_healing(file.healing),
            of_sip(file.sip, wanted=sip),
        )
        for found in chain.from_iterable(ofs):
            self.say(*found)
        for limit in fields(Limits):
            if getattr(file.limits, limit.name) < 0:
                self.say(f"limits.{limit.name}", "must not be negative")


def _pins(path: Path, main_path: Path, main: _Reading) -> dict[Iccid, str]:
    """ICCID → PIN. The file must be the agent's alone; its contents are never shown.

    Whoever owns the main file may own this one: ``check-config`` is often run by root.
    """
    reading = Reading(path.name)
    try:
        exposed = list(exposures(path, {os.geteuid(), os.stat(main_path).st_uid}))
        data = reading.yaml(path)
    except OSError as error:
        main.say("sim_pins", f"{path}: {error.strerror or error}")
        return {}
    except ConfigError as error:
        main.add(error.problems)
        return {}
    for problem in exposed:
        main.say("sim_pins", problem)
    for field_path, problem in _pin_problems(data):
        reading.say(field_path, problem)
    main.add(reading.problems)
    return {Iccid(iccid): str(pin) for iccid, pin in data.items()} if isinstance(data, dict) else {}


def _pin_problems(data: object) -> Iterator[tuple[str, str]]:
    if not isinstance(data, dict):
        yield "", "must be a mapping of ICCID to PIN"
        return
    for iccid, pin in data.items():
        if not ICCID.fullmatch(iccid):
            yield iccid, "is not an ICCID: 18 to 20 digits, beginning 89"
        if not (isinstance(pin, str | int) and _PIN.fullmatch(str(pin))):
            yield iccid, "the PIN must be 4 to 8 digits"


def _unused_pins(pins: Mapping[Iccid, str], devices: Sequence[AnyDevice] | None) -> Iterator[str]:
    """PINs that can be seen to fit no SIM: every modem says which SIM it holds, and none holds this one."""
    held = {device.iccid for device in devices or () if isinstance(device, DeviceConfig)}
    if not devices or None in held:
        return
    for iccid in pins:
        if iccid not in held:
            yield f"the PIN for ICCID {iccid[:6]}…{iccid[-4:]} is for no SIM of this site"
