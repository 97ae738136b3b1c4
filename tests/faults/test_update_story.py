"""A release goes from the operator to an edge that sends SMS, over a tunnel that is cut: the whole of it, and back.

Real cloud, agent, launcher, updater and modems of the simulator. Only systemd is played: whatever ends is started
again, and the updater is woken when a release is wanted.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from edge_agent.updates import signing
from scripts.releasekit.bundle import make_release
from scripts.releasekit.distributions import ROOT
from telecore.releases import PROGRAM
from tests.fakes.customer_app import CustomerApp
from tests.fakes.update_site import UpdateSite, install_base, outcomes
from tests.faults.conftest import LONG, Report
from tests.flows.conftest import LabProcess, World

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(not LONG, reason="two minutes: scripts/soak tests/faults/test_update_story.py"),
]
LINE = "edge_agent/uplink/line.py"
NO_CLOUD = b"""

async def open_line(*given: object, **named: object) -> Line:
    raise TunnelDown("this version cannot reach the cloud")
"""


class Waker(threading.Thread):
    """simferry-update.path."""

    def __init__(self, site: UpdateSite, trial: float) -> None:
        super().__init__(daemon=True)
        self.site, self.trial = site, trial
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.05):
            if self.site.layout.wanted.exists():
                self.site.update(self.trial)


async def test_a_good_release_stays_and_one_without_the_cloud_goes_back(tmp_path: Path, report: Report) -> None:
    lab = LabProcess(tmp_path / "lab", "--speed", "20", "--tunnel-proxy")
    try:
        async with aiohttp.ClientSession() as http, CustomerApp() as app:
            await asyncio.to_thread(os.kill, lab.about["edges"][0]["pid"], signal.SIGTERM)
            await story(World(lab, http, app), tmp_path, report)
    finally:
        lab.kill()


async def story(world: World, folder: Path, report: Report) -> None:
    secret, keys = signing.new_secret(), folder / "keys"
    keys.mkdir()
    (keys / "ours.pub").write_text(signing.public_of(secret).hex())
    good = make_release(PROGRAM, folder, secret, version="0.2.0")
    broken = {LINE: (ROOT / LINE).read_bytes() + NO_CLOUD}
    bad = make_release(PROGRAM, folder, secret, version="0.3.0", instead=broken)
    base = await asyncio.to_thread(install_base, folder / "base")
    config = folder / "lab" / "site-1" / "agent.yaml"
    site = UpdateSite(folder / "site", base, keys, ["run", "--config", str(config)])
    waker = Waker(site, trial=25.0)
    waker.start()
    try:
        with site.supervised():
            sent = asyncio.create_task(send(world, 240))
            took_good = await updated(world, folder, good, site, "done")
            took_bad = await updated(world, folder, bad, site, "reverted")
            accepted = await sent
            await all_final(world, accepted)
    finally:
        waker.over.set()
        waker.join(60)
    status = await asyncio.to_thread(lambda: site.status)
    assert outcomes(status) == [("0.2.0", "done"), ("0.3.0", "reverted")]
    assert "cannot reach the cloud" in status.results[1].reason
    assert await asyncio.to_thread(site.linked) == "0.2.0"
    halted = await cloud(folder, "status", "0.3.0")
    assert halted["state"] == "halted"
    assert halted["edges"][0]["outcome"] == "reverted"
    arrived = Counter(m["body"] for m in await world.inbox(world.about["handsets"]["free"][0]))
    assert set(arrived) == set(accepted)
    doubled = sum(count > 1 for count in arrived.values())
    report("updates while SMS are sent: one good, one that cannot reach the cloud", sms=len(accepted), lost=0,
           doubled=doubled, good_s=round(took_good, 1), back_s=round(took_bad, 1), trial_s=25)  # fmt: skip
    assert doubled == 0


async def updated(world: World, folder: Path, file: Path, site: UpdateSite, outcome: str) -> float:
    """Add, stage for all, and wait until the cloud knows how it went; the seconds it took."""
    version = file.stem.rpartition("-")[2]
    await cloud(folder, "add", str(file))
    began = time.monotonic()
    await cloud(folder, "stage", version, "--percent", "100")

    async def told() -> bool:
        edges = (await cloud(folder, "status", version))["edges"]
        return bool(edges) and edges[0]["outcome"] == outcome

    await world.until(told, 150)
    return time.monotonic() - began


async def cloud(folder: Path, *command: str) -> dict[str, Any]:
    config = str(folder / "lab" / "cloud" / "cloud.yaml")
    words = [sys.executable, "-m", "cloud", "release", *command, "--config", config, "--json"]
    done = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


async def send(world: World, count: int) -> dict[str, str]:
    """Body → SID, spread over both updates."""
    accepted: dict[str, str] = {}
    handset, create = world.about["handsets"]["free"][0], world.client.messages.create
    for number in range(count):
        sender = world.numbers[number % len(world.numbers)]
        made = await asyncio.to_thread(create, to=handset, from_=sender, body=f"out {number}")
        accepted[f"out {number}"] = str(made.sid)
        await asyncio.sleep(30 / count)
    return accepted


async def all_final(world: World, accepted: dict[str, str]) -> None:
    async def final() -> bool:
        rows = await asyncio.to_thread(lambda: world.client.messages.list(page_size=1000))
        states = {row.sid: row.status for row in rows}
        assert not {sid for sid in accepted.values() if states[sid] in ("failed", "undelivered")}
        return all(states[sid] == "delivered" for sid in accepted.values())

    await world.until(final, 120)
