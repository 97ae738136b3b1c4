"""A memory that was deleted, or restored from an older copy, on either side: real files, swapped under real processes.

Whatever was swapped: the tunnel comes up again, what is accepted afterwards arrives, no handset gets a message twice,
each message ends, the uncertain ones say so, and people are told.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fakes.customer_app import CustomerApp, twiml
from tests.faults.conftest import LONG, Progress, Report, times
from tests.flows.conftest import LabProcess, World

EDGE = "site-1"
UNCERTAIN = 30008

pytestmark = pytest.mark.timeout(240 + 60 * times(0, 40))


class Site:
    """A lab whose files are swapped while nobody looks."""

    def __init__(self, world: World, data: Path) -> None:
        self.world = world
        self.spool = data / EDGE / "data" / "spool.db"
        self.store = data / "cloud" / "data" / "cloud.db"
        self.kept = data / "kept"
        self.kept.mkdir()

    async def swap(self, name: str, change: Callable[[], None]) -> None:
        """kill -9, change its files, start it again."""
        entry = self.world.about["cloud" if name == "cloud" else "edges"][0]
        os.kill(entry["pid"], signal.SIGKILL)
        await asyncio.sleep(0.1)
        change()
        entry["pid"] = (await self.world.network("POST", f"/processes/{name}/restart"))["pid"]

    def copy(self, path: Path, *, seal: bool) -> None:
        for suffix in ("", "-wal", *([".seal"] if seal else [])):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(f"{path}{suffix}", self.kept)

    def remove(self, path: Path, *, seal: bool) -> None:
        for suffix in ("", "-wal", "-shm", *([".seal"] if seal else [])):
            Path(f"{path}{suffix}").unlink(missing_ok=True)

    def restore(self, path: Path, *, seal: bool) -> None:
        self.remove(path, seal=seal)
        for found in self.kept.iterdir():
            if found.name.startswith(path.name):
                shutil.copy(found, path.parent)

    async def warned(self, words: str) -> None:
        """Wait until the edge says that memory was lost, in these words."""

        async def ask() -> Any:
            async with aiohttp.ClientSession() as http:
                try:
                    async with http.get(f"{self.world.about['edges'][0]['status_url']}/status") as answer:
                        status = await answer.json()
                except aiohttp.ClientError:
                    return None
            return [found for found in status["warnings"] if found["code"] == "memory_lost" and words in found["text"]]

        await self.world.until(ask, 120)

    async def connected(self) -> None:
        async def ask() -> bool:
            async with aiohttp.ClientSession() as http:
                try:
                    async with http.get(f"{self.world.about['edges'][0]['status_url']}/status") as answer:
                        return bool((await answer.json())["tunnel"]["connected"])
                except aiohttp.ClientError:
                    return False

        await self.world.until(ask, 120)


class Traffic:
    """Messages both ways, each with a text of its own."""

    def __init__(self, site: Site, handset: str) -> None:
        self.site, self.world, self.handset = site, site.world, handset
        self.out: dict[str, str] = {}
        self.into: list[str] = []
        self._n = 0

    async def send(self, count: int) -> None:
        """All at once, so that they wait for each other at the modems."""

        async def one() -> None:
            self._n += 1
            body, sender = f"out {self._n}", self.world.numbers[self._n % len(self.world.numbers)]
            make = self.world.client.messages.create
            self.out[body] = (await asyncio.to_thread(make, to=self.handset, from_=sender, body=body)).sid

        await asyncio.gather(*(one() for _ in range(count)))

    async def receive(self, count: int) -> None:
        for _ in range(count):
            self._n += 1
            body, to = f"in {self._n}", self.world.numbers[self._n % len(self.world.numbers)]
            await self.world.network("POST", f"/subscribers/{self.handset}/messages", {"to": to, "body": body})
            self.into.append(body)

    async def rows(self) -> dict[str, Any]:
        found = await asyncio.to_thread(lambda: self.world.client.messages.list(page_size=1000))
        return {row.sid: row for row in found}

    async def settled(self) -> dict[str, Any]:
        """What the cloud knows of all, once nothing is under way. ``sent`` stays where the report was forgotten."""
        rows: dict[str, Any] = {}
        for ends in (("delivered", "undelivered", "failed"), ("delivered", "undelivered", "failed", "sent")):
            with contextlib.suppress(TimeoutError):
                rows = await self._all(ends, 3.0 if "sent" not in ends else 30.0)
                break
        assert rows, {row.body: row.status for row in (await self.rows()).values()}
        return rows

    async def _all(self, ends: tuple[str, ...], within_s: float) -> dict[str, Any]:
        async def ask() -> Any:
            rows = await self.rows()
            return rows if all(rows[sid].status in ends for sid in self.out.values() if sid in rows) else None

        rows: dict[str, Any] = await self.world.until(ask, within_s)
        return rows

    async def taken(self, last: int) -> None:
        """Wait until the edge has told something of the last messages: who knows nothing newer cannot notice."""

        async def ask() -> bool:
            rows = await self.rows()
            newest = [*self.out.values()][-last:]
            return any(sid in rows and rows[sid].status not in ("accepted", "queued") for sid in newest)

        await self.world.until(ask, 60)

    async def heard(self) -> None:
        async def ask() -> bool:
            told = {seen.params["Body"] for seen in self.world.app.seen("/sms")}
            return set(self.into) <= told

        await self.world.until(ask, 30)

    async def arrived(self) -> Counter[str]:
        return Counter(message["body"] for message in await self.world.inbox(self.handset))


@pytest.fixture
def own_lab(tmp_path: Path) -> Iterator[LabProcess]:
    lab = LabProcess(tmp_path, "--speed", "20", "--modems", "2")
    yield lab
    assert lab.stop()[0] == 0


@pytest.fixture
async def traffic(own_lab: LabProcess, tmp_path: Path) -> AsyncIterator[Traffic]:
    async with aiohttp.ClientSession() as http, CustomerApp() as app:
        world = World(own_lab, http, app)
        sms = app.answer("/sms", twiml(""))
        for number in world.numbers:
            await world.hook(number, sms_url=sms)
        yield Traffic(Site(world, tmp_path), world.free_handset())


async def test_files_that_go_back_in_time(
    traffic: Traffic, chance: random.Random, report: Report, progress: Progress
) -> None:
    """Each round: the spool older (alone, and with what lies beside it), the spool gone, the cloud's store older."""
    rounds = times(1, 10)
    counted: Counter[str] = Counter()
    await traffic.send(2)
    await traffic.settled()
    for done in range(rounds):
        for case in (_folder_older, _store_older, *((_spool_older, _spool_gone) if LONG else ())):
            await case(traffic, chance)
            counted["swaps"] += 1
            await traffic.site.connected()
            await traffic.send(1)
            await traffic.receive(1)
            rows = await traffic.settled()
            await traffic.heard()
            counted.update(await _judged(traffic, rows, case is _store_older))
        progress(done + 1, rounds, "rounds")
    report(
        "a store deleted, or restored from an older copy (spool, its folder, the cloud's)",
        **{name: counted[name] for name in ("swaps", "delivered", "sent", "uncertain", "lost", "doubled")},
    )
    assert counted["lost"] == 0
    assert counted["doubled"] == 0


