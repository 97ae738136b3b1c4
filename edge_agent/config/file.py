"""agent.yaml → AgentConfig, and the PIN file beside it. Nothing else on the edge reads configuration.

Every problem is found before any is told, and each names the file, the line and the path of its key:
``agent.yaml line 7: devices[0].prot: unknown key (known: …)``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from edge_agent.config.checks import of_healing, of_self_test, of_sims
from edge_agent.config.healing import HealingConfig
from edge_agent.config.passwords import with_passwords
from edge_agent.config.pin_file import exposures
from edge_agent.config.sims import SelfTestConfig, SimsConfig
from edge_agent.yaml_lines import Lines, YamlProblem, load
from telecore.errors import InvalidRequest
from telecore.ids import E164, DeviceId, Iccid, is_slug
from telecore.schema import SchemaError, read

T = TypeVar("T")

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_ICCID = re.compile(r"89\d{16,18}")
_PIN = re.compile(r"\d{4,8}")
_NET = re.compile(r"telnet://[^/@\s]+(?::\d{1,5})?(?:/[\w.-]+)?|socket://[^/@\s]+:\d{1,5}")
_NET_PROBLEM = "must be a path, telnet://HOST[:PORT]/MODULE or socket://HOST:PORT, without user and password"
_LAST = 1_000_000
_LEVELS = ("debug", "info", "warning", "error")
_TARGETS = ("auto", "console", "journal")
_PROFILE = re.compile(r"auto|[a-z0-9][a-z0-9_./-]*")


class ConfigError(InvalidRequest):
    """The configuration cannot be used. ``problems`` are whole sentences, one for each fault."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class AudioConfig:
    """Where a modem's sound is. ``kind``: ``none``, ``serial`` (16-bit 8 kHz PCM on ``port``), ``alsa`` or a profile's.

    ``capture`` and ``playback`` are the ALSA names of a sound card (``plughw:1``); left out, the second is the first.
    """

    kind: str = "serial"
    port: str | None = None
    capture: str | None = None
    playback: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """One modem or gateway. ``number`` is the SIM's own, for a SIM that does not know it.

    ``user`` and ``password_file`` are for a port on the network that asks for a login; ``password`` is read from there.
    """

    id: DeviceId
    port: str
    driver: str = "at_modem"
    audio: str | AudioConfig | None = None
    profile: str = "auto"
    number: E164 | None = None
    baud: int = 115200
    iccid: Iccid | None = None
    enabled: bool = True
    user: str = ""
    password_file: str | None = None
    password: str = field(default="", repr=False)

    @property
    def sound(self) -> AudioConfig | None:
        """``audio`` in its long form. None: take what the profile says; kind ``none``: no calls."""
        if isinstance(self.audio, str):
            return AudioConfig("none") if self.audio == "none" else AudioConfig("serial", self.audio)
        return self.audio


