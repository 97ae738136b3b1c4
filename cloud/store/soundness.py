"""Whether the store's file is there and whole, before anything is begun with it. Nothing is mended or removed here."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from cloud import private_file
from telecore.errors import Refused

_OF_THE_DISK = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
)
_DO = "restore a backup with `simferry-cloud restore --replace`"


class StoreBroken(Refused):
    """The file is gone, empty or damaged; the message says what to do. It was left as it is."""

    code = 20500
    status = 500


def mark(path: Path) -> Path:
    """The file beside it that says that there was a store."""
    return path.with_name(f"{path.name}.made")


def check_there(path: Path) -> None:
    """Raises StoreBroken when the store that was made here is gone: an empty one must not take its place quietly."""
    if mark(path).exists() and (not path.exists() or path.stat().st_size == 0):
        what = "is empty" if path.exists() else "is gone"
        raise StoreBroken(
            f"the store {path} {what}, though there was one: {_DO}, or remove {mark(path)} to begin with an empty store"
        )


def check_whole(path: Path) -> None:
    """Raises StoreBroken when SQLite finds fault with the file. Reads all of it."""
    if not path.exists() or path.stat().st_size == 0:
        return
    try:
        with closing(sqlite3.connect(path, timeout=30.0)) as db:
            db.text_factory = lambda text: text.decode("utf-8", "replace")  # it names what is damaged
            found = [str(row[0]) for row in db.execute("PRAGMA quick_check(5)")]
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in _OF_THE_DISK:
            return  # the disk is at fault, and the one who opens it says so
        found = [str(error)]
    except UnicodeDecodeError as error:  # SQLite's own complaint quotes what it found
        found = [f"its schema cannot be read: {error}"]
    if found != ["ok"]:
        raise StoreBroken(
            f"the store {path} is damaged ({'; '.join(found)[:300]}): it was left as it is; {_DO}, or look at the disk"
        )


def refuse_damage(path: Path, error: BaseException) -> None:
    """Raises StoreBroken when it tells of rows that cannot be read, and not of the disk."""
    cause = getattr(error, "orig", error)
    if getattr(cause, "sqlite_errorcode", 0) & 0xFF not in _OF_THE_DISK:
        raise StoreBroken(f"the store {path} is damaged ({cause}): it was left as it is; {_DO}") from error


def note_made(path: Path) -> None:
    """From now on there was a store here. Raises OSError."""
    if mark(path).exists():
        return
    os.close(os.open(mark(path), os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    private_file.hand_over(mark(path), path.parent)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)  # the names of both files survive a power cut
    finally:
        os.close(folder)
