"""What a lab keeps in its data folder: small JSON files, and the mark that the folder is in use."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from scripts.labkit.options import Refusal

GOING_S = 10.0
"""How long the processes of a lab that was killed may take to go."""


def keep(path: Path, value: object) -> None:
    """Replace the file in one step, so that a lab which is killed leaves no half of it; only its owner can read it."""
    fresh = path.with_name(f"{path.name}.new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(value, file)
    fresh.replace(path)


def kept(path: Path) -> dict[str, Any] | None:
    """What was kept, None before the first time. Raises Refusal for a file that somebody has damaged."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise Refusal(f"{path} is not JSON ({error}); take another --data or delete the folder") from None
    if not isinstance(value, dict):
        raise Refusal(f"{path} is not a JSON object; take another --data or delete the folder")
    return value


@contextlib.asynccontextmanager
async def in_use(data: Path, within_s: float = GOING_S) -> AsyncIterator[int]:
    """The folder's lock, as a file descriptor that every process of the lab is given: it lasts until all are gone.

    Raises Refusal while another lab has it.
    """
    lock = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    until = time.monotonic() + within_s
    try:
        while not _locked(lock):
            if time.monotonic() > until:
                raise Refusal(f"another lab is running with --data {data}")
            await asyncio.sleep(0.1)
        yield lock
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
