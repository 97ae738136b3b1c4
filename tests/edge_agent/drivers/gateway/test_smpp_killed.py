"""kill -9 at random points of traffic both ways: nothing is lost, nothing doubled, and what is in doubt is said."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from edge_agent.spool import Spool, Taken
from telecore.commands import SendMessage
from telecore.ids import MessageSid
from tests.fakes.smpp_agent import DOUBT_S
from tests.fakes.smpp_site import CHANNEL, NUMBERS, smsc

ROOT = Path(__file__).parents[4]
HANDSETS = [f"+855120000{n}" for n in range(10, 30)]
MESSAGES, KILLS, INBOUND = 200, 4, 40


def recipient_of(sid):
    return HANDSETS[int(sid[2:], 16) % 20]


async def start(path, port):
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.smpp_agent", str(path), str(port), cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


async def queue(path):
    """Messages that the cloud has handed over before; the long ones in several segments."""
    spool = await Spool.open(path)
    bodies = {f"SM{n:032x}": f"{n} {'long ' * 70 if n % 12 == 0 else 'short'}" for n in range(1, MESSAGES + 1)}
    taken = [
        Taken("cloud", n, SendMessage(message=MessageSid(sid), channel=CHANNEL, to=recipient_of(sid), body=body))
        for n, (sid, body) in enumerate(bodies.items(), 1)
    ]
    await spool.journal(taken)
    await spool.close()
    return bodies


async def told(path):
    spool = await Spool.open(path)
    rows = [row for _, row in await spool.read(0, 100_000)]
    await spool.close()
    return rows


@pytest.mark.parametrize("seed", [1])
async def test_kill_9_in_mid_traffic(tmp_path, seed):
    chance, path = random.Random(seed), tmp_path / "spool.db"
    bodies = await queue(path)
    async with smsc(speed=300.0) as s:
        s.fault("late_delivery_report", delay_s=0.2)
        s.fault("smsc_throttles", per_s=60)
        sent = 0
        for turn in range(KILLS + 1):
            agent = await start(path, s.server.port)
            async with asyncio.timeout(30):
                while not s.server.sessions:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            last = turn == KILLS
            for _ in range(INBOUND // (KILLS + 1)):
                sent += 1
                s.handset(chance.choice(HANDSETS)).send(chance.choice(NUMBERS), f"inbound {sent}")
            if not last:
                await asyncio.sleep(chance.uniform(0.05, 0.6))
                agent.kill()
            else:
                await settle(s, path, agent)
            await agent.wait()
        rows = await told(path)
        got = Counter(text for number in HANDSETS for text in s.texts(number))
    ends = {row["message"]: row for row in rows if row["kind"] in ("message.submitted", "message.failed")}
    submitted = [row["message"] for row in rows if row["kind"] == "message.submitted"]
    failed = [row["message"] for row in rows if row["kind"] == "message.failed"]
    assert set(ends) == set(bodies), "each has an end"
    assert len(submitted) == len(set(submitted))
    assert not set(submitted) & set(failed)
    assert all(ends[sid].get("uncertain") for sid in failed), "and none is called failed that may have gone"
    assert max(got.values()) == 1, "nobody got anything twice"
    assert all(got[bodies[sid]] == 1 for sid in submitted), "what is called sent was got"
    doubts = Counter(recipient_of(sid) for sid in failed)
    gone = [sid for sid in failed if got[bodies[sid]]]
    assert all(doubts[recipient_of(sid)] > 1 for sid in gone), "else its receipt told how it went"
    inbound = Counter(row["body"] for row in rows if row["kind"] == "message.received")
    assert inbound == Counter(f"inbound {n}" for n in range(1, sent + 1)), "each once"


async def settle(s, path, agent):
    """Until nothing waits any more, on either side."""
    async with asyncio.timeout(40):
        quiet = 0
        while quiet < DOUBT_S + 1:
            await asyncio.sleep(0.9)
            before = s.link.counters.submits, s.link.counters.receipts, s.link.counters.delivered
            await asyncio.sleep(0.1)
            after = s.link.counters.submits, s.link.counters.receipts, s.link.counters.delivered
            quiet = quiet + 1 if before == after and not s.network.smsc.parcels else 0
    agent.terminate()