@dataclass(frozen=True, slots=True)
class CloudConfig:
    """``url`` is the controller's web address; the tunnel's address comes with the enrolment."""

    url: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What this site may take. ``sms_interval_s``: at least so long between two submits of one SIM."""

    clips_mb: int = 256
    sms_interval_s: float = 0.0
    disk_low_mb: int = 200
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
    devices: tuple[DeviceConfig, ...] | None = None
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
    file = reading.sections(data)
    if file is None:
        raise ConfigError(reading.problems)
    reading.values(file)
    pins = _pins(path.parent / file.sim_pins, path, reading) if file.sim_pins else {}
    if reading.problems:
        raise ConfigError(reading.problems)
    return AgentConfig(
        data_dir=path.parent / file.data_dir,
        cloud=file.cloud,
        devices=devices,
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


class _Reading:
    """Collects the problems of one file, with their lines."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: Lines = {}
        self._found: list[tuple[int, str]] = []

    def yaml(self, path: Path) -> object:
        try:
            data, self.lines = load(path)
        except YamlProblem as problem:
            raise ConfigError([f"{self.name}{problem.where}: {problem}"]) from problem
        except OSError as error:
            raise ConfigError([f"{path}: {error.strerror or error}"]) from error
        return data

    def say(self, path: str, problem: str) -> None:
        line = self.lines.get(path) or self.lines.get(_parent(path))
        where = f"{self.name} line {line}" if line else self.name
        self._found.append((line or 0, f"{where}: {path}: {problem}" if path else f"{where}: {problem}"))

    def add(self, problems: Iterable[str]) -> None:
        """Problems of another file; told after those of this one."""
        self._found += [(_LAST, problem) for problem in problems]

    @property
    def problems(self) -> list[str]:
        """In the order of the file."""
        return [text for _, text in sorted(self._found, key=lambda found: found[0])]

    def read(self, cls: type[T], data: object, path: str) -> T | None:
        """Read a mapping; a faulty key is told and left out, so that one run tells every fault."""
        rest, left_out = dict(data) if isinstance(data, dict) else data, set[str]()
        while True:
            try:
                return read(cls, rest, path)
            except SchemaError as error:
                key = error.path.removeprefix(path).lstrip(".").split(".")[0].split("[")[0]
                if key not in left_out:
                    self.say(error.path, error.problem)
                if not isinstance(rest, dict) or key not in rest:
                    return None
                left_out.add(key)
                del rest[key]

    def sections(self, data: dict[str, Any]) -> _File | None:
        return self.read(_File, data, "")

    def devices(self, data: object) -> tuple[DeviceConfig, ...] | None:
        if data == "auto":
            return None
        if not isinstance(data, list):
            self.say("devices", "must be auto, or a list of devices")
            return None
        found = [self._device(entry, f"devices[{n}]") for n, entry in enumerate(data)]
        self._unique(found, "id")
        self._unique(found, "port")
        self._one_device_each(found)
        return tuple(device for device in found if device is not None)

    def _device(self, data: object, path: str) -> DeviceConfig | None:
        device = self.read(DeviceConfig, data, path)
        if device is None:
            return None
        for name, good, problem in (
            ("id", is_slug(device.id), "may hold lower-case letters, digits and inner hyphens only"),
            ("port", bool(device.port), "is empty"),
            ("port", "://" not in device.port or _NET.fullmatch(device.port), _NET_PROBLEM),
            ("number", device.number is None or _E164.fullmatch(device.number), "must be E.164, like +85510000001"),
            ("iccid", device.iccid is None or _ICCID.fullmatch(device.iccid), "must be 18 to 20 digits, beginning 89"),
            ("profile", _PROFILE.fullmatch(device.profile), "must be auto or the name of a profile"),
            ("baud", 300 <= device.baud <= 4_000_000, "must be between 300 and 4000000"),
        ):
            if not good:
                self.say(f"{path}.{name}", problem)
        return device

    def _unique(self, devices: Sequence[DeviceConfig | None], name: str) -> None:
        seen: dict[str, int] = {}
        for n, device in enumerate(devices):
            if device is None:
                continue
            value = getattr(device, name)
            if value in seen:
                self.say(f"devices[{n}].{name}", f"{value!r} is used by devices[{seen[value]}] as well")
            seen.setdefault(value, n)

    def _one_device_each(self, devices: Sequence[DeviceConfig | None]) -> None:
        """One port under two names, as a link of udev and the device itself are."""
        seen: dict[str, tuple[str, str]] = {}
        for n, device in enumerate(devices):
            for key, port in _ports_of(device, n):
                real = port if "://" in port else os.path.realpath(port)
                earlier, name = seen.setdefault(real, (key, port))
                if earlier != key and (name != port or key.endswith("audio") or earlier.endswith("audio")):
                    self.say(key, f"{port} is the same port as {earlier}")

    def values(self, file: _File) -> None:
        """What types cannot say."""
        url, port = file.cloud.url, file.status.port
        for path, good, problem in (
            ("data_dir", bool(file.data_dir), "is empty"),
            ("cloud.url", url is None or re.match(r"https?://[^/\s]+", url), "must begin with https:// or http://"),
            ("status.port", port is None or 0 <= port <= 65535, "must be between 0 and 65535"),
            ("log.level", file.log.level in _LEVELS, f"must be one of {', '.join(_LEVELS)}"),
            ("log.target", file.log.target in _TARGETS, f"must be one of {', '.join(_TARGETS)}"),
        ):
            if not good:
                self.say(path, problem)
        for found in (*of_sims(file.sims), *of_self_test(file.self_test), *of_healing(file.healing)):
            self.say(*found)
        for limit in fields(Limits):
            if getattr(file.limits, limit.name) < 0:
                self.say(f"limits.{limit.name}", "must not be negative")


def _ports_of(device: DeviceConfig | None, n: int) -> Iterator[tuple[str, str]]:
    if device is None or not device.enabled:
        return
    yield f"devices[{n}].port", device.port
    if device.sound is not None and device.sound.kind not in ("none", "alsa") and device.sound.port:
        yield f"devices[{n}].audio", device.sound.port


def _parent(path: str) -> str:
    return path[: max(path.rfind("."), path.rfind("["), 0)]


def _pins(path: Path, main_path: Path, main: _Reading) -> dict[Iccid, str]:
    """ICCID → PIN. The file must be the agent's alone; its contents are never shown.

    Whoever owns the main file may own this one: ``check-config`` is often run by root.
    """
    reading = _Reading(path.name)
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
    for field_path, problem in _pin_problems(data, reading):
        reading.say(field_path, problem)
    main.add(reading.problems)
    return {Iccid(iccid): str(pin) for iccid, pin in data.items()} if isinstance(data, dict) else {}


def _pin_problems(data: object, reading: _Reading) -> Iterator[tuple[str, str]]:
    if not isinstance(data, dict):
        yield "", "must be a mapping of ICCID to PIN"
        return
    for iccid, pin in data.items():
        if not _ICCID.fullmatch(iccid):
            yield iccid, "is not an ICCID: 18 to 20 digits, beginning 89"
        if not (isinstance(pin, str | int) and _PIN.fullmatch(str(pin))):
            yield iccid, "the PIN must be 4 to 8 digits"


def _unused_pins(pins: Mapping[Iccid, str], devices: Sequence[DeviceConfig] | None) -> Iterator[str]:
    """PINs that can be seen to fit no SIM: every device says which SIM it holds, and none holds this one."""
    if not devices or any(device.iccid is None for device in devices):
        return
    held = {device.iccid for device in devices}
    for iccid in pins:
        if iccid not in held:
            yield f"the PIN for ICCID {iccid[:6]}…{iccid[-4:]} is for no SIM of this site"
