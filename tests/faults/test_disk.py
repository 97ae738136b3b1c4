"""A disk that is full, read-only, failing or slow, under a real agent and a real cloud, with traffic.

While it lasts: nothing is promised that is not kept. A received SMS stays on its SIM, a command with the cloud, calls
go on, the API says 503 instead of 201. When it is over everything goes on by itself, nothing lost, nothing doubled.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException

from tests.fakes.customer_app import CustomerApp, twiml
from tests.faults.conftest import LONG, Progress, Report, times
from tests.faults.disk.control import EIO, ENOSPC, EROFS, Disk, available
from tests.flows.conftest import LabProcess, World

ROUNDS = times(1, 5)
FAULTS: dict[str, dict[str, int]] = {
    "full": {"write_errno": ENOSPC},
    "nearly full": {"free_bytes": 2 << 20},
    "read-only": {"write_errno": EROFS},
    "failing sync": {"sync_errno": EIO},
    "failing write": {"write_errno": EIO},
    "slow": {"sync_us": 20_000},
}
pytestmark = [
    pytest.mark.timeout(240 + ROUNDS * 240),
    pytest.mark.skipif(not available(), reason="no C compiler"),
]


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LabProcess, Disk]]:
    """A lab on a disk that does what it is told."""
    folder = tmp_path_factory.mktemp("disk")
    disk = Disk(folder / "shim", folder / "lab", ("/spool.db", "/cloud.db"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in disk.environment.items():
            patch.setenv(name, value)
        lab = LabProcess(folder / "lab", "--speed", "20", "--modems", "2")
    yield lab, disk
    disk.heal()
    assert lab.stop()[0] == 0


@pytest.fixture
def disk(broken: tuple[LabProcess, Disk]) -> Iterator[Disk]:
    yield broken[1]
    broken[1].heal()


@pytest.fixture
async def world(broken: tuple[LabProcess, Disk]) -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as http, CustomerApp() as app:
        one = World(broken[0], http, app)
        sms, voice = app.answer("/sms", twiml("")), app.answer("/voice", twiml("<Pause length='1'/>"))
        for number in one.numbers:
            await one.hook(number, sms_url=sms, voice_url=voice)
        yield one


class Story:
    """Messages both ways, each with a text of its own, and what became of them."""

    def __init__(self, world: World, place: int) -> None:
        self.world, self.handset = world, world.about["handsets"]["free"][place]
        self.out: dict[str, str] = {}
        self.into: list[str] = []
        self.refused = 0
        self._n = 0

    async def send(self, count: int) -> None:
        for _ in range(count):
            self._n += 1
            body, sender = f"out {self._n}", self.world.numbers[self._n % 2]
            make = self.world.client.messages.create
            try:
                self.out[body] = (await asyncio.to_thread(make, to=self.handset, from_=sender, body=body)).sid
            except TwilioRestException as error:
                if (error.status, error.code) != (503, 20503):
                    raise
                self.refused += 1

    async def receive(self, count: int) -> None:
        for _ in range(count):
            self._n += 1
            ask = {"to": self.world.numbers[self._n % 2], "body": f"in {self._n}"}
            await self.world.network("POST", f"/subscribers/{self.handset}/messages", ask)
            self.into.append(ask["body"])

    def told(self) -> Counter[str]:
        """Bodies that the application heard of, by how many different tokens."""
        tokens = {
            (row.headers["I-Twilio-Idempotency-Token"], row.params["Body"]) for row in self.world.app.seen("/sms")
        }
        return Counter(body for _, body in tokens)

    async def statuses(self) -> dict[str, Any]:
        rows = await asyncio.to_thread(lambda: self.world.client.messages.list(page_size=1000))
        return {row.sid: row for row in rows}

    async def connected(self) -> bool:
        url = f"{self.world.about['edges'][0]['status_url']}/status"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            return bool((await answer.json())["tunnel"]["connected"])

    async def over(self) -> Counter[str]:
        """Wait until everything has gone on; what was lost and doubled."""

        async def done() -> Any:
            rows = await self.statuses()
            final = all(rows[sid].status in ("delivered", "failed", "undelivered") for sid in self.out.values())
            return rows if final and set(self.into) <= set(self.told()) else None

        rows = await self.world.until(done, 90)
        arrived = Counter(row["body"] for row in await self.world.inbox(self.handset))
        counted = Counter[str]()
        for body, sid in self.out.items():
            delivered = rows[sid].status == "delivered"
            counted["lost"] += (delivered and arrived[body] == 0) or (not delivered and rows[sid].error_code != 30008)
            counted["doubled"] += arrived[body] > 1
            counted["uncertain"] += not delivered
        counted["unasked"] += sum(body not in self.out for body in arrived)
        counted["doubled"] += sum(number > 1 for number in self.told().values())
        counted["messages"] += len(self.out) + len(self.into)
        return counted


async def test_the_agents_disk(
    world: World, disk: Disk, chance: random.Random, report: Report, progress: Progress
) -> None:
    """Each fault begins at some write of the traffic, lasts a moment, and goes."""
    story, disk.target = Story(world, 0), b"/site-1/"
    faults = list(FAULTS) if LONG else ["full"]
    for done in range(ROUNDS):
        for name in faults:
            disk.spare = chance.randrange(0, 12) if LONG else 0
            for field, value in FAULTS[name].items():
                setattr(disk, field, value)
            if name == "nearly full":
                await asyncio.sleep(5.5)  # it is looked every five seconds
            before = set(story.told())
            await story.send(2)
            await story.receive(2)
            await asyncio.sleep(chance.uniform(0.7, 2.0))
            if not LONG:
                assert set(story.told()) == before
                assert await story.connected()
                assert len(await story.world.inbox(story.handset)) == len(story.out) - 2
            await _call_goes_through(world, story.handset)
            assert await story.connected()
            disk.heal()
            counted = await story.over()
            assert (counted["lost"], counted["doubled"], counted["unasked"]) == (0, 0, 0), name
        progress(done + 1, ROUNDS, "rounds")
    counted = await story.over()
    report("the agent's disk: " + ", ".join(faults), faults=ROUNDS * len(faults), calls=ROUNDS * len(faults), **counted)


async def _call_goes_through(world: World, handset: str) -> None:
    """Somebody calls: the live path does not wait for a disk."""
    before = len(world.app.seen("/voice"))
    call = await world.network("POST", f"/subscribers/{handset}/calls", {"to": world.numbers[0]})
    await world.until(lambda: len(world.app.seen("/voice")) > before, 20)
    await world.network("POST", f"/calls/{call['id']}/hangup", {})


async def test_the_clouds_disk(
    world: World, disk: Disk, chance: random.Random, report: Report, progress: Progress
) -> None:
    """503 with 20503 instead of 201; afterwards all that was promised is kept, and nothing of what was refused is."""
    story, disk.target = Story(world, 1), b"/cloud/"
    faults = [name for name in FAULTS if name != "nearly full"] if LONG else ["full"]
    for done in range(ROUNDS):
        for name in faults:
            disk.spare = chance.randrange(0, 12) if LONG else 0
            for field, value in FAULTS[name].items():
                setattr(disk, field, value)
            refused = story.refused
            await story.send(3)
            await story.receive(1)
            if not LONG:
                assert story.refused == refused + 3
            await asyncio.sleep(chance.uniform(0.3, 2.0))
            disk.heal()
            await world.until(story.connected, 90)
            await story.send(1)
            counted = await story.over()
            assert (counted["lost"], counted["doubled"], counted["unasked"]) == (0, 0, 0), name
        progress(done + 1, ROUNDS, "rounds")
    counted = await story.over()
    report("the cloud's disk: " + ", ".join(faults), faults=ROUNDS * len(faults), refused=story.refused, **counted)
