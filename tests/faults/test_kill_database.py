"""kill -9 of the server of the database, alone and with the cloud, under mixed traffic: the books balance.

The cloud's store is on a PostgreSQL of our own. While that is away the API refuses, edges keep what they have, and all
of it goes on when it is back.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import postgres
from tests.faults.books import Books
from tests.faults.conftest import LONG, Progress, Report, is_up, times
from tests.faults.test_kill import RESERVE_S, settled
from tests.faults.traffic import Rates, Site, Traffic
from tests.faults.victims import Victims
from tests.flows.conftest import LabProcess

KILLS = times(3, 50)

pytestmark = [
    pytest.mark.flow,
    pytest.mark.timeout(400 + KILLS * 20),
    pytest.mark.skipif(not postgres.installed(), reason="no PostgreSQL, or no psycopg"),
]


@pytest.fixture
def database() -> Iterator[postgres.Server]:
    with postgres.server(safe=True) as one:
        yield one


@pytest.fixture
def lab(tmp_path: Path, database: postgres.Server) -> Iterator[LabProcess]:
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"cloud": {"database": database.url}}))
    one = LabProcess(tmp_path, "--speed", "20", "--config", str(config))
    yield one
    assert one.stop()[0] == 0


async def test_the_books_balance_though_the_database_is_killed(
    lab: LabProcess, site: Site, database: postgres.Server, chance: random.Random, report: Report, progress: Progress
) -> None:
    books, victims = Books(), Victims(site)
    rates = Rates() if LONG else Rates(sms_out_s=0.1, sms_in_s=0.15, call_s=0.3, calls=1)
    traffic = Traffic(site, books, chance, rates)
    await traffic.prepare()
    running = asyncio.create_task(traffic.run())
    kills = Counter[str]()
    try:
        while kills.total() < KILLS and not is_up(RESERVE_S):
            await asyncio.sleep(chance.uniform(0.5, 2.0))
            assert not running.done() or running.exception() is None
            with_cloud = kills.total() % 3 == 2
            await _away(database, victims, chance.uniform(0.0, 5.0), with_cloud=with_cloud)
            kills["with the cloud" if with_cloud else "alone"] += 1
            progress(kills.total(), KILLS, "kills")
            await victims.serve_again(victims.cloud, victims.edge)
    finally:
        traffic.stop()
        await running
    balance = await settled(site, books)
    report(
        "kill -9 of the database's server",
        kills=kills.total(),
        **kills,
        cloud_back_s=victims.median_s("cloud"),
        cloud_back_slowest_s=victims.slowest_s("cloud"),
        **balance.figures(),
    )
    assert balance.faults == []
    said = await asyncio.to_thread((lab.logs / "cloud.log").read_text)
    assert "Traceback" not in said
    assert "is lost with its edge" not in said, "the edge lives, and has told how each call ended"
    assert balance.counts["sms_accepted"] > 0
    assert balance.counts["sms_in"] > 0


async def _away(database: postgres.Server, victims: Victims, seconds: float, *, with_cloud: bool) -> None:
    await asyncio.to_thread(database.kill)
    if with_cloud:
        await victims.kill(victims.cloud, down_s=seconds)
    else:
        await asyncio.sleep(seconds)
    await asyncio.to_thread(database.start)
    if with_cloud:  # it may have found no database, and ended
        await victims.replace(victims.cloud)
