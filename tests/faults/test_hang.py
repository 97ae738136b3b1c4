"""A process that is stopped for a while (SIGSTOP): the other side notices; when it wakes, nothing is lost or doubled.

Under a watchdog such as systemd's it is not waited for: it is killed and begun anew. All of it takes minutes, so it is
tried in the long form only; what feeds the watchdog, and what a half-open line does, the suite tests by themselves.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fakes.customer_app import CustomerApp
from tests.faults.books import Books
from tests.faults.conftest import LONG, Progress, Report, is_up
from tests.faults.test_kill import RESERVE_S, settled
from tests.faults.traffic import Rates, Site, Traffic
from tests.faults.victims import Victims
from tests.flows.conftest import LabProcess

HANGS = int(os.environ.get("SIMFERRY_HANGS", "20"))
NOTICED_S = 45.0
WATCHDOG_S = 6.0

pytestmark = [
    pytest.mark.flow,
    pytest.mark.timeout(0),
    pytest.mark.skipif(not LONG, reason="minutes of standing still: scripts/soak"),
]


async def test_one_that_hangs_is_noticed_and_loses_nothing(
    site: Site, chance: random.Random, report: Report, progress: Progress
) -> None:
    books, victims = Books(), Victims(site)
    traffic = Traffic(site, books, chance, Rates(sms_out_s=1.0, sms_in_s=2.0, call_s=4.0, calls=1))
    await traffic.prepare()
    running = asyncio.create_task(traffic.run())
    noticed: dict[str, list[float]] = {"agent": [], "cloud": []}
    hangs = 0
    try:
        while hangs < 2 * HANGS and not is_up(RESERVE_S + 150):
            who = ("agent", "cloud")[hangs % 2]
            await _hang(victims, site, who, chance.choice((5.0, 15.0, 60.0)), noticed[who])
            hangs += 1
            progress(hangs, 2 * HANGS, "hangs")
            await asyncio.sleep(chance.uniform(1, 5))
    finally:
        traffic.stop()
        await running
    balance = await settled(site, books)
    slowest = {f"{who}_noticed_s": round(max(times, default=0.0), 1) for who, times in noticed.items()}
    report("SIGSTOP for 5 to 60 s under mixed traffic", hangs=hangs, **slowest, **balance.figures())
    assert balance.faults == []
    assert max(noticed["agent"] + noticed["cloud"]) < NOTICED_S


async def _hang(victims: Victims, site: Site, who: str, for_s: float, noticed: list[float]) -> None:
    """Stop it, watch whether the other side notices where it is stopped long enough, let it go on."""
    entry = victims.edge if who == "agent" else victims.cloud
    began = time.monotonic()
    victims.signal(entry, signal.SIGSTOP)
    seen = False
    try:
        while time.monotonic() - began < for_s:
            if not seen and await _other_side_sees(site, who):
                seen = True
                noticed.append(time.monotonic() - began)
            await asyncio.sleep(0.3)
    finally:
        victims.signal(entry, signal.SIGCONT)
    assert seen or for_s < NOTICED_S, f"the {who} stood still for {for_s:g} s and nobody noticed"
    await victims.serve_again(victims.cloud, victims.edge)


async def _other_side_sees(site: Site, who: str) -> bool:
    if who == "cloud":
        status = await site.status()
        return status is not None and not status["tunnel"]["connected"]
    return await site.connected() == []


class Watchdog:
    """What systemd does for a service with WatchdogSec: whoever gives no sign in time is killed."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._last: dict[int, float] = {}

    def look(self) -> list[int]:
        """Read the signs of life; the processes that have given none for too long."""
        while True:
            try:
                said, told, _, _ = self._listening.recvmsg(4096, 256)
            except BlockingIOError:
                break
            for level, kind, data in told:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS) and b"WATCHDOG=1" in said:
                    self._last[struct.unpack("3i", data[:12])[0]] = time.monotonic()
        late = [pid for pid, at in self._last.items() if time.monotonic() - at > WATCHDOG_S]
        return [pid for pid in late if self._last.pop(pid) and Path(f"/proc/{pid}").exists()]


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        made.setblocking(False)
        made.bind(str(path))
        yield made


async def test_the_watchdog_begins_one_anew_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: Report, progress: Progress
) -> None:
    door = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(door))
    monkeypatch.setenv("WATCHDOG_USEC", str(int(WATCHDOG_S * 1e6)))
    with listening(door) as ear:
        lab = LabProcess(tmp_path / "lab", "--speed", "20")
        try:
            async with aiohttp.ClientSession() as http, CustomerApp() as app:
                await _watched(Site(lab, http, app), Watchdog(ear), report, progress)
        finally:
            lab.stop()


async def _watched(site: Site, watchdog: Watchdog, report: Report, progress: Progress) -> None:
    victims = Victims(site)
    back: list[float] = []
    for n in range(6):
        entry: dict[str, Any] = (victims.edge, victims.cloud)[n % 2]
        await asyncio.sleep(WATCHDOG_S)
        assert watchdog.look() == []
        began = time.monotonic()
        victims.signal(entry, signal.SIGSTOP)
        while entry["pid"] not in watchdog.look():
            assert time.monotonic() - began < 3 * WATCHDOG_S
            await asyncio.sleep(0.2)
        await victims.kill(entry)
        await victims.serve_again(victims.cloud, victims.edge)
        back.append(time.monotonic() - began)
        progress(n + 1, 6, "hangs")
    report("SIGSTOP under a watchdog", hangs=len(back), watchdog_s=WATCHDOG_S, back_slowest_s=round(max(back), 1))
