"""The store as a whole: migrate."""

from __future__ import annotations

import argparse
import asyncio

from cloud.cli.commands import Commands, by_hand, store
from cloud.config import CloudConfig
from cloud.store import audit, migrate


def add(commands: Commands) -> None:
    commands.add("migrate", _migrate, "Bring the database to the newest schema; serve does it too.")


async def _migrate(config: CloudConfig, asked: argparse.Namespace) -> int:
    async with store(config) as db:
        newest = await asyncio.to_thread(migrate.newest)
        await db.write(lambda conn: audit.append(conn, by_hand("migrate", f"schema {newest}")))
    print(f"the database has revision {newest}")
    return 0
