"""Releases for edges: release add, stage, pause, resume, halt, status."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from cloud.cli.commands import Commands, by_hand, print_result, store, written
from cloud.config import CloudConfig
from cloud.services import staging
from cloud.services.files import Files
from cloud.services.rollouts import release_of
from cloud.store import releases
from cloud.store.database import Connection
from cloud.store.records.releases import ReleaseRecord
from telecore.errors import InvalidRequest


def add(commands: Commands) -> None:
    made = commands.add(
        "release",
        _release,
        "Hand a signed release to edges by and by: add, stage, pause, resume, halt, status.",
        result=True,
    )
    made.add_argument("action", choices=("add", "stage", "pause", "resume", "halt", "status"))
    made.add_argument("which", nargs="?", help="add: the file; else the version, or the first digits of its hash")
    made.add_argument("--percent", type=float, default=10.0, metavar="P", help="stage: of the edges (default: 10)")
    made.add_argument("--why", default="", metavar="TEXT", help="halt: what is shown as the reason")
    made.add_argument("--urgent", action="store_true", help="stage: edges fetch it whatever their data budgets say")
    made.add_argument("--again", action="store_true", help="stage: also those where it failed, and after a halt")


async def _release(config: CloudConfig, asked: argparse.Namespace) -> int:
    if asked.action == "status":
        return await _status(config, asked)
    if not asked.which:
        raise InvalidRequest("say which release")
    if asked.action == "add":
        return await _add(config, asked)
    act, which = f"release-{asked.action}", asked.which
    steps: dict[str, Callable[[Connection], ReleaseRecord]] = {
        "stage": lambda conn: staging.stage(
            conn, which, asked.percent, again=asked.again, urgent=True if asked.urgent else None
        ),
        "pause": lambda conn: staging.pause(conn, which),
        "resume": lambda conn: staging.resume(conn, which),
        "halt": lambda conn: staging.halt(conn, which, asked.why),
    }
    marks = f"{' again' if asked.again else ''}{' urgent' if asked.urgent else ''}"
    detail = {"stage": f"{asked.percent:g} %{marks}", "halt": asked.why}.get(asked.action, "")
    record = await written(config, steps[asked.action], by_hand(act, f"release {which}", detail))
    print_result(asked, _told(record))
    return 0


async def _add(config: CloudConfig, asked: argparse.Namespace) -> int:
    data = await asyncio.to_thread(Path(asked.which).read_bytes)
    release = release_of(data)
    files = Files(config.data_dir / "files")
    await files.open()
    try:
        sha256 = await files.add(data)
    finally:
        await files.close()
    entry = by_hand("release-add", f"release {release.version}", f"{release.what} {sha256}")
    record = await written(config, lambda conn: staging.added(conn, sha256, data), entry)
    print_result(asked, _told(record))
    return 0


async def _status(config: CloudConfig, asked: argparse.Namespace) -> int:
    async with store(config) as db:
        found = await db.read(lambda conn: [(each, releases.updates_of(conn, each)) for each in releases.list_(conn)])
    shown = [(record, edges) for record, edges in found if asked.which in (None, record.version, record.sha256)]
    for record, edges in shown:
        fares = Counter(each.outcome for each in edges)
        told = {**_told(record), **({"reason": record.reason} if record.reason else {})}
        if asked.json:
            each = [{"edge": e.edge, "outcome": e.outcome, "reason": e.reason, "at": e.at.isoformat()} for e in edges]
            print(json.dumps({**told, "edges": each}))
            continue
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(fares.items())) or "no edge yet"
        print(f"{record.what} {record.version} ({record.sha256[:12]}): {record.state}, {record.percent:g} %: {counts}")
        for line in (told.get("reason", ""), *(f"{e.edge}: {e.outcome}: {e.reason}" for e in edges if e.reason)):
            if line:
                print(f"  {line}")
    return 0


def _told(record: ReleaseRecord) -> dict[str, str]:
    told = {"what": record.what, "version": record.version, "sha256": record.sha256, "state": record.state}
    return {
        **told,
        "percent": f"{record.percent:g}",
        "attempt": str(record.attempt),
        "urgent": str(record.urgent).lower(),
    }
