"""Backups: backup, verify-backup, restore."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from sqlalchemy.engine import make_url

from cloud import lock
from cloud.cli.commands import Commands, by_hand, noted, print_result
from cloud.config import CloudConfig
from cloud.store.backup import making, restoring
from cloud.store.backup.manifest import DATABASE, KEY_FILES, Manifest
from cloud.store.backup.restoring import Restored
from cloud.tunnel.cloud_keys import FILE as TUNNEL_KEYS
from telecore.errors import InvalidRequest

_POSTGRESQL = (
    "the database is PostgreSQL's: copy it with pg_dump --format=custom, and then the files with --files-only; "
    "bring it back with pg_restore, and then restore --files-only"
)


def add(commands: Commands) -> None:
    made = commands.add("backup", _backup, "Copy the store and its files, while the controller runs.", result=True)
    made.add_argument("target", type=Path, metavar="DIR|FILE.tar", help="a folder that is not there yet, or a file")
    made.add_argument("--files-only", action="store_true", help="without the database, which PostgreSQL keeps")
    made.add_argument(
        "--without-keys", action="store_true", help=f"without {' and '.join(KEY_FILES)}, of which you keep a copy apart"
    )
    text = "Read every byte of a backup and say whether it is whole."
    commands.add("verify-backup", _verify, text, result=True).add_argument("source", type=Path, metavar="DIR|FILE.tar")
    made = commands.add("restore", _restore, "Put a backup back; the controller must not run.", result=True)
    made.add_argument("source", type=Path, metavar="DIR|FILE.tar")
    made.add_argument("--replace", action="store_true", help="move the store that is there aside")
    made.add_argument("--files-only", action="store_true", help="a backup without the database")


async def _backup(config: CloudConfig, asked: argparse.Namespace) -> int:
    _is_ours(config, asked.files_only)
    made = await asyncio.to_thread(
        making.make,
        config.data_dir,
        asked.target,
        with_database=not asked.files_only,
        with_keys=not asked.without_keys,
    )
    what = ", ".join([*(["files only"] if asked.files_only else []), *(["no keys"] if asked.without_keys else [])])
    await noted(config, by_hand("backup", f"backup {asked.target.absolute()}", what))
    print_result(asked, {"backup": str(asked.target), **_figures(made)})
    return 0


async def _verify(config: CloudConfig, asked: argparse.Namespace) -> int:
    print_result(asked, {"whole": "yes", **_figures(await asyncio.to_thread(making.verify, asked.source))})
    return 0


async def _restore(config: CloudConfig, asked: argparse.Namespace) -> int:
    _is_ours(config, asked.files_only)
    done = await asyncio.to_thread(_put_back, config, asked)
    await noted(config, by_hand("restore", f"backup {asked.source.absolute()}", f"made at {done.manifest.made_at}"))
    moved = {"moved_aside": str(done.moved)} if done.moved else {}
    print_result(asked, {**_figures(done.manifest), "age": _age(done.age), **moved})
    for line in [*told(done), *await asyncio.to_thread(_keys_to_bring, config, done.manifest)]:
        print(line, file=sys.stderr)
    return 0


def _keys_to_bring(config: CloudConfig, made: Manifest) -> list[str]:
    """What the controller will miss, for it was left out of the backup."""
    lines, seals = [], config.seals()
    seals.look()
    missing = set(made.keys) - set(seals.ids)
    if missing:
        lines.append(f"The controller will not start yet: {seals.what_to_do(sorted(missing))}")
    if not (config.data_dir / TUNNEL_KEYS).exists():
        lines.append(
            f"{TUNNEL_KEYS} is not there: put it into {config.data_dir} (mode 0600) before the first start, which "
            "makes a new one; without it edges do not know this cloud, and must be enrolled again"
        )
    return lines


def _put_back(config: CloudConfig, asked: argparse.Namespace) -> Restored:
    with lock.locked(config.data_dir):
        return restoring.restore(asked.source, config.data_dir, replace=asked.replace)


def told(done: Restored) -> list[str]:
    """What the edges and customers may know that the store does not any more."""
    when = f"{done.manifest.made:%Y-%m-%d %H:%M:%S} UTC"
    lines = [f"What was accepted or heard after {when} is not in this store; customers may hold SIDs it does not know."]
    if done.behind is None:
        return [*lines, "There was no readable store to compare with: any edge may know more than this one."]
    lines += [f"{table}: {more} rows fewer than in the store that was replaced" for table, more in done.lost.items()]
    lines += [
        f"edge {one.edge} is ahead: {one.commands} commands were given out and {one.events} events applied since"
        for one in done.behind
    ]
    return lines


def _figures(made: Manifest) -> dict[str, str]:
    sound = [name for name in made.files if name != DATABASE]
    return {
        "made_at": made.made_at,
        "schema": made.schema or "none",
        "files": str(len(sound)),
        "bytes": str(sum(content.size for content in made.files.values())),
        "missing_files": str(len(made.missing)),
        "missing_keys": " ".join(made.missing_keys) or "none",
        **{f"rows_{table}": str(count) for table, count in made.rows.items()},
    }


def _is_ours(config: CloudConfig, files_only: bool) -> None:
    """Raises InvalidRequest when the database is not the file in the data folder."""
    url = make_url(config.database_url)
    if files_only:
        return
    if url.get_backend_name() != "sqlite":
        raise InvalidRequest(_POSTGRESQL)
    if Path(url.database or "").absolute() != (config.data_dir / DATABASE).absolute():
        raise InvalidRequest(f"the database {url.database} is not {DATABASE} in data_dir: copy it by other means")


def _age(age: timedelta) -> str:
    return str(timedelta(seconds=round(age.total_seconds())))