async def _judged(traffic: Traffic, rows: dict[str, Any], store: bool) -> Counter[str]:
    """What became of all that was sent so far; it is then forgotten, so that each counts once."""
    counted: Counter[str] = Counter()
    arrived = await traffic.arrived()
    for body, sid in traffic.out.items():
        row = rows.get(sid)
        counted["doubled"] += arrived[body] > 1
        if row is None:
            counted["unknown to the store"] += 1
        elif row.status in ("delivered", "sent"):
            counted[row.status] += 1
            counted["lost"] += arrived[body] == 0
        else:
            counted["uncertain"] += row.error_code == UNCERTAIN
            counted["lost"] += row.error_code != UNCERTAIN
    told = Counter(seen.params["Body"] for seen in traffic.world.app.seen("/sms"))
    tokens = {
        seen.headers["I-Twilio-Idempotency-Token"]: seen.params["Body"] for seen in traffic.world.app.seen("/sms")
    }
    counted["lost"] += sum(told[body] == 0 for body in traffic.into)
    # A store that forgot that it told of an SMS tells of it again, under the same token.
    counted["doubled"] += sum(number > 1 for number in Counter(tokens.values()).values())
    traffic.world.app.received.clear()
    traffic.into.clear()
    traffic.out.clear()
    return counted


async def _spool_older(traffic: Traffic, chance: random.Random) -> None:
    """A copy of a spool with messages that wait; they are sent; then the copy is put back, and nothing beside it."""
    site = traffic.site
    await traffic.send(6)
    await asyncio.sleep(chance.uniform(0.0, 0.15))
    await site.swap(EDGE, lambda: site.copy(site.spool, seal=False))
    await traffic.receive(1)
    await traffic.settled()
    await site.swap(EDGE, lambda: site.restore(site.spool, seal=False))
    await site.warned("older copy")


async def _folder_older(traffic: Traffic, chance: random.Random) -> None:
    """The same with the whole folder: only the cloud can notice."""
    site = traffic.site
    await traffic.send(6)
    await asyncio.sleep(chance.uniform(0.0, 0.15))
    await site.swap(EDGE, lambda: site.copy(site.spool, seal=True))
    await traffic.receive(1)
    await traffic.settled()
    await site.swap(EDGE, lambda: site.restore(site.spool, seal=True))
    await site.warned("older")


async def _spool_gone(traffic: Traffic, chance: random.Random) -> None:
    """Messages are handed down, and the disk is wiped before they are through."""
    site = traffic.site
    await traffic.send(8)
    await asyncio.sleep(chance.uniform(0.0, 0.15))
    await site.swap(EDGE, lambda: site.remove(site.spool, seal=False))
    await site.warned("was gone")


async def _store_older(traffic: Traffic, chance: random.Random) -> None:
    """The cloud's store is an older copy: what it accepted and heard since is not in it."""
    site = traffic.site
    await traffic.settled()
    await site.swap("cloud", lambda: site.copy(site.store, seal=False))
    await site.connected()
    await traffic.send(4)
    await traffic.receive(2)
    await traffic.taken(4)
    await asyncio.sleep(chance.uniform(0.0, 1.0))
    await site.swap("cloud", lambda: site.restore(site.store, seal=False))
    await site.warned("the cloud's memory is older")
