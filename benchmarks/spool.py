"""Goal 8: the edge's spool on slow flash, beside sqlite-utils and sqlite3 with a commit per row.

``python -m benchmarks.spool [--fsync-ms 5] [--seconds 2]``. Every sync takes that long in each of the candidates, by
the shim of tests/faults/disk: each runs in a process of its own, in turn, three rounds; the median counts. ``in
flight`` is how many events wait for their commit at a time. The bound is in flight / fsync.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path
from typing import Any

from edge_agent.spool import Spool
from telecore.events import MessageReceived
from telecore.ids import Address, ChannelId, MessageSid, new_sid
from tests.faults.disk.control import Disk

IN_FLIGHT = (8, 64, 256)
ROUNDS = 3
Counted = dict[str, float]


def event() -> MessageReceived:
    return MessageReceived(
        message=MessageSid(new_sid("SM")),
        channel=ChannelId("site-1/modem1"),
        sender=Address("+85512345678"),
        recipient=None,
        body="Your parcel is at the market, please bring your identity card",
        parts=1,
        sent_at=None,
        complete=True,
    )


async def ours(path: Path, in_flight: int, seconds: float) -> Counted:
    """Rows that were on the disk when ``append`` returned. The events are made before, as the others' rows are."""
    spool = await Spool.open(path)
    events = cycle([event() for _ in range(4096)])
    gc.collect()
    gc.freeze()  # as the agent does once it has begun
    until, done, before = time.monotonic() + seconds, 0, time.process_time()

    async def one() -> None:
        nonlocal done
        while time.monotonic() < until:
            await spool.append(next(events))
            done += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(one())
    used = time.process_time() - before
    await spool.close()
    return {"rows": done, "cpu_us": used / done * 1e6}


_TABLE = "CREATE TABLE q (id INTEGER PRIMARY KEY, sid TEXT UNIQUE, kind TEXT, subject TEXT, at REAL, payload TEXT)"
_PAYLOAD = "x" * 300


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute(_TABLE)
    return db


def plain(path: Path, seconds: float) -> Counted:
    """sqlite3, WAL, FULL, one commit a row."""
    db, until, done, before = _opened(path), time.monotonic() + seconds, 0, time.process_time()
    while time.monotonic() < until:
        row = (new_sid("SM"), "message.received", "site-1/modem1", time.time(), _PAYLOAD)
        db.execute("INSERT INTO q (sid, kind, subject, at, payload) VALUES (?, ?, ?, ?, ?)", row)
        done += 1
    return {"rows": done, "cpu_us": (time.process_time() - before) / done * 1e6}


def utils(path: Path, seconds: float) -> Counted:
    """The same by sqlite-utils."""
    from sqlite_utils import Database

    db = Database(_opened(path))
    until, done, before = time.monotonic() + seconds, 0, time.process_time()
    table: Any = db["q"]
    while time.monotonic() < until:
        values = {"sid": new_sid("SM"), "kind": "message.received", "subject": "site-1/modem1", "at": time.time()}
        table.insert({**values, "payload": _PAYLOAD})
        done += 1
    return {"rows": done, "cpu_us": (time.process_time() - before) / done * 1e6}


def child(what: str, in_flight: int, seconds: float, path: Path) -> None:
    if what == "ours":
        counted = asyncio.run(ours(path, in_flight, seconds))
    else:
        counted = {"sqlite3": plain, "sqlite-utils": utils}[what](path, seconds)
    print(json.dumps(counted))


def measured(what: str, in_flight: int, seconds: float, fsync_ms: float) -> Counted:
    """Rows and syncs of one run in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "data"
        root.mkdir()
        disk = Disk(Path(folder) / "shim", root)
        disk.sync_us = round(fsync_ms * 1000)
        disk.skip_sync = 1  # the disk below has a time of its own, which would be added
        command = [sys.executable, "-m", "benchmarks.spool", "--child", what, str(in_flight), str(seconds)]
        result = subprocess.run(
            [*command, str(root / "spool.db")],
            env={**os.environ, **disk.environment},
            stdout=subprocess.PIPE,
            check=True,
        )
        counted = json.loads(result.stdout)
        rows = counted["rows"]
        return {"per_s": rows / seconds, "fsync_per_row": disk.syncs / rows, "cpu_us": counted["cpu_us"]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fsync-ms", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--child", nargs=4)
    options = parser.parse_args()
    if options.child:
        what, in_flight, seconds, path = options.child
        child(what, int(in_flight), float(seconds), Path(path))
        return
    cases = [("ours", n) for n in IN_FLIGHT] + [("sqlite3", 1), ("sqlite-utils", 1)]
    runs: dict[tuple[str, int], list[Counted]] = {case: [] for case in cases}
    for _ in range(ROUNDS):
        for case in cases:
            runs[case].append(measured(*case, options.seconds, options.fsync_ms))
    print(f"{'':<16}{'in flight':>10}{'rows/s':>10}{'of bound':>10}{'fsync/row':>11}{'CPU µs':>8}")
    for (what, in_flight), counted in runs.items():
        per_s = statistics.median(run["per_s"] for run in counted)
        syncs = statistics.median(run["fsync_per_row"] for run in counted)
        cpu = statistics.median(run["cpu_us"] for run in counted)
        bound = in_flight / (options.fsync_ms / 1000)
        print(f"{what:<16}{in_flight:>10}{per_s:>10.0f}{per_s / bound:>10.0%}{syncs:>11.4f}{cpu:>8.1f}")


if __name__ == "__main__":
    main()
