"""The distributions that are cut from this repository, and the packages of others that each of them needs."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
NAMES = ROOT / "scripts" / "packages"
"""A file for each extra: the names of all it needs, directly or not. Made by ``python -m scripts.releasekit.names``."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """``packages``: top-level folders; ``extra``: of pyproject.toml, whose requirements become its own."""

    name: str
    packages: tuple[str, ...]
    extra: str | None = None
    commands: tuple[str, ...] = ()


EDGE = Distribution("simferry-edge", ("telecore", "edge_agent", "firmware_profiles"), "edge", ("edge-agent",))
CLOUD = Distribution("simferry-cloud", ("telecore", "cloud"), "cloud", ("simferry-cloud",))
PROFILES = Distribution("simferry-profiles", ("firmware_profiles",))
WHOLE = Distribution(
    "simferry",
    ("telecore", "edge_agent", "cloud", "simulator", "firmware_profiles"),
    None,
    ("edge-agent", "simferry-cloud", "simferry-simulator"),
)


def project() -> dict[str, Any]:
    """The [project] table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def locked(extras: tuple[str, ...]) -> str:
    """The part of requirements.lock that these extras need, with its hashes. Raises KeyError for a name not in it."""
    pins = {_canonical(pin.split("==")[0]): pin for pin in _pins(LOCK.read_text())}
    names = sorted({name for extra in extras for name in (NAMES / f"{extra}.txt").read_text().split()})
    return "".join(f"{pins[name]}\n" for name in names)


def packages_hash(extras: tuple[str, ...]) -> str:
    """Which packages, in which versions: equal where a release of the program alone can take the place of another."""
    versions = re.findall(r"^(\S+==\S+)", locked(extras), re.MULTILINE)
    return hashlib.sha256("\n".join(versions).encode()).hexdigest()


def _pins(text: str) -> list[str]:
    """``name==1.0 \\\\`` and the lines of its hashes, each as one text."""
    return re.findall(r"^[\w.-]+==[^\n]*(?:\n +--hash=[^\n]*)*", text, re.MULTILINE)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
