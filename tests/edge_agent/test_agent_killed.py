"""kill -9 in the middle of traffic: nothing lost, nothing sent twice, everything told."""

import asyncio
import random
import signal
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telecore.commands import SendMessage
from telecore.ids import ChannelId, MessageSid
from tests.fakes.hub_cloud import cloud, write_site
from tests.fakes.tunnel import until
from tests.simulator.rig import Rig

ROOT = Path(__file__).parents[2]
CHANNEL = ChannelId("site-1/modem1")
OUTBOUND, INBOUND, KILLS = 40, 20, 5


@pytest.fixture
def rig(tmp_path_factory):
    rig = Rig(tmp_path_factory.mktemp("lab"))
    rig.registered()
    yield rig
    assert rig.stop() == 0


async def start(config):
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge_agent", "run", "--config", str(config), cwd=ROOT, stderr=asyncio.subprocess.DEVNULL
    )


async def test_every_message_is_sent_once_or_reported_failed_and_every_received_one_told_once(tmp_path, rig):
    own, free = rig.line["numbers"][0], rig.line["handsets"]["free"][0]
    line = rig.line["modems"][0]
    device = f"[{{id: modem1, port: {line['at']}, number: {own}}}]"
    chance = random.Random(7)
    async with cloud() as c:
        config = await asyncio.to_thread(write_site, tmp_path, c.hub.port, device)
        not_after = datetime.now(UTC) + timedelta(hours=1)
        for n in range(OUTBOUND):
            sid = MessageSid(f"SM{n:032x}")
            c.wish(SendMessage(message=sid, channel=CHANNEL, to=free, body=f"out {n}", not_after=not_after))
        for n in range(INBOUND):
            await asyncio.to_thread(rig.api.post, f"/subscribers/{free}/messages", {"to": own, "body": f"in {n}"})
        for _ in range(KILLS):
            done = len(c.told.values)
            process = await start(config)
            await until(lambda before=done: len(c.told.values) > before + 3 or settled(c) == OUTBOUND, 20)
            await asyncio.sleep(chance.uniform(0.0, 0.4))
            process.send_signal(signal.SIGKILL)
            await process.wait()
        process = await start(config)
        await until(lambda: settled(c) == OUTBOUND and len(c.told.of("message.received")) >= INBOUND, 60)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0
        heard = Counter(message["body"] for message in await asyncio.to_thread(rig.api.messages, free))
        failed = {event["message"] for event in c.told.of("message.failed")}
        received = Counter(event["body"] for event in c.told.of("message.received"))
        submitted = Counter(event["message"] for event in c.told.of("message.submitted"))
    assert max(heard.values()) == 1, "sent twice"
    assert max(submitted.values()) == 1
    assert not failed & set(submitted)
    assert set(submitted) | failed == {f"SM{n:032x}" for n in range(OUTBOUND)}
    assert {f"out {int(sid[2:], 16)}" for sid in submitted} <= set(heard)
    assert all(event["uncertain"] for event in c.told.of("message.failed"))
    assert received == Counter({f"in {n}": 1 for n in range(INBOUND)})


def settled(c) -> int:
    return len({event["message"] for kind in ("message.submitted", "message.failed") for event in c.told.of(kind)})
