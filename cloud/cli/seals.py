"""The keys under which the database's secrets are sealed: rotate-seal-key."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys

from cloud import lock
from cloud.cli.commands import Commands, by_hand, print_result, store
from cloud.config import CloudConfig
from cloud.store import audit, sealed
from cloud.store.database import Connection, Database
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
        if not asked.drop_old:
            await asyncio.to_thread(db.seals.rotate)
        action = "drop-seal-keys" if asked.drop_old else "rotate-seal-key"

        def write(conn: Connection) -> int:
            db.seals.look()
            done = sealed.reseal(conn)
            audit.append(conn, by_hand(action, f"key {db.seals.ids[0]}"))
            return done

        done = await db.write(write)
        if asked.drop_old:
            await _drop_old(db)
    print_result(asked, {"key": db.seals.ids[0], "keys": str(len(db.seals.ids)), "sealed_again": str(done)})
    return 0


async def _drop_old(db: Database) -> None:
    left = await db.read(sealed.in_use) - {db.seals.ids[0]}
    if left:
        raise InvalidRequest("something was sealed with an old key just now: run this again")
    await asyncio.to_thread(db.seals.drop_old)


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
