"""Whether the file is the one this agent wrote last: each start writes a new seal into it and into a file beside it.

A spool that was deleted, or replaced by an older copy of itself, does not match what lies beside it. A folder that was
restored as a whole does; then the cloud notices (account.py).
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from edge_agent.spool import account, outbox
from edge_agent.spool.writer import transaction
from telecore.ids import new_id

log = logging.getLogger(__name__)


class Fit(StrEnum):
    """How the spool and what lies beside it go together."""

    SAME = "same"
    FIRST = "first"
    DELETED = "deleted"
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class Seal:
    """``next`` differs from ``seal`` while a start is writing the new one into the spool."""

    stream: str
    seal: str
    next: str


def fit(beside: Seal | None, stream: str, seal: str, *, empty: bool) -> Fit:
    """What the two say. ``empty``: the spool never held anything."""
    if beside is None:
        return Fit.FIRST
    if beside.stream == stream and seal in (beside.seal, beside.next):
        return Fit.SAME
    return Fit.DELETED if empty else Fit.OLDER


def check(path: Path, db: sqlite3.Connection, *, quarantined: bool, lost: int = 0) -> str:
    """Compare, act, and seal anew; an account in words, empty when all is well. Raises sqlite3.Error.

    ``lost``: so many commits are missing at the end of its log. A disk that takes nothing leaves the old seal in both.
    """
    beside = _read(path.with_name(f"{path.name}.seal"))
    known = dict(db.execute("SELECT name, value FROM meta WHERE name IN ('stream', 'seal')").fetchall())
    empty = outbox.highest(db) == 0
    found = Fit.FIRST if quarantined else fit(beside, known["stream"], known.get("seal", ""), empty=empty)
    said = ""
    if found is Fit.DELETED:
        said = "the spool's file was gone: what it held and had not told is lost, and received SMS may be told again"
    if found is Fit.OLDER or (found is Fit.SAME and lost):
        why = (
            f"{lost} transactions at the end of its log are damaged"
            if lost
            else "its file was replaced by an older copy"
        )
        with transaction(db):
            said = account.begin_anew(db, why)
    if said:
        log.critical("%s: %s", path, said)
    with suppress(OSError, sqlite3.OperationalError):
        _seal(path, db, known.get("seal", ""))
    return said


def note_street(path: Path, stream: str) -> None:
    """A new street was begun while the agent runs: what lies beside must name it. Best effort: see ``fit``."""
    beside_path = path.with_name(f"{path.name}.seal")
    beside = _read(beside_path)
    if beside is not None:
        with suppress(OSError):
            _write(beside_path, Seal(stream, beside.seal, beside.next))


def _seal(path: Path, db: sqlite3.Connection, old: str) -> None:
    beside, new, stream = path.with_name(f"{path.name}.seal"), new_id(), account.stream(db)
    _write(beside, Seal(stream, old, new))
    with transaction(db):
        db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('seal', ?)", (new,))
    _write(beside, Seal(stream, new, new))


def _read(path: Path) -> Seal | None:
    try:
        data = json.loads(path.read_text())
        return Seal(str(data["stream"]), str(data["seal"]), str(data["next"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, seal: Seal) -> None:
    """All of it or nothing, whatever happens to the power."""
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, json.dumps(asdict(seal)).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
