"""The head of the audit log told elsewhere, in the journal and in a file: whoever cuts off its end is found out."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path

from cloud.store import audit
from cloud.store.audit import Head, Verdict
from cloud.store.database import Database
from telecore.errors import Transient

log = logging.getLogger(__name__)

EVERY_S = 10.0
MOST_BYTES = 1_000_000
_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


async def tell_for_ever(db: Database, data_dir: Path, every_s: float = EVERY_S) -> None:
    """Whenever the log has grown. What is younger than that could be cut off unseen."""
    told = Head(0, audit.BEGINNING)
    while True:
        try:
            now = await db.read(audit.head)
            if now != told:
                await asyncio.to_thread(_keep, data_dir / audit.HEADS, now)
                log.info("audit head %d:%s", now.number, now.hash)
                told = now
        except (Transient, OSError) as error:
            log.warning("the audit log's head could not be told: %s", error)
        await asyncio.sleep(every_s)


async def verify(db: Database, data_dir: Path | None, more: Sequence[Head] = ()) -> Verdict:
    """The chain, against the heads in the file and those that somebody brings from the journal."""
    kept = await asyncio.to_thread(_kept, data_dir / audit.HEADS) if data_dir is not None else []
    return await db.read(lambda conn: audit.verify(conn, [*kept, *more]))


def read_heads(text: str) -> list[Head]:
    """``NUMBER:HASH``, as the journal has them, anywhere in a text."""
    return [Head(int(number), hash_) for number, hash_ in _HEAD.findall(text)]


def _kept(path: Path) -> list[Head]:
    try:
        return read_heads(path.read_text(errors="replace"))
    except FileNotFoundError:
        return []


def _keep(path: Path, head: Head) -> None:
    lines = _kept(path)
    if lines and lines[-1] == head:
        return
    if path.exists() and path.stat().st_size > MOST_BYTES:
        _shorten(path, lines[len(lines) // 2 :])
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, f"{head.number}:{head.hash}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def _shorten(path: Path, heads: Sequence[Head]) -> None:
    new = path.with_suffix(".new")
    new.write_text("".join(f"{head.number}:{head.hash}\n" for head in heads))
    new.chmod(0o600)
    new.replace(path)
