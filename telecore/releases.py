"""Releases: what a signed manifest says, whether an edge may take it, and whose turn it is.

A release file is a ZIP of ``release.json`` (the manifest), ``release.sig`` (its Ed25519 signature, 64 bytes) and the
files that the manifest names. Only what the signed manifest says is believed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from telecore.errors import InvalidRequest

FORMAT = 1
MANIFEST, SIGNATURE = "release.json", "release.sig"
PROGRAM, PROFILES = "program", "profiles"
KINDS = (PROGRAM, PROFILES)
HALT_ABOVE = 0.05
"""The share of those updated that may fail before a release halts by itself."""
_VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:(a|b|rc)(\d{1,6}))?")
_STAGES = {"a": 0, "b": 1, "rc": 2, "": 3}


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Release:
    """The manifest. ``what`` is ``program`` or ``profiles``; ``minimum_version``: of the program that may take it.

    ``python``: from the first version up to, and without, the second. ``machines``: as ``uname -m`` says, none for any.
    ``packages``: which packages of others it was made for (a hash of their versions); empty: it needs none.
    ``downgrade``: it may take the place of a newer version. ``unpacked``: bytes on the disk.
    """

    format: int
    product: str
    what: str
    version: str
    minimum_version: str
    channel: str
    python: tuple[str, ...]
    machines: tuple[str, ...]
    packages: str
    downgrade: bool
    commit: str
    unpacked: int
    files: tuple[ReleaseFile, ...]


@dataclass(frozen=True, slots=True)
class Here:
    """The machine that is to take a release. ``program`` and ``profiles`` are the versions that it runs now."""

    product: str
    program: str
    profiles: str
    channel: str
    python: str
    machine: str
    packages: str
    free: int


def parse_version(text: str) -> tuple[int, int, int, int, int]:
    """``1.2.3`` or ``1.2.3rc4`` in an order that can be compared. Raises InvalidRequest."""
    found = _VERSION.fullmatch(text)
    if found is None:
        raise InvalidRequest(f"{text[:40]!r} is not a version such as 1.2.3 or 1.2.3rc4", field="version")
    major, minor, patch, stage, number = found.groups()
    return int(major), int(minor), int(patch), _STAGES[stage or ""], int(number or 0)


def refusal(release: Release, here: Here) -> str | None:
    """Why this machine must not take it, or None. Raises InvalidRequest for versions that are none."""
    wanted = parse_version(release.version)
    running = here.program if release.what == PROGRAM else here.profiles
    checks = (
        (release.format != FORMAT, f"the release has format {release.format}, and this program reads {FORMAT}"),
        (release.what not in KINDS, f"a release of {release.what!r} is not known here"),
        (release.product != here.product, f"the release is for {release.product}, and this is {here.product}"),
        (release.channel != here.channel, f"the release is of channel {release.channel}; this takes {here.channel}"),
        (bool(release.machines) and here.machine not in release.machines, f"it is not made for {here.machine}"),
        (bool(release.python) and not _within(here.python, release.python), f"it is not made for Python {here.python}"),
        (release.packages not in ("", here.packages), "it needs other packages than are installed: use the installer"),
        (
            parse_version(here.program) < parse_version(release.minimum_version),
            f"it needs {release.minimum_version} or newer here, and this is {here.program}",
        ),
        (
            not release.downgrade and bool(running) and wanted <= parse_version(running),
            f"{release.version} is not newer than {running}, and is not signed as a downgrade",
        ),
        (
            2 * release.unpacked > here.free,
            f"it needs {2 * release.unpacked >> 10} kB free, there are {here.free >> 10}",
        ),
    )
    return next((why for wrong, why in checks if wrong), None)


def _within(python: str, bounds: tuple[str, ...]) -> bool:
    def number(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", text)[:2])

    return number(bounds[0]) <= number(python) and (len(bounds) < 2 or number(python) < number(bounds[1]))


def share_of(release: str, edge: str) -> float:
    """Where an edge stands in the order of a release, from 0 to below 100: it is offered above this percentage."""
    digest = hashlib.sha256(f"{release}\0{edge}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 * 100


def is_staged(release: str, edge: str, percent: float) -> bool:
    """Whether it is this edge's turn: the same answer each time, and once yes, yes at every higher percentage."""
    return share_of(release, edge) < percent


def must_halt(updated: int, failed: int) -> bool:
    """Whether too many of those that are through have failed. ``updated`` counts the failed too."""
    return failed > HALT_ABOVE * updated
