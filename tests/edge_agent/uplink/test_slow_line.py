"""A line that carries half of a call: sound first, items all the same, bulk last, and the tunnel stays up."""

from __future__ import annotations

import asyncio
import random

from cloud.tunnel.hub import HubTimes
from edge_agent.uplink import UplinkTimes
from tests.fakes.tunnel import EDGE, Rig, running, until

KBIT_32 = 4000.0


async def test_32_kbit_with_a_call_a_recording_and_sms() -> None:
    """The proxy's own buffer is a second of this line; nothing of ours may come on top of it for long."""
    rig = Rig()
    rig.hub._times = HubTimes()
    loop = asyncio.get_running_loop()
    recording = rig.edge_blobs.add(random.Random(1).randbytes(100_000))
    late: list[float] = []
    sent: dict[int, float] = {}
    async with rig.cloud(bytes_per_s=KBIT_32):
        uplink = rig.uplink(times=UplinkTimes())
        async with running(uplink.run()):
            await until(lambda: uplink.connected and rig.hub.connected(EDGE))
            rig.hub.on_media(EDGE, 7, lambda seq, payload: late.append(loop.time() - sent[seq]))

            async def talk() -> None:
                number, due = 0, loop.time()
                while True:
                    sent[number % 256] = loop.time()
                    uplink.send_media(7, b"\xff" * 160)
                    number, due = number + 1, due + 0.02
                    await asyncio.sleep(max(0.0, due - loop.time()))

            fetch = asyncio.create_task(rig.hub.fetch(EDGE, recording, 100_000, 100))
            async with running(talk()):
                took: list[float] = []
                for n in range(6):
                    began = loop.time()
                    rig.up.add(f"SMS {n} " + "x" * 300)
                    uplink.wake()
                    await until(lambda n=n: len(rig.at_cloud.values) == n + 1, within_s=10)  # type: ignore[misc]
                    took.append(loop.time() - began)
            fetch.cancel()
            await asyncio.wait({fetch})
        assert rig.edge_links == [True, False]
    late.sort()
    print(
        f"items {[round(one, 2) for one in took]}, sound {len(late)} frames, median {late[len(late) // 2]:.2f} s late"
    )
    assert max(took) < 6
    assert len(late) > 30
    assert late[len(late) // 2] < 2.5
