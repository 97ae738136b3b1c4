"""kill -9 of the agent, then of the cloud, while messages go both ways: each arrives once or is reported failed.

SIMFERRY_KILLS and SIMFERRY_MESSAGES make it longer: the issue's own figures are 10 kills of each and 200 messages.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from twilio.base.exceptions import TwilioException

from tests.fakes.customer_app import CustomerApp, twiml
from tests.flows.conftest import LabProcess, World

KILLS = int(os.environ.get("SIMFERRY_KILLS", "2"))
MESSAGES = int(os.environ.get("SIMFERRY_MESSAGES", "40"))

pytestmark = pytest.mark.timeout(120 + KILLS * 60 + MESSAGES * 2)


@pytest.fixture
def own_lab(tmp_path: Path) -> Iterator[LabProcess]:
    lab = LabProcess(tmp_path, "--speed", "20")
    yield lab
    assert lab.stop()[0] == 0


@pytest.fixture
async def doomed(own_lab: LabProcess) -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as http, CustomerApp() as app:
        yield World(own_lab, http, app)


async def test_nothing_is_lost_and_nothing_is_doubled(doomed: World) -> None:
    chance = random.Random(7)
    sms = doomed.app.answer("/sms", twiml(""))
    for number in doomed.numbers:
        await doomed.hook(number, sms_url=sms)
    handset = doomed.free_handset()
    out = asyncio.create_task(_send_out(doomed, handset))
    into = asyncio.create_task(_send_in(doomed, handset))
    for name in [doomed.about["edges"][0]["name"]] * KILLS + ["cloud"] * KILLS:
        await asyncio.sleep(chance.uniform(0.5, 3.0))
        await _kill(doomed, name)
    accepted = await out
    await into

    async def settled() -> bool:
        rows = await _rows(doomed)
        return all(rows[sid][0] in ("delivered", "undelivered", "failed") for sid in accepted.values())

    await doomed.until(settled, 180)
    await doomed.until(lambda: len({r.params["Body"] for r in doomed.app.seen("/sms")}) == MESSAGES, 120)

    rows = await _rows(doomed)
    arrived = Counter(m["body"] for m in await doomed.inbox(handset))
    doubled = [body for body, times in arrived.items() if times > 1]
    assert doubled == []
    for body, sid in accepted.items():
        status, code = rows[sid]
        if status == "delivered":
            assert arrived[body] == 1, (body, rows[sid])
        else:
            assert code is not None, (body, rows[sid])
    delivered = sum(rows[sid][0] == "delivered" for sid in accepted.values())
    print(f"out: {len(accepted)} accepted, {delivered} delivered, {len(accepted) - delivered} reported failed")

    inbound = Counter(
        row.body
        for row in await _list(doomed)
        if row.direction == "inbound" and row.to in doomed.numbers and row.body.startswith("in ")
    )
    assert inbound == Counter({f"in {n}": 1 for n in range(MESSAGES)})
    hooks = Counter(r.headers["I-Twilio-Idempotency-Token"] for r in doomed.app.seen("/sms"))
    assert len(hooks) == MESSAGES


async def _send_out(world: World, handset: str) -> dict[str, str]:
    """Create messages through the API; body → SID of those that were accepted with 201."""
    accepted: dict[str, str] = {}
    for n in range(MESSAGES):
        body = f"out {n}"
        while body not in accepted:
            try:
                made = await asyncio.to_thread(
                    world.client.messages.create, to=handset, from_=world.numbers[n % 4], body=body
                )
                accepted[body] = made.sid
            except (TwilioException, OSError):
                found = await _find(world, body)
                if found:
                    accepted[body] = found
        await asyncio.sleep(0.05)
    return accepted


async def _find(world: World, body: str) -> str | None:
    """A request whose answer was lost may have been accepted: look before asking again."""
    return next((row.sid for row in await _list(world) if row.body == body), None)


async def _list(world: World) -> list[Any]:
    """All messages; asked again while the cloud is away."""
    for _ in range(300):
        try:
            return await asyncio.to_thread(lambda: world.client.messages.list(page_size=1000))
        except (TwilioException, OSError):
            await asyncio.sleep(0.2)
    raise TimeoutError("the cloud did not come back")


async def _send_in(world: World, handset: str) -> None:
    for n in range(MESSAGES):
        await world.network("POST", f"/subscribers/{handset}/messages", {"to": world.numbers[n % 4], "body": f"in {n}"})
        await asyncio.sleep(0.05)


async def _kill(world: World, name: str) -> None:
    entry = world.about["cloud"][0] if name == "cloud" else world.about["edges"][0]
    os.kill(entry["pid"], signal.SIGKILL)
    await asyncio.sleep(0.3)
    entry["pid"] = (await world.network("POST", f"/processes/{name}/restart"))["pid"]


async def _rows(world: World) -> dict[str, tuple[str, int | None]]:
    return {row.sid: (row.status, row.error_code) for row in await _list(world)}
