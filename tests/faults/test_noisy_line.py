"""A line that spoils bits, under TLS: every row arrives once, as it was sent, over as many connections as it takes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from simulator.faults import Faults
from simulator.options import Tunnel
from simulator.timing import LoopTimers
from simulator.tunnel_proxy import TunnelProxy
from tests.fakes.certificate import certificate
from tests.fakes.tunnel import EDGE, QUICK, Rig, running, until
from tests.faults.conftest import LONG, Progress, Report, times

pytestmark = pytest.mark.timeout(3600 if LONG else 60)


async def test_spoilt_bits_never_become_wrong_rows(
    tmp_path: Path, chance: Random, report: Report, progress: Progress
) -> None:
    rows = times(300, 20_000)
    rig = Rig()
    rig.hub._tls, trust = await certificate(tmp_path)
    loop = asyncio.get_running_loop()
    faults = Faults(LoopTimers(loop, speed=1, random=chance))
    faults.edges.add(EDGE)
    async with rig.cloud(), TunnelProxy(Tunnel(EDGE, 0, rig.hub.port), faults, chance) as proxy:
        uplink = rig.uplink(times=replace(QUICK, steady=60.0))
        uplink._url, uplink._tls = f"wss://127.0.0.1:{proxy.port}/tunnel", trust
        async with running(uplink.run()):
            await until(lambda: uplink.connected)
            faults.begin("tunnel_corrupt", EDGE, {"every_bytes": 20_000}, None)
            up, down = [f"up {n} " + "x" * 200 for n in range(rows)], [f"down {n} " + "y" * 200 for n in range(rows)]
            for one, other in zip(up, down, strict=True):
                progress(len(rig.at_cloud.values), rows, "rows")
                rig.up.add(one)
                rig.down.add(other)
                uplink.wake()
                rig.hub.wake(EDGE)
                await asyncio.sleep(0.002)
            await until(lambda: len(rig.at_cloud.values) >= rows and len(rig.at_edge.values) >= rows, 600)
    connections = rig.edge_links.count(True)
    report(
        "bits spoilt under TLS, one in 20 kB", rows=2 * rows, connections=connections,
        wrong=int(rig.at_cloud.values != up) + int(rig.at_edge.values != down),
    )  # fmt: skip
    assert rig.at_cloud.values == up
    assert rig.at_edge.values == down
    assert connections > 2
