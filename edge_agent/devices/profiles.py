"""Firmware profiles: YAML files that say what a modem does differently, merged along ``inherits`` and matched.

A file's name is its path without ``.yaml``: ``simcom/sim7600``. Mappings merge key by key, everything else is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import firmware_profiles
from edge_agent.drivers.at_modem.profile import AtProfile
from edge_agent.drivers.at_modem.quirks import KNOWN as KNOWN_QUIRKS
from edge_agent.drivers.gateway.profile import GatewayProfile
from edge_agent.yaml_lines import Lines, YamlProblem, load
from telecore.errors import InvalidRequest
from telecore.model import DeviceIdentity, Service
from telecore.schema import SchemaError, read

T = TypeVar("T")

GENERIC = "generic/3gpp"
_OWN = ("inherits", "match", "confirmed", "description", "firmware", "quirks", "unconfirmed")
"""Keys that are about one file alone and not inherited; quirks, firmware notes and doubts are joined instead."""


class ProfileError(InvalidRequest):
    """A profile, or the choice among profiles, is at fault; the message names file, line and path."""


@dataclass(frozen=True, slots=True)
class Match:
    """Regular expressions for +CGMI, +CGMM and +CGMR. All that are given must be found."""

    manufacturer: str | None = None
    model: str | None = None
    revision: str | None = None

    def score(self, identity: DeviceIdentity) -> int:
        """How many expressions matched; 0 when one did not."""
        wanted = (
            (self.manufacturer, identity.manufacturer),
            (self.model, identity.model),
            (self.revision, identity.revision),
        )
        given = [(pattern, text) for pattern, text in wanted if pattern is not None]
        return len(given) if all(re.search(pattern, text) for pattern, text in given) else 0


@dataclass(frozen=True, slots=True)
class Quirk:
    """One of ``quirks.KNOWN``, and why."""

    use: str
    because: str


@dataclass(frozen=True, slots=True)
class Firmware:
    """What holds for revisions that ``match`` is found in: quirks, or services that do not work in them."""

    match: str
    because: str
    quirks: tuple[str, ...] = ()
    without: frozenset[Service] = frozenset()


@dataclass(frozen=True, slots=True)
class Header:
    """The part of a file that is not about the dialect."""

    driver: str = "at_modem"
    inherits: tuple[str, ...] = ()
    match: Match | None = None
    description: str = ""
    quirks: tuple[Quirk, ...] = ()
    firmware: tuple[Firmware, ...] = ()
    unconfirmed: tuple[str, ...] = ()


_HEADER = frozenset(Header.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One profile, ready to use but for what depends on the revision."""

    header: Header
    profile: AtProfile
    firmware: tuple[Firmware, ...]


@dataclass(frozen=True, slots=True)
class GatewayEntry:
    """The profile of a gateway or a trunk."""

    header: Header
    profile: GatewayProfile


class Profiles:
    """All profiles of a site, by name: those of modems, and apart from them those of gateways."""

    def __init__(self, entries: Mapping[str, Entry], gateways: Mapping[str, GatewayEntry] | None = None) -> None:
        self._entries = dict(entries)
        self._gateways = dict(gateways or {})

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._entries))

    @property
    def gateway_names(self) -> tuple[str, ...]:
        return tuple(sorted(self._gateways))

    def gateway(self, name: str) -> GatewayEntry:
        """The profile of a gateway or a trunk. Raises ProfileError."""
        if name not in self._gateways:
            names = ", ".join(self.gateway_names)
            raise ProfileError(f"there is no profile {name!r} of a gateway (there are: {names})")
        return self._gateways[name]

    def __iter__(self) -> Iterator[AtProfile]:
        return iter(entry.profile for entry in self._entries.values())

    def entry(self, name: str) -> Entry:
        """What the file itself says beside the dialect. Raises ProfileError."""
        if name not in self._entries:
            raise ProfileError(f"there is no profile {name!r} (there are: {', '.join(self.names)})")
        return self._entries[name]

    def get(self, name: str, identity: DeviceIdentity | None = None) -> AtProfile:
        """The profile of this name, as it is for the identity's revision. Raises ProfileError."""
        entry = self.entry(name)
        return entry.profile if identity is None else _for_revision(entry, identity.revision)

    def choose(self, identity: DeviceIdentity) -> AtProfile:
        """The one most specific match; the generic profile when none matches. Raises ProfileError for two."""
        scores = {
            name: entry.header.match.score(identity) for name, entry in self._entries.items() if entry.header.match
        }
        best = max(scores.values(), default=0)
        if best == 0:
            return self.get(GENERIC, identity)
        names = sorted(name for name, score in scores.items() if score == best)
        if len(names) > 1:
            who = f"{identity.manufacturer} {identity.model}".strip()
            raise ProfileError(f"{who} is matched equally well by {' and '.join(names)}: name one in the configuration")
        return self.get(names[0], identity)


