"""Running it: serve."""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from cloud import lock
from cloud.cli.commands import Commands
from cloud.config import CloudConfig


def add(commands: Commands) -> None:
    commands.add("serve", _serve, "Run the controller until SIGTERM or Ctrl-C.")


async def _serve(config: CloudConfig, asked: argparse.Namespace) -> int:
    from cloud import app  # the other commands need neither web servers nor templates

    with contextlib.ExitStack() as held:
        await asyncio.to_thread(held.enter_context, lock.locked(config.data_dir))
        await app.serve(config)
    return 0
