"""One SQLite file copied while others write, looked through, and read for what a backup says of it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from cloud.sealing import ID_LENGTH, MARK, key_id
from cloud.store.backup.manifest import Street
from cloud.store.sealed import COLUMNS, PAYLOAD
from telecore.errors import InvalidRequest, StorageFailed

_BUSY_S = 30.0
_NAMED = ("recordings", "clips")
_ROWS = ("accounts", "edges", "messages", "calls", "recordings", "events", "outbox", "callbacks")


@dataclass(frozen=True, slots=True)
class Facts:
    """``named``: the hashes of the sound that must lie beside it; ``keys``: ids of those that sealed its secrets."""

    schema: str
    rows: dict[str, int]
    streets: dict[str, Street]
    named: frozenset[str]
    keys: frozenset[str]


def copy(source: Path, target: Path) -> None:
    """All of it as of one moment, in one step: a copy in several begins anew whenever somebody writes.

    The controller goes on writing to its log meanwhile. Raises StorageFailed.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    try:
        with _reading(source) as here, contextlib.closing(sqlite3.connect(target)) as there:
            here.backup(there, pages=-1)
            there.execute("PRAGMA journal_mode=DELETE").close()  # one file, complete by itself
    except sqlite3.Error as error:
        raise StorageFailed(f"the database {source} cannot be copied: {error}") from error


def facts(path: Path) -> Facts:
    """Raises InvalidRequest for what is no whole database of ours."""
    try:
        with _reading(path) as conn:
            _look_through(conn, path)
            have = {name for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            version = conn.execute("SELECT version_num FROM alembic_version").fetchone()
            rows = {name: conn.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in _ROWS if name in have}
            named = {
                sha256
                for name in _NAMED
                for (sha256,) in conn.execute(f"SELECT sha256 FROM {name}{_PRESENT.get(name, '')}")  # noqa: S608
            }
            return Facts(str(version[0]), rows, _streets(conn), frozenset(named), _keys(conn))
    except (sqlite3.Error, TypeError) as error:
        raise InvalidRequest(f"{path} is no database of the controller: {error}") from error


_PRESENT = {"recordings": " WHERE status = 'completed'"}


def _look_through(conn: sqlite3.Connection, path: Path) -> None:
    found = [text for (text,) in conn.execute("PRAGMA integrity_check(5)")]
    if found != ["ok"]:
        raise InvalidRequest(f"the database {path} is damaged: {'; '.join(map(str, found))[:300]}")
    if conn.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise InvalidRequest(f"the database {path} is damaged: some rows refer to others that are not there")


def _streets(conn: sqlite3.Connection) -> dict[str, Street]:
    asked = (
        "SELECT edge, outbox_highest, coalesce((SELECT seq FROM applied WHERE applied.edge = edges.edge "
        "ORDER BY at DESC LIMIT 1), 0) FROM edges"
    )
    return {edge: Street(given_out, applied) for edge, given_out, applied in conn.execute(asked)}


def _keys(conn: sqlite3.Connection) -> frozenset[str]:
    found = {
        value
        for name, columns in [("outbox", ("payload",)), *((name, one.columns) for name, one in COLUMNS.items())]
        for column in _those_there(conn, name, columns)
        for (value,) in conn.execute(_sealed_in(name, column))
    }
    return frozenset(id_ for value in found if (id_ := key_id(value)))


def _those_there(conn: sqlite3.Connection, name: str, columns: tuple[str, ...]) -> list[str]:
    """An older schema has not all of them."""
    have = {str(row[1]) for row in conn.execute(f"PRAGMA table_info({name})")}
    return [column for column in columns if column in have]


def _sealed_in(name: str, column: str) -> str:
    """The beginnings of what is sealed there, as many as there are keys."""
    value = f"json_extract({column}, '$.{PAYLOAD}')" if column == "payload" else column
    beginning = f"substr({value}, 1, {len(MARK) + ID_LENGTH + 1})"
    return f"SELECT DISTINCT {beginning} FROM {name} WHERE {beginning} LIKE '{MARK}%'"  # noqa: S608


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    conn = sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=_BUSY_S, isolation_level=None)
    with contextlib.closing(conn):
        yield conn