def doubts(profile: AtProfile | GatewayProfile) -> tuple[str, ...]:
    """What a modem of this profile is believed to do and nobody has seen on hardware."""
    return () if profile.confirmed else profile.unconfirmed or ("everything in this profile",)


def shipped() -> Path:
    """Where the profiles of this release are, in a checkout as in an installation."""
    return Path(next(iter(firmware_profiles.__path__)))


def load_profiles(*directories: Path) -> Profiles:
    """The shipped profiles, and over them those of the directories. Raises ProfileError with every problem found."""
    raw: dict[str, _Raw] = {}
    problems: list[str] = []
    for directory in (shipped(), *directories):
        for path in sorted(directory.rglob("*.yaml")):
            name = path.relative_to(directory).with_suffix("").as_posix()
            try:
                raw[name] = _read_file(name, path)
            except ProfileError as error:
                problems.append(error.message)
    entries, gateways = {}, {}
    for name in raw:
        try:
            if _driver(name, raw) == "gateway":
                gateways[name] = _build_gateway(name, raw)
            else:
                entries[name] = _build(name, raw)
        except ProfileError as error:
            problems.append(error.message)
    if problems:
        raise ProfileError("\n".join(problems))
    return Profiles(entries, gateways)


@dataclass(frozen=True, slots=True)
class _Raw:
    name: str
    data: dict[str, Any]
    lines: Lines

    def problem(self, path: str, text: str) -> ProfileError:
        at = path
        while at and at not in self.lines:
            at = at[: max(at.rfind("."), at.rfind("["), 0)]
        where = f" line {self.lines[at]}" if at else ""
        return ProfileError(f"{self.name}.yaml{where}: {path}: {text}")


def _read_file(name: str, path: Path) -> _Raw:
    try:
        data, lines = load(path)
    except YamlProblem as problem:
        raise ProfileError(f"{name}.yaml{problem.where}: {problem}") from problem
    except OSError as error:
        raise ProfileError(f"{path}: {error.strerror or error}") from error
    if not isinstance(data, dict):
        raise ProfileError(f"{name}.yaml: must be a mapping")
    return _Raw(name, data, lines)


def _driver(name: str, raw: Mapping[str, _Raw]) -> object:
    """Its own, or that of what it inherits from."""
    return next((entry.data["driver"] for entry in reversed(_line_of(name, raw, ())) if "driver" in entry.data), None)


def _merged(ancestors: list[_Raw]) -> tuple[dict[str, Any], list[Header]]:
    merged: dict[str, Any] = {}
    for ancestor in ancestors:
        inherited = {key: value for key, value in ancestor.data.items() if key not in _OWN}
        merged = _merge(merged, inherited)
    headers = [_header(ancestor) for ancestor in ancestors]
    return {key: value for key, value in merged.items() if key not in _HEADER}, headers


