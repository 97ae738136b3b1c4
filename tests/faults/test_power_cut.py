"""The power goes at any sync of the disk: agent and cloud run in a lab, what they ask of their disks and what they say
to the world is written down, and for each of many moments the disk is made again as it may be then, and opened.

Not synced means dropped; in two of three points some of it is kept, and in one a write is torn. What was promised by
then (an SMS deleted from its SIM, a text given to a modem, a number acknowledged or given out, a 201, a webhook) must
be on that disk.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from itertools import cycle
from pathlib import Path

import aiohttp
import pytest

from cloud.sealing import FILE
from cloud.store import messages
from cloud.store.database import Connection, Database
from edge_agent.spool import Spool
from tests.fakes.customer_app import CustomerApp, twiml
from tests.faults.conftest import Progress, Report, times
from tests.faults.disk import said
from tests.faults.disk.control import Disk, available
from tests.faults.disk.trace import Loss, Op, Replay, Step, read
from tests.flows.conftest import LabProcess, World

SMS = times(8, 120)
POINTS = times(12, 500)
FOLDERS = {"edge": "site-1/data", "cloud": "cloud/data"}

pytestmark = [
    pytest.mark.timeout(120 + SMS * 3 + POINTS * 2),
    pytest.mark.skipif(not available(), reason="no C compiler"),
]


@pytest.fixture
async def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """What was asked and said while messages went both ways."""
    disk = Disk(tmp_path / "shim", tmp_path / "lab", ("/spool.db", "/cloud.db"), trace=True)
    for name, value in disk.environment.items():
        monkeypatch.setenv(name, value)
    lab = LabProcess(tmp_path / "lab", "--speed", "20", "--modems", "2")
    for name in disk.environment:
        monkeypatch.delenv(name)
    async with aiohttp.ClientSession() as http, CustomerApp() as app:
        await _traffic(World(lab, http, app))
    lab.stop()
    return read(disk.traces)


async def _traffic(world: World) -> None:
    hook = world.app.answer("/sms", twiml(""))
    for number in world.numbers:
        await world.hook(number, sms_url=hook)
    handset, numbers = world.free_handset(), world.numbers

    async def out() -> None:
        for n in range(SMS):
            make = world.client.messages.create
            await asyncio.to_thread(make, to=handset, from_=numbers[n % len(numbers)], body=f"out {n}")

    async def into() -> None:
        for n in range(SMS):
            ask = {"to": numbers[n % len(numbers)], "body": f"in {n}"}
            await world.network("POST", f"/subscribers/{handset}/messages", ask)
            await asyncio.sleep(0.05)

    await asyncio.gather(out(), into())
    await world.until(lambda: len(app_seen(world)) >= SMS, 120)
    await world.until(lambda: _all_arrived(world, handset), 120)


def app_seen(world: World) -> set[str]:
    return {seen.params["Body"] for seen in world.app.seen("/sms")}


async def _all_arrived(world: World, handset: str) -> bool:
    return len(await world.inbox(handset)) >= SMS


async def test_the_power_is_cut_at_any_sync(
    steps: list[Step], tmp_path: Path, chance: random.Random, report: Report, progress: Progress
) -> None:
    lab = tmp_path / "lab"
    for number, (side, check) in enumerate((("edge", _edge), ("cloud", _cloud))):
        root = lab / FOLDERS[side]
        mine = [step for step in steps if step.op is Op.SAID or step.path.startswith(str(root))]
        pids = {step.path.split(":")[0] for step in mine if step.op is Op.SAID} & _pids(tmp_path, root)
        syncs = [at for at, step in enumerate(mine) if step.op is Op.SYNC]
        points = sorted(chance.sample(syncs, min(POINTS, len(syncs))))
        promise = said.Edge() if side == "edge" else said.Cloud()
        replay, counted, losses, at = Replay(root), Counter[str](), cycle(Loss), 0
        for done, point in enumerate(points):
            for step in mine[at:point]:  # just before the sync is done: all that is said by then rests on earlier ones
                replay.take(step)
                if step.op is not Op.SAID or step.path.split(":")[0] in pids:
                    promise.take(step)
            at = point
            disk = tmp_path / "cut"
            replay.cut(disk, next(losses), chance)
            counted.update(await check(disk, promise))
            shutil.rmtree(disk, ignore_errors=True)
            progress(number * POINTS + done + 1, 2 * POINTS, "points")
        report(
            f"power cut replayed at syncs of the {side}'s disk",
            syncs=len(syncs),
            points=len(points),
            **{name: counted[name] for name in ("promises", "lost", "doubled", "broken")},
        )
        assert counted["promises"] > 0
        assert (counted["lost"], counted["doubled"], counted["broken"]) == (0, 0, 0)


def _pids(tmp_path: Path, root: Path) -> set[str]:
    """Processes that wrote below the root."""
    found = set()
    for trace in (tmp_path / "shim" / "traces").iterdir():
        if str(root).encode() in trace.read_bytes():
            found.add(trace.name)
    return found


def _owed(there: Callable[[], bool] | bool) -> str:
    return "promises" if (there() if callable(there) else there) else "lost"


async def _edge(disk: Path, promise: said.Edge) -> Counter[str]:
    path, counted = disk / "spool.db", Counter[str]()
    if not path.exists():
        counted["lost"] += bool(promise.tunnel.items or promise.tunnel.acked or promise.deleted)
        return counted
    spool = await Spool.open(path)
    counted["broken"] += spool.quarantined is not None or bool(spool.forgotten)
    for stream, acked in promise.tunnel.acked.items():
        counted[_owed((await spool.street(stream))[0] >= acked)] += 1
    rows = {seq: str(payload["id"]) for seq, payload in await spool.read(0, 1_000_000)}
    counted["doubled"] += len(rows) - len(set(rows.values()))
    for seq, event in promise.tunnel.items.items():
        counted["doubled" if seq in rows and rows[seq] != event else _owed(seq in rows)] += 1
    await spool.close()
    with closing(sqlite3.connect(path)) as db:
        kept = db.execute("SELECT (SELECT count(*) FROM sms_parts) + (SELECT count(*) FROM reports)").fetchone()[0]
        begun = db.execute("SELECT count(*) FROM submits WHERE state != 'queued'").fetchone()[0]
    counted["promises"] += promise.deleted + promise.submitted
    counted["lost"] += max(0, promise.deleted - kept)
    counted["doubled"] += max(0, promise.submitted - begun)
    return counted


async def _cloud(disk: Path, promise: said.Cloud) -> Counter[str]:
    path, counted = disk / "cloud.db", Counter[str]()
    if not path.exists():
        counted["lost"] += bool(promise.created)
        return counted
    # It was on the disk, name and all, before the first row was sealed with it.
    shutil.copy(disk.parent / "lab" / FOLDERS["cloud"] / FILE, disk / FILE)
    async with Database(f"sqlite:///{path}") as store:
        await _cloud_keeps(store.read, promise, counted)
    return counted


async def _cloud_keeps(
    read_store: Callable[[Callable[[Connection], object]], Awaitable[object]],
    promise: said.Cloud,
    counted: Counter[str],
) -> None:
    def look(conn: Connection) -> None:
        raw = conn.exec_driver_sql
        counted["broken"] += raw("PRAGMA integrity_check(1)").scalar() != "ok"
        for sid in promise.created | promise.told:
            counted[_owed(messages.get(conn, sid) is not None)] += 1
        applied = dict(raw("SELECT stream, seq FROM applied").fetchall())  # type: ignore[arg-type]
        for stream, acked in promise.tunnel.acked.items():
            counted[_owed(applied.get(stream, 0) >= acked)] += 1
        waiting = {row[0]: json.loads(row[1])["id"] for row in raw("SELECT seq, payload FROM outbox")}
        past = raw("SELECT max(outbox_acked) FROM edges").scalar() or 0
        highest = raw("SELECT max(outbox_highest) FROM edges").scalar() or 0
        for seq, command in promise.tunnel.items.items():
            counted["doubled"] += seq > highest or waiting.get(seq, command) != command
            counted[_owed(seq in waiting or seq <= past)] += 1

    await read_store(look)
