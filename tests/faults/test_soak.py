"""A day of traffic and troubles in less than half an hour: what agent and cloud hold stays flat, and the books balance.

The network's delays are 20 times shorter and a day's traffic of a busy site comes without a pause; the processes' own
clocks are real, so what happens once a day happens never. SIMFERRY_SOAK_S: another length of the day, in seconds.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.books import Books
from tests.faults.conftest import LONG, Progress, Report, is_up, left_s
from tests.faults.gauges import Gauge, Sample, slope
from tests.faults.test_kill import RESERVE_S, settled
from tests.faults.traffic import Rates, Site, Traffic
from tests.flows.conftest import LabProcess

DAY_S = float(os.environ.get("SIMFERRY_SOAK_S", "1500"))
EVERY_S = 2.0
TROUBLES = (
    ("tunnel_cut", "site-1", 4.0), ("tunnel_cut", "site-1", 15.0), ("tunnel_blackhole", "site-1", 20.0),
    ("tunnel_slow", "site-1", 15.0), ("tunnel_delay", "site-1", 15.0), ("no_network", "modem", 10.0),
    ("modem_hang", "modem", 8.0), ("modem_unplugged", "modem", 8.0), ("weak_signal", "modem", 15.0),
    ("late_delivery_report", "modem", 10.0), ("split_writes", "modem", 10.0), ("sms_storage_full", "modem", 8.0),
)  # fmt: skip
OPTIONS = {"tunnel_slow": {"kbit_s": 64}, "tunnel_delay": {"ms": 300, "jitter_ms": 100}}

LEAKS = """
import os, time, threading
held, files = [], []
for n in range(400):
    held.append(bytearray(400_000)); files.append(open(os.devnull)); time.sleep(0.005)
"""
KEEPS = "import time\nheld = bytearray(8_000_000)\nfor n in range(400): x = bytearray(100_000); time.sleep(0.005)\n"


@pytest.mark.parametrize(("program", "faults"), [(LEAKS, 2), (KEEPS, 0)])
def test_a_leak_is_seen_and_nothing_else(program: str, faults: int) -> None:
    gauge = Gauge("child")
    with subprocess.Popen([sys.executable, "-c", program]) as child:
        while child.poll() is None:
            gauge.look(child.pid)
            time.sleep(0.03)
    gauge.samples = [sample for sample in gauge.samples if sample.fds > 0]
    gauge.samples.pop()
    assert len(gauge.samples) > 20
    assert len(gauge.faults(hour_s=60.0)) == faults, gauge.faults(hour_s=60.0)


def test_a_slope_is_that_of_the_line() -> None:
    assert slope([0, 1, 2], [5, 7, 9]) == 2
    flat = Gauge("flat", samples=[Sample(n, 1000 + n % 2, 10, 3) for n in range(100)])
    assert flat.faults(3600.0, most_percent=3) == []
    assert Gauge("fds", samples=[Sample(n, 1000, 10 + n, 3) for n in range(100)]).faults(60) == ["fds: 44 more fds"]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[LabProcess]:
    one = LabProcess(tmp_path, "--speed", "20", "--tunnel-proxy")
    yield one
    assert one.stop()[0] == 0


@pytest.mark.flow
@pytest.mark.timeout(0)
@pytest.mark.skipif(not LONG, reason="half an hour: scripts/soak")
async def test_a_day_leaves_nothing_behind(
    site: Site, chance: random.Random, report: Report, progress: Progress
) -> None:
    day_s = max(60.0, left_s(RESERVE_S)) if is_up(DAY_S + RESERVE_S) else DAY_S
    hour_s = day_s / 24
    data = Path(site.about["data_dir"])
    gauges = {"agent": Gauge("agent", data / "site-1"), "cloud": Gauge("cloud", data / "cloud")}
    pids = {"agent": site.about["edges"][0]["pid"], "cloud": site.about["cloud"][0]["pid"]}
    books = Books(reports_may_be_lost=True)
    traffic = Traffic(site, books, chance, Rates(sms_out_s=0.5, sms_in_s=0.5, call_s=1.0, calls=2))
    await traffic.prepare()
    began, troubles = time.monotonic(), Counter[str]()
    running = [asyncio.create_task(traffic.run()), asyncio.create_task(_trouble(site, chance, troubles))]
    try:
        while (so_far := time.monotonic() - began) < day_s:
            for name, gauge in gauges.items():
                gauge.look(pids[name])
            progress(so_far, DAY_S, "seconds")
            assert not any(task.done() for task in running), running
            await asyncio.sleep(EVERY_S)
    finally:
        running[1].cancel()
        traffic.stop()
        await asyncio.gather(*running, return_exceptions=True)
    balance = await settled(site, books)
    figures = gauges["agent"].figures(hour_s) | gauges["cloud"].figures(hour_s)
    report("a day in minutes", minutes=round(day_s / 60, 1), troubles=troubles.total(), **figures, **balance.figures())
    assert [fault for gauge in gauges.values() for fault in gauge.faults(hour_s)] == []
    assert balance.lost + balance.doubled == []


async def _trouble(site: Site, chance: random.Random, troubles: Counter[str]) -> None:
    """One after the other, with time between them in which all is well."""
    modems = [modem["name"] for modem in await site.network("GET", "/modems")]
    while True:
        await asyncio.sleep(chance.uniform(4, 12))
        kind, target, for_s = chance.choice(TROUBLES)
        where = chance.choice(modems) if target == "modem" else target
        body = {"kind": kind, "target": where, "for_s": for_s, **OPTIONS.get(kind, {})}
        if await site.network("POST", "/faults", body) is not None:
            troubles[kind] += 1
        await asyncio.sleep(for_s)
