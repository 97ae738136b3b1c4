"""Whoever has stolen a token pumps messages abroad: stopped within a minute, told, and nobody else's loss."""

from __future__ import annotations

import asyncio
import base64
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from cloud.store import numbers, warnings
from cloud.store.database import Database
from telecore.bursts import ENOUGH, MESSAGES
from telecore.ids import E164, AccountSid
from tests.fakes.cloud_process import API, CloudProcess
from tests.faults.conftest import Report, times

STOLEN, OTHERS = "+85510987654", "+85510987655"
THIEVES = 8
BLOCKS = times(2, 40)
STOPPED_WITHIN_S = 60.0
CAP = 50

pytestmark = pytest.mark.timeout(240)


class Asking:
    """Requests of one account; what was answered is counted by status and code."""

    def __init__(self, cloud: CloudProcess, http: aiohttp.ClientSession, account: dict[str, str], sender: str) -> None:
        self._http, self._base, self._sender = http, f"http://127.0.0.1:{cloud.web}", sender
        self.sid = account["sid"]
        given = base64.b64encode(f"{self.sid}:{account['auth_token']}".encode()).decode()
        self._headers = {"Authorization": f"Basic {given}"}
        self.seen: Counter[tuple[int, int]] = Counter()
        self.worst_s = 0.0

    async def post(self, what: str, **fields: str) -> int:
        began = time.monotonic()
        url, form = f"{self._base}{API}/{self.sid}/{what}.json", {"From": self._sender, **fields}
        async with self._http.post(url, data=form, headers=self._headers) as answer:
            body = await answer.json()
        self.worst_s = max(self.worst_s, time.monotonic() - began)
        self.seen[answer.status, body.get("code") or 0] += 1
        return answer.status

    async def alerts(self) -> list[str]:
        async with self._http.get(f"{self._base}/v1/Alerts", headers=self._headers) as answer:
            return [str(alert["error_code"]) for alert in (await answer.json())["alerts"]]

    async def pump(self, recipients: Iterator[str], until_refused: int) -> int:
        """As fast as it goes, until so many in a row are refused; how many were taken."""
        taken = refused = 0

        async def thief() -> None:
            nonlocal taken, refused
            for to in recipients:
                if refused >= until_refused:
                    return
                done = await self.post("Messages", To=to, Body="win") == 201
                taken, refused = taken + done, 0 if done else refused + 1

        async with asyncio.TaskGroup() as group:
            for _ in range(THIEVES):
                group.create_task(thief())
        return taken


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[CloudProcess]:
    cloud = CloudProcess(tmp_path)
    yield cloud
    cloud.kill()


async def told(cloud: CloudProcess) -> set[tuple[str, str]]:
    async with Database(f"sqlite:///{cloud.data / 'cloud.db'}") as db:
        return {(found.code, found.subject) for found in await db.read(warnings.list_)}


@asynccontextmanager
async def at_work(other: Asking) -> AsyncIterator[None]:
    """Another account's messages, meanwhile."""

    async def work() -> None:
        for n in itertools.count():
            await other.post("Messages", To=f"+8551234{n % 10000:04}", Body="Your appointment is at nine")
            await asyncio.sleep(0.05)

    task = asyncio.create_task(work())
    yield
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled(), task.exception()


async def test_a_stolen_token(cloud: CloudProcess, chance: random.Random, report: Report) -> None:
    """Runs abroad are blocked by themselves; what is strewn, by the cap that the operator sets meanwhile."""
    accounts = [cloud.result("create-account", name) for name in ("Robbed", "Clinic")]
    async with Database(f"sqlite:///{cloud.data / 'cloud.db'}") as db:
        for account, number in zip(accounts, (STOLEN, OTHERS), strict=True):
            sid, e164 = AccountSid(account["sid"]), E164(number)
            await db.write(lambda conn, sid=sid, e164=e164: numbers.create(conn, sid, e164))
    await asyncio.to_thread(cloud.start)
    async with aiohttp.ClientSession() as http:
        thief, other = (
            Asking(cloud, http, account, number) for account, number in zip(accounts, (STOLEN, OTHERS), strict=True)
        )
        async with at_work(other):
            blocks = [f"+25261{number}" for number in chance.sample(range(100, 1000), BLOCKS)]
            slowest, most = 0.0, 0
            for block in blocks:
                began, first = time.monotonic(), chance.randrange(9000)
                taken = await thief.pump((f"{block}{first + n:04}" for n in range(1000)), until_refused=3 * THIEVES)
                slowest, most = max(slowest, time.monotonic() - began), max(most, taken)
            assert most <= ENOUGH[MESSAGES] + 2 * THIEVES
            assert slowest < STOPPED_WITHIN_S
            assert {("burst", f"{thief.sid} {block}") for block in blocks} <= await told(cloud)
            for what, to in (("Messages", "+8816123456789"), ("Calls", "+33899123456"), ("Calls", "+19005551234")):
                assert await thief.post(what, To=to, Body="x", Url="http://10.1.2.3/") == 400
            began = time.monotonic()
            setting = asyncio.create_task(
                asyncio.to_thread(cloud.result, "caps", "--account", thief.sid, "--messages-per-day", str(CAP))
            )
            strewn = (f"+2526{chance.randrange(10**7):07}" for _ in itertools.count())
            taken = await thief.pump(strewn, until_refused=3 * THIEVES)
            stopped_s = time.monotonic() - began
            await setting
            assert stopped_s < STOPPED_WITHIN_S
        await asyncio.to_thread(cloud.kill)
        await asyncio.to_thread(cloud.start)
        for urgent in ("normal", "warning"):
            fields = {"To": "+252612345678", "Body": "x", "Priority": urgent}
            assert await thief.post("Messages", **fields) == 429
        assert await thief.post("Messages", To="+85512000001", Body="The river rises", Priority="warning") == 201
        codes: list[str] = []
        async with asyncio.timeout(STOPPED_WITHIN_S):
            while "63038" not in codes:
                codes = await thief.alerts()
                await asyncio.sleep(0.2)
    assert thief.seen[400, 30450] > 0
    assert "30450" in codes
    refused = sum(count for (status, _), count in other.seen.items() if status != 201)
    report(
        "a stolen token", blocks=BLOCKS, most_of_a_block=most, block_stopped_s=round(slowest, 2),
        cap_stopped_s=round(stopped_s, 2), others=other.seen.total(), others_refused=refused,
        others_worst_ms=round(other.worst_s * 1000),
    )  # fmt: skip
    assert (refused, other.seen.total() > 0) == (0, True)
