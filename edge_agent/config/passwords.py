"""Passwords of devices and of the proxy, each in a file that only its owner may read; those of lines are in one."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from edge_agent.config.cloud import CloudConfig
from edge_agent.config.gateways import GatewayConfig
from edge_agent.config.kinds import AnyDevice
from edge_agent.config.pin_file import others_of
from edge_agent.yaml_lines import YamlProblem, load

Say = Callable[[str, str], None]


def with_passwords(devices: Sequence[AnyDevice], folder: Path, say: Say) -> Iterator[AnyDevice]:
    """The devices with what their password files hold; paths are relative to ``folder``. Faults are told."""
    for n, device in enumerate(devices):
        if device.password:
            say(f"devices[{n}].password", "does not belong in this file: write it to one of mode 0600, password_file")
        if isinstance(device, GatewayConfig) and device.passwords:
            say(f"devices[{n}].passwords", "do not belong in this file: write them to one of mode 0600, passwords_file")
        found: AnyDevice | None = device
        if device.password_file is not None:
            found = _with_password(device, folder / device.password_file, f"devices[{n}].password_file", say)
        if isinstance(found, GatewayConfig) and found.passwords_file is not None:
            found = _with_lines(found, folder / found.passwords_file, f"devices[{n}].passwords_file", say)
        if found is not None:
            yield found


def with_proxy_password(cloud: CloudConfig, folder: Path, say: Say) -> CloudConfig:
    """The section with what its password file holds, and whole paths. Faults are told."""
    if cloud.ca_file is not None:
        cloud = replace(cloud, ca_file=str(folder / cloud.ca_file))
    if cloud.proxy_password_file is None:
        return cloud
    password = _read(folder / cloud.proxy_password_file, "cloud.proxy_password_file", say)
    return cloud if password is None else replace(cloud, proxy_password=password)


def _with_password(device: AnyDevice, path: Path, key: str, say: Say) -> AnyDevice | None:
    password = _read(path, key, say)
    return None if password is None else replace(device, password=password)


def _read(path: Path, key: str, say: Say) -> str | None:
    try:
        password = path.read_text(encoding="utf-8").strip("\r\n")
        _check_mode(path, key, say)
    except (OSError, UnicodeDecodeError) as error:
        say(key, f"{path}: {getattr(error, 'strerror', None) or 'is no text'}")
        return None
    return password


def _with_lines(gateway: GatewayConfig, path: Path, key: str, say: Say) -> GatewayConfig | None:
    try:
        data, _ = load(path)
        _check_mode(path, key, say)
    except OSError as error:
        say(key, f"{path}: {error.strerror or error}")
        return None
    except YamlProblem as problem:
        say(key, f"{path}{problem.where}: {problem}")
        return None
    if not isinstance(data, dict) or not all(isinstance(password, str | int) for password in data.values()):
        say(key, f"{path}: must be a mapping of the line's name to its password")
        return None
    return replace(gateway, passwords={str(name): str(password) for name, password in data.items()})


def _check_mode(path: Path, key: str, say: Say) -> None:
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if mode & others_of(path):
        say(key, f"{path} may be read by others (mode {mode:04o}); run: chmod 600 {path}")
