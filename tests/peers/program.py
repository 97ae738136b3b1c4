"""A program that runs in the background of a test, and what it said when the test fails."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest


def needs(*commands: str) -> pytest.MarkDecorator:
    """Skip where these Debian programs are absent, and say which package brings them."""
    absent = [command for command in commands if not _where(command)]
    return pytest.mark.skipif(
        bool(absent), reason=f"not installed: {', '.join(absent)} (apt-get install {_packages(absent)})"
    )


def path_of(command: str) -> str:
    """Some of these live where ordinary users do not look."""
    return _where(command) or command


@contextmanager
def running(command: list[str], log: Path, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """Run it in a session of its own until the block ends; then its log is printed, for pytest to show on failure."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            print(log.read_text(errors="replace")[-6000:])


def _where(command: str) -> str | None:
    return shutil.which(command) or shutil.which(command, path="/usr/sbin:/sbin:/usr/bin:/bin")


_PACKAGES = {"smsd": "smstools", "ModemManager": "modemmanager", "mmcli": "modemmanager", "dbus-run-session": "dbus"}


def _packages(commands: list[str]) -> str:
    return " ".join(dict.fromkeys(_PACKAGES.get(command, command) for command in commands))
