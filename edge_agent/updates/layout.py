"""Where things lie. The updater owns all but ``inbox``, which is the agent's."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path("/var/lib/simferry-update")
KEYS = Path("/etc/simferry-update/release-keys")
PROCESSES = Path("/sys/fs/cgroup/system.slice/edge-agent.service/cgroup.procs")
PACKAGES = "packages"
"""In the base environment: the hash of the packages that were installed with it."""


@dataclass(frozen=True, slots=True)
class Layout:
    root: Path = ROOT

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def versions(self) -> Path:
        return self.root / "versions"

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def release(self) -> Path:
        """The agent's copy of the release file that it wants."""
        return self.inbox / "release"

    @property
    def wanted(self) -> Path:
        """Appears when ``release`` is whole; wakes the updater."""
        return self.inbox / "wanted.json"

    @property
    def confirmed(self) -> Path:
        """By this a version on trial says that it works."""
        return self.inbox / "confirmed.json"

    @property
    def starts(self) -> Path:
        """A byte for each start of a version on trial."""
        return self.inbox / "starts"

    def link(self, what: str) -> Path:
        """Points to the version that runs; absent: what the installer installed."""
        return self.root / what

    def version(self, what: str, version: str) -> Path:
        return self.versions / f"{what}-{version}"


def write_whole(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace a file: after a power cut it is the old one or the new one."""
    unfinished = path.with_name(f".{path.name}.new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    unfinished.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Names made, changed or removed in it are on the disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(path: Path, limit: int = 1 << 20) -> dict[str, Any]:
    """The object in a small file that somebody else may have written; empty when there is none, or it is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            found = json.loads(file.read(limit))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def remove(path: Path) -> None:
    path.unlink(missing_ok=True)
