"""Running it: serve, drain."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys

from cloud import lock, modes
from cloud.cli.commands import Commands, by_hand, noted
from cloud.config import CloudConfig

_SWITCH_S = 0.0005
"""After which a thread that waits for the interpreter gets it. The store's give it away at every step of a statement:
with Python's own 5 ms one read takes many times that while the loop is busy."""


def add(commands: Commands) -> None:
    commands.add("serve", _serve, "Run the controller until SIGTERM or Ctrl-C.")
    commands.add("drain", _drain, "Let the running controller take no new work, until it is stopped.")


async def _serve(config: CloudConfig, asked: argparse.Namespace) -> int:
    sys.setswitchinterval(_SWITCH_S)
    from cloud import app  # the other commands need neither web servers nor templates

    with contextlib.ExitStack() as held:
        await asyncio.to_thread(held.enter_context, lock.locked(config.data_dir))
        await asyncio.to_thread(modes.tend, asked.config, config)
        await app.serve(config)
    return 0


async def _drain(config: CloudConfig, asked: argparse.Namespace) -> int:
    pid = await asyncio.to_thread(lock.holder, config.data_dir)
    os.kill(pid, signal.SIGUSR1)
    await noted(config, by_hand("drain", f"process {pid}"))
    print(f"process {pid} takes no new work and is not ready any more; stop it when its calls are over")
    return 0
