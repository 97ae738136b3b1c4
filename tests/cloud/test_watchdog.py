"""What systemd is told, and when it is told nothing."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import socket
from pathlib import Path

import pytest

from cloud.logs import LineFormatter, set_up
from cloud.watchdog import feed, notifier, period_s


def test_the_period_is_a_third_of_what_is_allowed() -> None:
    assert period_s({"WATCHDOG_USEC": "30000000"}) == 10.0
    assert period_s({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}) == 10.0
    for environ in ({}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}):
        assert period_s(environ) is None


def test_notes_are_datagrams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)  # systemd-python, where it is installed, reads it there
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path)
        notifier({"NOTIFY_SOCKET": path})("READY=1")
        assert systemd.recv(100) == b"READY=1"
    monkeypatch.setenv("NOTIFY_SOCKET", path + "-gone")
    notifier({"NOTIFY_SOCKET": path + "-gone"})("READY=1")
    notifier({})("READY=1")


async def test_a_store_that_hangs_is_not_fed_for(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []
    hangs = asyncio.Event()

    async def answers() -> bool:
        if hangs.is_set():
            await asyncio.sleep(60)
        return len(told) < 1

    feeding = asyncio.create_task(feed(told.append, 0.05, answers))
    await asyncio.sleep(0.12)
    assert told[:2] == ["WATCHDOG=1\nSTATUS=serving", "WATCHDOG=1\nSTATUS=the store refuses to answer"]
    hangs.set()
    await asyncio.sleep(0.15)
    count = len(told)
    await asyncio.sleep(0.2)
    feeding.cancel()
    assert len(told) == count
    assert "not fed" in caplog.text


def test_log_lines_hide_secrets_and_cannot_be_forged() -> None:
    out = io.StringIO()
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        set_up("info", out)
        logging.getLogger("cloud.x").info("from %s said %s", "+85512345678", "a\nERROR cloud: forged\x1b[31m")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    (line,) = out.getvalue().splitlines()
    assert "+85512345678" not in line
    assert "\\x0aERROR" in line
    assert "\x1b" not in line
    assert isinstance(LineFormatter(with_time=False), logging.Formatter)