def _build_gateway(name: str, raw: Mapping[str, _Raw]) -> GatewayEntry:
    own = raw[name]
    dialect, headers = _merged(_line_of(name, raw, ()))
    claims = tuple(dict.fromkeys(claim for header in headers for claim in header.unconfirmed))
    given = {**dialect, "name": name, "confirmed": own.data.get("confirmed", False)}
    profile = _read(GatewayProfile, given, own)
    return GatewayEntry(headers[-1], replace(profile, unconfirmed=() if profile.confirmed else claims))


def _build(name: str, raw: Mapping[str, _Raw]) -> Entry:
    own = raw[name]
    dialect, headers = _merged(_line_of(name, raw, ()))
    quirks = {quirk.use: quirk.because for header in headers for quirk in header.quirks}
    profile = _read(AtProfile, {**dialect, "name": name, "confirmed": own.data.get("confirmed", False)}, own)
    _check_patterns(profile, own)
    firmware = tuple(note for header in headers for note in header.firmware)
    claims = tuple(dict.fromkeys(claim for header in headers for claim in header.unconfirmed))
    doubts_left = () if profile.confirmed else claims
    return Entry(headers[-1], replace(profile, quirks=quirks, unconfirmed=doubts_left), firmware)


def _line_of(name: str, raw: Mapping[str, _Raw], below: tuple[str, ...]) -> list[_Raw]:
    """The profile after everything it inherits from, the most general first."""
    if name in below:
        raise raw[name].problem("inherits", f"goes in a circle: {' → '.join((*below, name))}")
    found: list[_Raw] = []
    parents = raw[name].data.get("inherits", [])
    for parent in parents if isinstance(parents, list) else []:
        if parent not in raw:
            raise raw[name].problem("inherits", f"there is no profile {parent!r}")
        found += [entry for entry in _line_of(parent, raw, (*below, name)) if entry not in found]
    return [*found, raw[name]]


def _merge(lower: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    merged = dict(lower)
    for key, value in upper.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _header(raw: _Raw) -> Header:
    header = _read(Header, {key: value for key, value in raw.data.items() if key in _HEADER}, raw)
    named = [(f"quirks[{n}].use", quirk.use) for n, quirk in enumerate(header.quirks)]
    named += [(f"firmware[{n}].quirks", use) for n, note in enumerate(header.firmware) for use in note.quirks]
    for path, use in named:
        if use not in KNOWN_QUIRKS:
            raise raw.problem(path, f"there is no quirk {use!r} (there are: {', '.join(sorted(KNOWN_QUIRKS))})")
    patterns = [(f"firmware[{n}].match", note.match) for n, note in enumerate(header.firmware)]
    if header.match is not None:
        for key in ("manufacturer", "model", "revision"):
            patterns.append((f"match.{key}", getattr(header.match, key) or ""))
    for path, pattern in patterns:
        _compile(path, pattern, raw)
    return header


def _check_patterns(profile: AtProfile, raw: _Raw) -> None:
    for key, rule in profile.urc.items():
        _compile(f"urc.{key}.re", rule.re, raw)
    for n, step in enumerate(profile.login):
        _compile(f"login[{n}].expect", step.expect, raw)


def _compile(path: str, pattern: str, raw: _Raw) -> None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise raw.problem(path, f"is no regular expression: {error}") from error


def _read(cls: type[T], data: dict[str, Any], raw: _Raw) -> T:
    try:
        return read(cls, data)
    except SchemaError as error:
        raise raw.problem(error.path, error.problem) from error


def _for_revision(entry: Entry, revision: str) -> AtProfile:
    notes = [note for note in entry.firmware if re.search(note.match, revision)]
    if not notes:
        return entry.profile
    quirks = dict(entry.profile.quirks)
    quirks.update({use: note.because for note in notes for use in note.quirks})
    without = frozenset(service for note in notes for service in note.without)
    return replace(entry.profile, quirks=quirks, services=entry.profile.services - without)
