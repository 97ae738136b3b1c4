"""The whole agent on an SMPP link, killed in mid-traffic: told of everything once, and nothing sent twice."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.spool import Spool
from telecore.commands import SendMessage
from telecore.ids import ChannelId, MessageSid
from tests.fakes.hub_cloud import cloud, write_site
from tests.fakes.tunnel import until
from tests.simulator.rig import Rig

ROOT = Path(__file__).parents[2]
CHANNEL = ChannelId("site-1/smsc")
OUTBOUND, INBOUND, KILLS = 60, 20, 2


@pytest.fixture
def rig(tmp_path_factory):
    rig = Rig(tmp_path_factory.mktemp("lab"), "--modems", "0", "--smsc", "--speed", "200")
    yield rig
    assert rig.stop() == 0


async def start(config):
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge_agent", "run", "--config", str(config), cwd=ROOT, stderr=asyncio.subprocess.DEVNULL
    )


async def quiet(c):
    """Until nothing is told for a while; what is in doubt is told only after twenty seconds."""
    seen = -1
    while seen != len(c.told.values):
        seen = len(c.told.values)
        await asyncio.sleep(1.5)


async def test_killed_in_mid_traffic(tmp_path, rig):
    link, free = rig.line["smsc"], rig.line["handsets"]["free"]
    secret = tmp_path / "smsc.password"
    secret.write_text(link["password"])
    secret.chmod(0o600)
    device = (
        f"[{{driver: smpp, id: smsc, host: 127.0.0.1, port: {link['port']}, user: {link['system_id']},"
        f" password_file: smsc.password, numbers: ['{link['numbers'][0]}', '{link['numbers'][1]}']}}]"
    )
    chance, own = random.Random(3), link["numbers"][1]
    async with cloud() as c:
        config = await asyncio.to_thread(write_site, tmp_path, c.hub.port, device)
        not_after = datetime.now(UTC) + timedelta(hours=1)
        for n in range(OUTBOUND):
            to, sid = free[n % len(free)], MessageSid(f"SM{n:032x}")
            c.wish(SendMessage(message=sid, channel=CHANNEL, to=to, body=f"out {n}", not_after=not_after, sender=own))
        for n in range(INBOUND):
            await asyncio.to_thread(rig.api.post, f"/subscribers/{free[0]}/messages", {"to": own, "body": f"in {n}"})
        for _ in range(KILLS):
            process, before = await start(config), len(c.told.values)
            await until(
                lambda before=before: (
                    len(c.told.values) > before + 5 or len(c.told.of("message.submitted")) == OUTBOUND
                ),
                30,
            )
            await asyncio.sleep(chance.uniform(0.0, 0.05))
            process.kill()
            await process.wait()
        process = await start(config)
        await until(lambda: len(c.told.of("message.received")) >= INBOUND, 30)
        await quiet(c)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0
        texts = [await asyncio.to_thread(rig.api.messages, to) for to in free]
        heard = Counter(message["body"] for messages in texts for message in messages)
        submitted = Counter(event["message"] for event in c.told.of("message.submitted"))
        delivered = {event["message"] for event in c.told.of("message.delivered")}
        received = c.told.of("message.received")
    spool = await Spool.open(tmp_path / "data" / "spool.db")
    doubtful = {command.message for command in await spool.interrupted_sms(None)}
    await spool.close()
    assert max(heard.values()) == 1, "sent twice"
    assert max(submitted.values()) == 1
    assert set(submitted) == delivered
    assert not doubtful & set(submitted)
    assert set(submitted) | doubtful == {f"SM{n:032x}" for n in range(OUTBOUND)}
    assert all(f"out {int(sid[2:], 16)}" in heard for sid in submitted)
    assert Counter(event["body"] for event in received) == Counter({f"in {n}": 1 for n in range(INBOUND)})
    assert {event["recipient"] for event in received} == {own}
