"""Clocks that jump by years in traffic, and a site that wakes in 1970, with real processes.

Validity and order hold: nothing expires early, nothing is sent late or twice, messages to one handset keep their order,
what is told is stamped with the true time, and nobody reconnects more often than before.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fakes.customer_app import CustomerApp, twiml
from tests.faults.clock.control import Clocks
from tests.faults.conftest import Progress, Report, times
from tests.faults.disk.control import available
from tests.flows.conftest import LabProcess, World

YEAR = 365 * 24 * 3600.0
JUMPS = times(3, 40)
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

        rows = await self.world.until(done, 60)
        arrived = [row["body"] for row in await self.world.inbox(self.handset)]
        known = [row for row in rows.values() if row.body in self.out or row.body in self.into]
        counted = Counter[str](messages=len(self.out) + len(self.into))
        counted["failed"] = sum(rows[sid].status != "delivered" for sid in self.out.values())
        counted["doubled"] = len(arrived) - len(set(arrived))
        counted["out of order"] = sum(
            a > b for a, b in zip(arrived, sorted(arrived, key=_number), strict=True) if a != b
        )
        counted["wrong time"] = sum(abs(row.date_sent.timestamp() - time.time()) > 1800 for row in known)
        return counted


def _number(body: str) -> int:
    return int(body.rpartition(" ")[2])


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
            await traffic.over()  # a text that was half given to a modem may come after the next one
            await _wake(world)
            await traffic.both(1)
        await asyncio.sleep(chance.uniform(0.2, 1.0))
        counted = await traffic.over()
        assert not any(counted[bad] for bad in ("failed", "doubled", "out of order", "wrong time")), (by, counted)
        clocks.set()
        await traffic.both(1)
        progress(done + 1, JUMPS, "jumps")
    counted = await traffic.over()
    log = (own_lab.logs / f"{EDGE}.log").read_text()
    counted["reconnects"] = log.count(" is up\n") - 1 - wakes
    report("clocks that jump by up to ten years, a site that wakes in 1970", jumps=JUMPS, wakes=wakes, **counted)
    assert not any(counted[bad] for bad in ("failed", "doubled", "out of order", "wrong time", "reconnects")), counted


async def _wake(world: World) -> None:
    """The power was away: the agent starts with the clock as it is."""
    entry = world.about["edges"][0]
    os.kill(entry["pid"], signal.SIGKILL)
    await asyncio.sleep(0.1)
    entry["pid"] = (await world.network("POST", f"/processes/{EDGE}/restart"))["pid"]
