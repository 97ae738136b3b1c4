"""An upgrade under traffic: an edge of the version before works with the new controller and the other way round.

The version before is this repository's, of a commit from its history; the controller has migrations to do.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.labkit.lab import basic_auth
from tests.faults.books import Books
from tests.faults.conftest import LONG, Report, times
from tests.faults.test_kill import settled
from tests.faults.traffic import AWAY, Rates, Site, Traffic
from tests.faults.victims import Victims
from tests.flows.conftest import ROOT, LabProcess

BEFORE = "431b670fd5003dddcc431f26adcae78b7a905b79"
"""The first whose edges and controllers prove themselves to each other: none before can speak with those since."""
GAP_S = 5.0
"""How long the API gives no answer, but for what the new process takes to load its program."""
STEADY_S = times(2, 60)

pytestmark = [pytest.mark.flow, pytest.mark.timeout(400 + 8 * STEADY_S)]


class Code:
    """Which checkout runs a part: a link, pointed elsewhere."""

    def __init__(self, link: Path, folder: Path) -> None:
        self.link = link
        link.symlink_to(folder)

    def becomes(self, folder: Path) -> None:
        fresh = self.link.with_suffix(".new")
        fresh.symlink_to(folder)
        fresh.replace(self.link)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the version before."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("there is no git to take the version before from")
    known = subprocess.run(
        [git, "-C", str(ROOT), "cat-file", "-e", f"{BEFORE}^{{commit}}"], check=False, capture_output=True
    )
    if known.returncode != 0:
        pytest.skip(f"{BEFORE[:12]} is not in the history that is here (a shallow copy, or none)")
    folder = tmp_path_factory.mktemp("before").resolve()
    packed = subprocess.run([git, "-C", str(ROOT), "archive", BEFORE], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)
    return folder


@pytest.fixture
def codes(tmp_path: Path, before: Path) -> dict[str, Code]:
    return {part: Code(tmp_path / part, before) for part in ("cloud", "edge")}


@pytest.fixture
def lab(tmp_path: Path, codes: dict[str, Code]) -> Iterator[LabProcess]:
    given = [word for part, code in codes.items() for word in ("--code", f"{part}={code.link}")]
    one = LabProcess(tmp_path / "lab", "--speed", "20", *given)
    yield one
    assert one.stop()[0] == 0


class Gap:
    """The longest time for which the API gave no answer, and how long the controller that ended it had loaded."""

    def __init__(self, site: Site, pid: int) -> None:
        self._site = site
        self._lock = Path(site.about["data_dir"]) / "cloud" / "data" / "lock"
        self._before = pid
        self.longest_s = 0.0
        self.loads_s = 0.0

    async def watch(self) -> None:
        headers = basic_auth(self._site.about["account_sid"], self._site.about["auth_token"])
        answered = time.monotonic()
        while True:
            self._look()
            try:
                async with (
                    asyncio.timeout(2),
                    self._site.http.get(self._site.base + ".json", headers=headers) as answer,
                ):
                    if answer.status == 200:
                        self.longest_s = max(self.longest_s, time.monotonic() - answered)
                        answered = time.monotonic()
            except AWAY:
                pass
            await asyncio.sleep(0.02)

    def _look(self) -> None:
        """A controller that has loaded takes its data folder first, and migrates and serves then."""
        holder = int(self._lock.read_text() or self._before)
        if not self.loads_s and holder != self._before:
            self.loads_s = time.clock_gettime(time.CLOCK_BOOTTIME) - began_at(holder)


async def test_one_end_after_the_other_under_traffic(
    site: Site, codes: dict[str, Code], before: Path, chance: random.Random, report: Report
) -> None:
    """Old both; the edge new; both new, with the controller's migrations; and the edge gone back."""
    books, victims = Books(), Victims(site)
    gap = Gap(site, victims.cloud["pid"])
    traffic = Traffic(site, books, chance, Rates() if LONG else Rates(0.1, 0.15, 0.3, calls=1))
    await traffic.prepare()
    running = asyncio.create_task(traffic.run())
    try:
        schema = schema_of(site)
        await asyncio.sleep(STEADY_S)
        await becomes(codes["edge"], ROOT, site, victims)
        assert schema_of(site) == schema
        watching = asyncio.create_task(gap.watch())
        await becomes(codes["cloud"], ROOT, site, victims)
        watching.cancel()
        assert schema_of(site) > schema
        await becomes(codes["edge"], before, site, victims)
    finally:
        traffic.stop()
        await running
    balance = await settled(site, books)
    beyond_s = gap.longest_s - gap.loads_s
    figures = {"gap_s": round(gap.longest_s, 2), "of_it_loading_s": round(gap.loads_s, 2)}
    report("an upgrade, one end after the other", **figures, **balance.figures())
    assert balance.faults == []
    assert balance.counts["sms_accepted"] > 0
    assert balance.counts["sms_in"] > 0
    assert gap.loads_s > 0
    assert beyond_s < GAP_S


async def becomes(code: Code, folder: Path, site: Site, victims: Victims) -> None:
    """SIGTERM, and start again from there; then what it is to do a while."""
    code.becomes(folder)
    entry = victims.edge if code.link.name == "edge" else victims.cloud
    entry["pid"] = (await site.network("POST", f"/processes/{entry['name']}/restart"))["pid"]
    assert runs_in(entry["pid"]) == folder
    await victims.serve_again(victims.cloud, victims.edge)
    await asyncio.sleep(STEADY_S)


def runs_in(pid: int) -> Path:
    return Path(f"/proc/{pid}/cwd").resolve()


def schema_of(site: Site) -> str:
    database = Path(site.about["data_dir"]) / "cloud" / "data" / "cloud.db"
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as conn:
        return str(conn.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def began_at(pid: int) -> float:
    """Seconds since the machine was started (man 5 proc: the 22nd of its fields)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")
