"""Clocks that jump by years in traffic, and a site that wakes in 1970, with real processes.

Validity and order hold: nothing expires early, nothing is sent late or twice, messages to one handset keep their order,
but for one that a crash interrupted; what is told is stamped with the true time, and nobody reconnects more often than
before.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import pytest

from tests.fakes.customer_app import CustomerApp, twiml
from tests.faults.clock.control import Clocks
from tests.faults.conftest import Progress, Report, times
from tests.faults.disk.control import available
from tests.flows.conftest import LabProcess, World

FLOWED_S, ASKED_S = 60.0, 50.0
"""How long until all is through, and how long a modem is asked about what a crash interrupted (docs/guarantees.md)."""
YEAR = 365 * 24 * 3600.0
JUMPS = times(3, 40)
A_KILL = 6
"""Messages of each direction around a kill."""
EDGE = "site-1"

pytestmark = [
    pytest.mark.timeout(240 + JUMPS * 60),
    pytest.mark.skipif(not available(), reason="no C compiler"),
]


@pytest.fixture
def clocks(tmp_path: Path) -> Clocks:
    return Clocks(tmp_path / "shim", "-m edge_agent run", "-m cloud serve")


@pytest.fixture
def own_lab(tmp_path: Path, clocks: Clocks, monkeypatch: pytest.MonkeyPatch) -> Iterator[LabProcess]:
    for name, value in clocks.environment.items():
        monkeypatch.setenv(name, value)
    lab = LabProcess(tmp_path / "lab", "--speed", "20", "--modems", "2")
    for name in clocks.environment:
        monkeypatch.delenv(name)
    yield lab
    assert lab.stop()[0] == 0


@pytest.fixture
async def world(own_lab: LabProcess) -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as http, CustomerApp() as app:
        one = World(own_lab, http, app)
        sms = app.answer("/sms", twiml(""))
        for number in one.numbers:
            await one.hook(number, sms_url=sms)
        yield one


class Traffic:
    def __init__(self, world: World) -> None:
        self.world, self.handset = world, world.free_handset()
        self.out: dict[str, str] = {}
        self.into: list[str] = []
        self.interrupted: set[str] = set()

    async def both(self, count: int) -> None:
        """Messages of one SIM to one handset, and from it; an hour's validity each."""
        sender = self.world.numbers[0]
        for _ in range(count):
            n = len(self.out)
            made = await asyncio.to_thread(
                self.world.client.messages.create,
                to=self.handset, from_=sender, body=f"out {n}", validity_period=3600,
            )  # fmt: skip
            self.out[f"out {n}"] = made.sid
            ask = {"to": sender, "body": f"in {n}"}
            await self.world.network("POST", f"/subscribers/{self.handset}/messages", ask)
            self.into.append(ask["body"])

    async def over(self) -> Counter[str]:
        """Wait until all is through; what of it is not as it should be."""

        async def done() -> Any:
            rows = {
                row.sid: row for row in await asyncio.to_thread(lambda: self.world.client.messages.list(page_size=1000))
            }
            final = all(rows[sid].status in ("delivered", "failed", "undelivered") for sid in self.out.values())
            told = {seen.params["Body"] for seen in self.world.app.seen("/sms")}
            return rows if final and set(self.into) <= told else None

        rows = await self.world.until(done, FLOWED_S + (ASKED_S if self.interrupted else 0.0))
        arrived = [row["body"] for row in await self.world.inbox(self.handset)]
        known = [row for row in rows.values() if row.body in self.out or row.body in self.into]
        counted = Counter[str](messages=len(self.out) + len(self.into))
        counted["failed"] = sum(rows[sid].status != "delivered" for sid in self.out.values())
        counted["doubled"] = len(arrived) - len(set(arrived))
        counted["out of order"] = _passed(arrived, {body for body, sid in self.out.items() if sid in self.interrupted})
        counted["wrong time"] = sum(abs(row.date_sent.timestamp() - time.time()) > 1800 for row in known)
        return counted


