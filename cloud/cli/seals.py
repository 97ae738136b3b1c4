"""The keys under which the database's secrets are sealed: rotate-seal-key."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Callable

from cloud import lock
from cloud.cli.commands import Commands, by_hand, print_result, store
from cloud.config import CloudConfig
from cloud.store import audit, sealed
from cloud.store.database import Connection, Database
from cloud.store.resealing import Done, reseal
from telecore.errors import InvalidRequest


def add(commands: Commands) -> None:
    text = "Make a new key for the secrets in the database, and seal them all again with it."
    made = commands.add("rotate-seal-key", _rotate, text, result=True)
    which = made.add_mutually_exclusive_group()
    which.add_argument(
        "--drop-old", action="store_true", help="only forget the old ones; backups made with them need their own copy"
    )
    which.add_argument(
        "--lost",
        action="store_true",
        help="the key is lost for good: what cannot be opened is replaced, tokens by new ones; not while it runs",
    )


async def _rotate(config: CloudConfig, asked: argparse.Namespace) -> int:
    if asked.lost:
        return await _give_up(config, asked)
    async with store(config) as db:
        done = await (_drop_old(db) if asked.drop_old else _new_key(db))
    print_result(asked, {"key": db.seals.ids[0], "keys": str(len(db.seals.ids)), "sealed_again": str(done.done)})
    for what in done.broken:
        print(f"cannot be opened: {what}", file=sys.stderr)
    if done.broken:
        print("the old keys are kept; `rotate-seal-key --lost` replaces what cannot be opened", file=sys.stderr)
    return 1 if done.broken else 0


async def _new_key(db: Database) -> Done:
    """Go on with what was cut off; make a key where nothing was."""
    done = await reseal(db, _progress())
    if done.done:
        print("this went on with the newest key, under which not everything was sealed yet", file=sys.stderr)
        return done
    await asyncio.to_thread(db.seals.rotate)
    await _note(db, "rotate-seal-key")
    return await reseal(db, _progress())


async def _drop_old(db: Database) -> Done:
    done = await reseal(db, _progress())
    if done.broken:
        return done
    if await db.read(sealed.in_use) - {db.seals.ids[0]}:
        raise InvalidRequest("something was sealed with an old key just now: run this again")
    await _note(db, "drop-seal-keys")
    await asyncio.to_thread(db.seals.drop_old)
    return done


async def _note(db: Database, action: str) -> None:
    await db.write(lambda conn: audit.append(conn, by_hand(action, f"key {db.seals.ids[0]}")))


def _progress(every_s: float = 2.0) -> Callable[[Done], None]:
    """Says on standard error how far it is, now and then."""
    clock = asyncio.get_running_loop().time
    due = [clock() + every_s]

    def tell(done: Done) -> None:
        if clock() >= due[0]:
            due[0] = clock() + every_s
            print(f"{done.table}: {done.looked} rows looked at, {done.done} secrets sealed again", file=sys.stderr)

    return tell


async def _give_up(config: CloudConfig, asked: argparse.Namespace) -> int:
    def write(conn: Connection) -> list[str]:
        gone = sealed.give_up(conn)
        audit.append(conn, by_hand("replace-lost-secrets", f"{len(gone)} secrets", "; ".join(gone)))
        return gone

    with contextlib.ExitStack() as held:
        await asyncio.to_thread(held.enter_context, lock.locked(config.data_dir))
        async with Database(config.database_url, seals=config.seals(), lost=True) as db:
            gone = await db.write(write)
    print_result(asked, {"key": db.seals.ids[0], "replaced": str(len(gone))})
    for what in gone:
        print(what, file=sys.stderr)
    return 0
