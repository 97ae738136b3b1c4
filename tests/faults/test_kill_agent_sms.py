"""kill -9 of the agent while SMS go both ways: with copies in the modem everything is known, without them almost."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.fakes.tunnel import until
from tests.faults.conftest import LONG, Progress, Report, times
from tests.faults.edge_site import site
from tests.simulator.rig import Rig

KILLS = times(2, 200)
A_LIFE = 10
"""Messages that wait when the agent begins a life, so that it always dies in the middle of them."""

pytestmark = pytest.mark.timeout(120 + KILLS * 15)


# What went at once is in doubt for 20 s after each kill, which is too long for the suite.
@pytest.mark.parametrize("way", ["stored", "at once"] if LONG else ["stored"])
async def test_nothing_lost_nothing_doubled(
    tmp_path: Path, way: str, chance: random.Random, report: Report, progress: Progress
) -> None:
    lab = tmp_path / "lab"
    lab.mkdir()
    rig = Rig(lab, "--modems", "1")
    rig.registered()
    rig.api.put("/modems/modem1", {"sends_stored": way == "stored"})
    received = 0
    async with site(tmp_path, rig) as edge:
        for kill in range(KILLS):
            progress(kill, KILLS, "kills")
            await edge.start()
            for n in range(A_LIFE - (len(edge.bodies) - edge.settled())):
                edge.send(f"out {len(edge.bodies)}")
                if n % 2:
                    received += 1
                    await edge.receive(f"in {received}")
            before = edge.settled()
            await until(lambda before=before: edge.settled() > before + chance.randint(1, 5), 60)
            await asyncio.sleep(chance.uniform(0.0, 0.2))
            await edge.kill()
        await edge.start()
        await until(lambda: edge.settled() == len(edge.bodies), 120)
        await until(lambda: len(edge.cloud.told.of("message.received")) >= received, 60)
        await edge.at_rest()
        books = await edge.books()
        came = Counter(event["body"] for event in edge.cloud.told.of("message.received"))
        await edge.stop()
        left = await edge.left_in_modem()
    assert rig.stop() == 0
    lost_in = received - len(came)
    doubled_in = sum(many > 1 for many in came.values())
    report(f"kill -9 of the agent, SMS {way}", kills=KILLS, **books, received=received, left_in_modem=left)
    assert (books["lost"] + lost_in, books["doubled"] + doubled_in, left) == (0, 0, 0)
    assert books["failed"] == 0
    if way == "stored":
        assert books["unknown"] == 0
    else:
        assert books["unknown"] <= KILLS, "at most the one that was under way"
