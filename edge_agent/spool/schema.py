"""The tables, and how an older file becomes a newer one. The only file that knows sqlite-utils."""

from __future__ import annotations

import logging
import sqlite3
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from telecore.ids import new_id

if TYPE_CHECKING:
    from sqlite_utils import Database

log = logging.getLogger(__name__)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest shape. Each step is one transaction, so a power cut repeats it whole."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version >= len(MIGRATIONS):
        return
    db = _database(connection)
    for number, step in enumerate(MIGRATIONS[version:], version + 1):
        connection.execute("BEGIN IMMEDIATE")
        step(db)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    if 0 < version < _OVERWRITES:
        _without_leftovers(connection)


def _without_leftovers(connection: sqlite3.Connection) -> None:
    """Write the file anew. Where there is no room for that, what stands in its free places is overwritten in time."""
    try:
        connection.execute("VACUUM")
    except sqlite3.OperationalError as error:
        log.warning("what an earlier version left in the spool's free places stays there for now: %s", error)


def _database(connection: sqlite3.Connection) -> Database:
    """sqlite-utils, imported only when there is a step to take, and without the numpy it would pull in."""
    absent = [name for name in ("numpy", "pandas") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None there makes an import fail at once
    try:
        from sqlite_utils import Database
    finally:
        for name in absent:
            del sys.modules[name]
    return Database(connection)


def _first(db: Database) -> None:
    db.execute(_OUTBOX)
    db.execute("CREATE INDEX outbox_untold ON outbox (class, seq) WHERE acked_at IS NULL")
    db.execute("CREATE INDEX outbox_told ON outbox (acked_at) WHERE acked_at IS NOT NULL")
    db.create_table("meta", {"name": str, "value": str}, pk="name")
    db.execute("INSERT INTO meta (name, value) VALUES ('stream', ?)", (new_id(),))
    db.create_table("streams", {"stream": str, "applied": int}, pk="stream")
    db.create_table("journal", {"command": str, "kind": str, "subject": str, "at": float, "open": int}, pk="command")
    db.create_table("open_calls", {"call": str, "command": str, "answered_at": float}, pk="call")
    for name, columns, pk in _SMS_TABLES:
        db.create_table(name, columns, pk=pk)
    db.execute(_SUBMITS)
    db.execute(_REPORTS)
    for index in _SMS_INDEXES:
        db.execute(f"CREATE INDEX {index}")


_OUTBOX = """CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, class TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
    at REAL NOT NULL, payload TEXT NOT NULL, acked_at REAL)"""

_SUBMITS = """CREATE TABLE submits (
    n INTEGER PRIMARY KEY AUTOINCREMENT, message TEXT NOT NULL UNIQUE, command TEXT NOT NULL, channel TEXT NOT NULL,
    tail TEXT NOT NULL, payload TEXT NOT NULL, state TEXT NOT NULL, segment INTEGER NOT NULL,
    segments INTEGER NOT NULL, attempts INTEGER NOT NULL, mark INTEGER NOT NULL, at REAL NOT NULL)"""
"""``mark``: the newest report when the submit began."""

_REPORTS = """CREATE TABLE reports (
    n INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, key TEXT NOT NULL, ref INTEGER NOT NULL,
    tail TEXT NOT NULL, status INTEGER NOT NULL, done_at TEXT, at REAL NOT NULL, matched INTEGER NOT NULL,
    UNIQUE (channel, key))"""

_SMS_TABLES: tuple[tuple[str, dict[str, type], str | tuple[str, ...]], ...] = (
    (
        "sms_parts",
        {"channel": str, "key": str, "message": str, "part": int, "body": bytes, "seen_at": float},
        ("channel", "key"),
    ),
    (
        "sms_open",
        {
            "message": str, "channel": str, "sender": str, "ref": int, "wide": int, "parts": int, "sent_at": str,
            "recipient": str, "waited_s": float,
        },
        "message",
    ),
    (
        "submit_refs",
        {
            "message": str, "segment": int, "channel": str, "ref": int, "tail": str, "at": float, "outcome": str,
            "status": int, "done_at": str,
        },
        ("message", "segment"),
    ),
)  # fmt: skip

_SMS_INDEXES = (
    "sms_parts_message ON sms_parts (message)",
    "submits_state ON submits (state, n)",
    "submit_refs_ref ON submit_refs (channel, ref)",
    "reports_ref ON reports (channel, ref)",
)


def _second(db: Database) -> None:
    db.create_table("sim_facts", {"iccid": str, "name": str, "value": str, "at": float}, pk=("iccid", "name"))
    db.execute(
        "CREATE TABLE sim_usage (iccid TEXT NOT NULL, kind TEXT NOT NULL, hour INTEGER NOT NULL, tail TEXT NOT NULL,"
        " amount REAL NOT NULL, PRIMARY KEY (iccid, kind, hour, tail)) WITHOUT ROWID"
    )


def _third(db: Database) -> None:
    for column in ("flash INTEGER NOT NULL DEFAULT 0", "port INTEGER", "octets INTEGER NOT NULL DEFAULT 0"):
        db.execute(f"ALTER TABLE sms_open ADD COLUMN {column}")


def _fourth(db: Database) -> None:
    db.execute("ALTER TABLE reports ADD COLUMN others TEXT NOT NULL DEFAULT ''")


def _fifth(db: Database) -> None:
    db.execute("ALTER TABLE streams ADD COLUMN mark TEXT NOT NULL DEFAULT ''")


def _sixth(db: Database) -> None:
    db.execute("ALTER TABLE submits ADD COLUMN held INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE submits ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0")
    copy = {
        "message": str, "segment": int, "segments": int, "device": str, "store": str, "place": int, "identity": str,
        "settings": str,
    }  # fmt: skip
    db.create_table("sms_copies", copy, pk="message")


def _seventh(db: Database) -> None:
    db.create_table("erased", {"sid": str, "at": float, "redacted": int}, pk="sid")
    db.create_table("erased_sounds", {"sha256": str}, pk="sha256")


MIGRATIONS: tuple[Callable[[Database], None], ...] = (_first, _second, _third, _fourth, _fifth, _sixth, _seventh)
"""Only ever added to."""
_OVERWRITES = 7
"""Until this version deleted rows stood in the file's free places for a while."""
