"""Passwords of gateways: each in a file of its own, which only its owner may read."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_agent.config.file import DeviceConfig


def with_passwords(
    devices: Sequence[DeviceConfig], folder: Path, say: Callable[[str, str], None]
) -> Iterator[DeviceConfig]:
    """The devices with what their ``password_file`` holds; paths are relative to ``folder``. Faults are told."""
    for n, device in enumerate(devices):
        if device.password:
            say(f"devices[{n}].password", "does not belong in this file: write it to one of mode 0600, password_file")
        if device.password_file is None:
            yield device
            continue
        path = folder / device.password_file
        try:
            mode = stat.S_IMODE(os.stat(path).st_mode)
            password = path.read_text(encoding="utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            say(f"devices[{n}].password_file", f"{path}: {getattr(error, 'strerror', None) or 'is no text'}")
            continue
        if mode & 0o077:
            say(f"devices[{n}].password_file", f"{path} may be read by others (mode {mode:04o}); run: chmod 600 {path}")
        yield replace(device, password=password)