def _passed(arrived: list[str], interrupted: set[str]) -> int:
    """How many came after one that was asked for later, though no crash interrupted them."""
    highest, passed = -1, 0
    for body in arrived:
        number = int(body.rpartition(" ")[2])
        passed += number < highest and body not in interrupted
        highest = max(highest, number)
    return passed


def test_only_what_a_crash_interrupted_may_be_passed() -> None:
    in_order = ["out 0", "out 1", "out 2", "out 3"]
    late = ["out 0", "out 2", "out 3", "out 1"]
    assert _passed(in_order, set()) == 0
    assert _passed(late, set()) == 1
    assert _passed(late, {"out 1"}) == 0
    assert _passed(late, {"out 2"}) == 1
    assert _passed(["out 2", "out 0", "out 1"], {"out 2"}) == 2, "it may come later, not earlier"


async def test_clocks_that_jump(
    world: World, clocks: Clocks, own_lab: LabProcess, chance: random.Random, report: Report, progress: Progress
) -> None:
    """The agent's clock, the cloud's, or both, by up to ten years; in every third the agent wakes so."""
    traffic, wakes = Traffic(world), 0
    for done in range(JUMPS):
        agent, cloud = chance.choice([(True, False), (False, True), (True, True)]) if done else (True, False)
        by = chance.choice(
            [10 * YEAR, -10 * YEAR, -time.time(), 24 * 3600.0, -24 * 3600.0, chance.uniform(-YEAR, YEAR)]
        )
        if done % 3 == 1:
            agent, cloud, by = True, False, -time.time()
        await traffic.both(2)
        clocks.set(by if agent else 0.0, by if cloud else 0.0)
        await traffic.both(2)
        if done % 3 == 1:
            wakes += 1
            async with asyncio.TaskGroup() as group:
                group.create_task(traffic.both(A_KILL))
                await asyncio.sleep(chance.uniform(0.1, 0.6))
                interrupted = await _wake(world)
            assert len(interrupted) <= 1, "a SIM sends one at a time"
            traffic.interrupted |= interrupted
        await asyncio.sleep(chance.uniform(0.2, 1.0))
        counted = await traffic.over()
        assert not any(counted[bad] for bad in ("failed", "doubled", "out of order", "wrong time")), (by, counted)
        clocks.set()
        await traffic.both(1)
        progress(done + 1, JUMPS, "jumps")
    counted = await traffic.over()
    log = (own_lab.logs / f"{EDGE}.log").read_text()
    counted["reconnects"] = log.count(" is up\n") - 1 - wakes
    report(
        "clocks that jump by up to ten years, a site that wakes in 1970", jumps=JUMPS, wakes=wakes,
        interrupted=len(traffic.interrupted), **counted,
    )  # fmt: skip
    assert not any(counted[bad] for bad in ("failed", "doubled", "out of order", "wrong time", "reconnects")), counted


async def _wake(world: World) -> set[str]:
    """The power was away: the agent starts with the clock as it is. SIDs of what it was sending, by its own book."""
    entry = world.about["edges"][0]
    os.kill(entry["pid"], signal.SIGKILL)
    await asyncio.sleep(0.1)
    (spool,) = (Path(world.about["data_dir"]) / EDGE).rglob("spool.db")
    sids = await asyncio.to_thread(_under_way, spool)
    entry["pid"] = (await world.network("POST", f"/processes/{EDGE}/restart"))["pid"]
    return sids


def _under_way(spool: Path) -> set[str]:
    """Messages that were given to a modem and not finished. Of a copy: the next start must find its file untouched."""
    with TemporaryDirectory() as folder:
        for suffix in ("", "-wal"):
            shutil.copy(f"{spool}{suffix}", Path(folder) / f"spool.db{suffix}")
        with closing(sqlite3.connect(Path(folder) / "spool.db")) as db:
            rows = db.execute("SELECT message FROM submits WHERE state IN ('submitting', 'doubtful')").fetchall()
    return {message for (message,) in rows}
