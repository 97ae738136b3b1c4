"""Releases for edges: release add, stage, pause, status."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

from cloud.cli.commands import Commands, by_hand, print_result, written
from cloud.config import CloudConfig
from cloud.services.files import Files
from cloud.services.rollouts import release_of
from cloud.store import releases
from cloud.store.database import Connection, Database
from cloud.store.records.releases import HALTED, PAUSED, STAGED, ReleaseRecord
from cloud.store.rows import now
from telecore.errors import InvalidRequest, NotFound


def add(commands: Commands) -> None:
    made = commands.add(
        "release", _release, "Hand a signed release to edges by and by: add, stage, pause, status.", result=True
    )
    made.add_argument("action", choices=("add", "stage", "pause", "status"))
    made.add_argument("which", nargs="?", help="add: the file; else the version, or the first digits of its hash")
    made.add_argument("--percent", type=float, default=10.0, metavar="P", help="stage: of the edges (default: 10)")
    made.add_argument("--again", action="store_true", help="stage: also those where it failed, and after a halt")


async def _release(config: CloudConfig, asked: argparse.Namespace) -> int:
    if asked.action == "status":
        return await _status(config, asked)
    if not asked.which:
        raise InvalidRequest("say which release")
    if asked.action == "add":
        return await _add(config, asked)
    if not 0 < asked.percent <= 100:
        raise InvalidRequest("--percent must be above 0 and at most 100")
    act = f"release-{asked.action}"

    def write(conn: Connection) -> ReleaseRecord:
        return _stage(conn, asked) if asked.action == "stage" else _pause(conn, asked)

    detail = f"{asked.percent:g} %{' again' if asked.again else ''}" if asked.action == "stage" else ""
    record = await written(config, write, by_hand(act, f"release {asked.which}", detail))
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
    record = ReleaseRecord(sha256, release.what, release.version, release.channel, len(data), now())
    entry = by_hand("release-add", f"release {release.version}", f"{release.what} {sha256}")
    if not await written(config, lambda conn: releases.add(conn, record), entry):
        raise InvalidRequest(f"{release.what} {release.version} is here already")
    print_result(asked, _told(record))
    return 0


def _stage(conn: Connection, asked: argparse.Namespace) -> ReleaseRecord:
    record = _named(conn, asked.which)
    if record.state == HALTED and not asked.again:
        raise InvalidRequest(f"it was halted ({record.reason}): stage it with --again once you know why")
    changed = replace(
        record,
        state=STAGED,
        reason="",
        percent=asked.percent,
        attempt=record.attempt + bool(asked.again),
        staged_at=now(),
    )
    values = {name: getattr(changed, name) for name in ("state", "reason", "percent", "attempt", "staged_at")}
    releases.change(conn, record.sha256, **values)
    return changed


def _pause(conn: Connection, asked: argparse.Namespace) -> ReleaseRecord:
    record = _named(conn, asked.which)
    releases.change(conn, record.sha256, state=PAUSED)
    return replace(record, state=PAUSED)


def _named(conn: Connection, which: str) -> ReleaseRecord:
    found = [each for each in releases.list_(conn) if each.version == which or each.sha256.startswith(which)]
    if not found:
        raise NotFound(f"there is no release {which[:70]}")
    if len(found) > 1:
        raise InvalidRequest(f"there are several {which[:70]}: say the first digits of its hash")
    return found[0]


async def _status(config: CloudConfig, asked: argparse.Namespace) -> int:
    async with Database(config.database_url) as db:
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
    return {**told, "percent": f"{record.percent:g}", "attempt": str(record.attempt)}
