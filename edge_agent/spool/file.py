"""Opening the file: private, checked, and put aside when it is broken."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from pathlib import Path

from edge_agent.spool.salvage import salvage
from edge_agent.spool.schema import migrate
from telecore.errors import StorageFailed

log = logging.getLogger(__name__)

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # FULL: with NORMAL the last commits do not survive a power cut, and they were acknowledged.
    "PRAGMA synchronous = FULL",
    "PRAGMA busy_timeout = 5000",
    # 8 MB: each time the log is copied back costs two more syncs and the pages all over again.
    "PRAGMA wal_autocheckpoint = 2000",
    "PRAGMA journal_size_limit = 8388608",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -1024",
    "PRAGMA secure_delete = ON",  # what is deleted is overwritten: texts, numbers
)


def open_file(path: Path) -> tuple[sqlite3.Connection, Path | None]:
    """The spool, ready to be used, and where a broken one was put, if there was one. Raises StorageFailed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _create(path)
        connection = _checked(path)
        if connection is not None:
            return connection, None
        aside = _put_aside(path)
        _create(path)
        connection = _connect(path)
        salvage(aside, connection)
        return connection, aside
    except (OSError, sqlite3.Error) as error:
        raise StorageFailed(f"the spool {path} cannot be opened: {error}") from error


def _create(path: Path) -> None:
    """An empty private file, whose name survives a power cut too."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _checked(path: Path) -> sqlite3.Connection | None:
    """None: the file is broken. A file that cannot be read because of its disk is not broken, and raises."""
    connection = None
    try:
        connection = _connect(path)
        verdict = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
        connection.execute("SELECT name, value FROM meta").fetchone()
        for table in ("outbox", "submits"):
            (bad,) = connection.execute(f"SELECT count(*) FROM {table} WHERE NOT json_valid(payload)").fetchone()
            verdict = verdict if not bad else [f"{bad} rows of {table} are no JSON"]
    except sqlite3.OperationalError as error:
        # Its tables are not ours: as good as broken. Else the disk is full, read-only or locked by another.
        if connection is not None:
            connection.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
            verdict = [str(error)]
        else:
            raise
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # a complaint of SQLite may quote what is no text
        verdict = [str(error)]
    if verdict == ["ok"]:
        return connection
    log.critical("the spool %s is broken (%s)", path, "; ".join(verdict))
    if connection is not None:
        connection.close()
    return None


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=256)
    connection.text_factory = lenient
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        migrate(connection)
    except (sqlite3.Error, UnicodeDecodeError):
        connection.close()
        raise
    return connection


def lenient(text: bytes) -> str:
    """A letter that a failing disk has changed must not stop the rows behind it."""
    return text.decode("utf-8", "replace")


def _put_aside(path: Path) -> Path:
    """Keep the broken file for whoever can read it. Its journal goes along, or the new file would swallow it."""
    aside = path.with_name(f"{path.name}.broken-{int(time.time())}")
    for suffix in ("", "-wal", "-shm"):
        part = Path(f"{path}{suffix}")
        if part.exists():
            part.replace(f"{aside}{suffix}")
    log.critical("the broken spool was kept as %s, and a new one begun", aside)
    return aside
