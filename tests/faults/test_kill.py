"""kill -9 of the agent, of the cloud, and of both at once, at random moments under mixed traffic: the books balance.

Some die again while they are still starting. SIMFERRY_KILLS: another number of kills than 1,000 in the long form.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter

import pytest

from tests.faults.books import CALL_FINAL, MESSAGE_FINAL, Balance, Books
from tests.faults.conftest import LONG, Progress, Report, is_up, times
from tests.faults.traffic import Rates, Site, Traffic
from tests.faults.victims import Victims

KILLS = int(os.environ.get("SIMFERRY_KILLS", times(3, 1000)))
SETTLE_S = 240.0
RESERVE_S = 300.0
"""What settling and stopping may take, where a run has an end."""
AGAIN_S = 3.0
"""The books are looked at again until they balance: a callback may be on its way."""

pytestmark = [pytest.mark.flow, pytest.mark.timeout(400 + KILLS * 20)]


async def test_the_books_balance(site: Site, chance: random.Random, report: Report, progress: Progress) -> None:
    books, victims, began = Books(), Victims(site), time.monotonic()
    rates = Rates() if LONG else Rates(sms_out_s=0.1, sms_in_s=0.15, call_s=0.3, calls=1)
    traffic = Traffic(site, books, chance, rates)
    await traffic.prepare()
    running = asyncio.create_task(traffic.run())
    kills = Counter[str]()
    try:
        await _kill(victims, chance, kills, progress, running)
    finally:
        traffic.stop()
        await running
    killed_s = time.monotonic() - began
    balance = await settled(site, books)
    report(
        "kill -9 of the agent and of the cloud at random moments",
        kills=sum(kills.values()),
        **kills,
        minutes=round(killed_s / 60, 1),
        **balance.figures(),
        agent_back_s=victims.median_s(victims.edge["name"]),
        agent_back_slowest_s=victims.slowest_s(victims.edge["name"]),
        cloud_back_s=victims.median_s("cloud"),
    )
    assert balance.faults == []
    assert balance.counts["sms_accepted"] > 0
    assert balance.counts["sms_in"] > 0


async def _kill(
    victims: Victims, chance: random.Random, kills: Counter[str], progress: Progress, running: asyncio.Task[None]
) -> None:
    """Who dies, and when, is left to chance; four of ten die again before they are back."""
    choices = {"agent": (victims.edge,), "cloud": (victims.cloud,), "both": (victims.edge, victims.cloud)}
    plan = ["agent", "cloud", "both"][:KILLS] + chance.choices(list(choices), (9, 9, 2), k=max(0, KILLS - 3))
    for n, who in enumerate(plan):
        if is_up(RESERVE_S):
            break
        await asyncio.sleep(chance.uniform(0, 1.2))
        assert not running.done() or running.exception() is None
        await victims.kill(*choices[who], down_s=chance.uniform(0, 0.3))
        kills[who] += 1
        progress(n + 1, KILLS, "kills")
        if chance.random() < 0.6:
            await victims.serve_again(victims.cloud, victims.edge)
    await victims.serve_again(victims.cloud, victims.edge)


async def settled(site: Site, books: Books) -> Balance:
    """Wait until nothing is under way any more; then the balance, once it holds or does not change any more."""
    deadline = time.monotonic() + SETTLE_S
    while not await _at_rest(site, books) and time.monotonic() < deadline:  # noqa: ASYNC110  (it is asked of processes)
        await asyncio.sleep(0.5)
    before: list[str] | None = None
    while True:
        balance = books.balance(await site.facts())
        if not balance.faults or (balance.faults == before and time.monotonic() > deadline):
            return balance
        before = balance.faults
        await asyncio.sleep(AGAIN_S)


async def _at_rest(site: Site, books: Books) -> bool:
    done = (*MESSAGE_FINAL, *CALL_FINAL, "received", *(["sent"] if books.reports_may_be_lost else []))
    rows = [*await site.everything("Messages"), *await site.everything("Calls")]
    open_rows = [row for row in rows if row["status"] not in done]
    status = await site.status()
    return not open_rows and status is not None and not status["calls"] and not status["spooled"]
