"""The store as a whole: migrate."""

from __future__ import annotations

import argparse

from cloud.cli.commands import Commands
from cloud.config import CloudConfig
from cloud.store import migrate
from cloud.store.database import Database


def add(commands: Commands) -> None:
    commands.add("migrate", _migrate, "Bring the database to the newest schema; serve does it too.")


async def _migrate(config: CloudConfig, asked: argparse.Namespace) -> int:
    async with Database(config.database_url):
        print(f"the database has revision {migrate.newest()}")
    return 0
