"""Whether the end of the write-ahead log was damaged (sqlite.org/fileformat2.html §4).

SQLite reads a log up to the first frame whose checksum is wrong and takes the rest for a transaction that was not
finished. Each commit here is synced before the next begins, so one may be unfinished; where more lie behind, some that
were acknowledged are lost.
"""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from pathlib import Path

_HEADER = struct.Struct(">IIIIIIII")
_FRAME = struct.Struct(">IIII")
_FRAME_SIZE = 24
_MAGIC = (0x377F0682, 0x377F0683)
UNFINISHED = 2
"""The one under way, and what a failed one may have left behind it."""


def commits(path: Path) -> list[int]:
    """The numbers, from 1, of the frames of this log that end a transaction, whatever their checksums."""
    found: list[int] = []
    try:
        with path.open("rb") as log:
            header = log.read(_HEADER.size)
            if len(header) < _HEADER.size:
                return []
            magic, _, page, _, salt1, salt2, _, _ = _HEADER.unpack(header)
            if magic not in _MAGIC:
                return []
            number = 0
            while len(frame := log.read(_FRAME_SIZE)) == _FRAME_SIZE:
                number += 1
                _, size, *salts = _FRAME.unpack_from(frame)
                if size and salts == [salt1, salt2]:
                    found.append(number)
                log.seek(page, 1)
    except OSError:
        return []
    return found


def lost(path: Path) -> int:
    """How many acknowledged transactions the end of this spool's log has lost; 0 for a file SQLite cannot open.

    Writes the log back, so nobody else may have the file open.
    """
    seen = commits(path.with_name(f"{path.name}-wal"))
    if len(seen) <= UNFINISHED:
        return 0
    try:
        with closing(sqlite3.connect(path)) as db:
            _, valid, _ = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except (sqlite3.Error, UnicodeDecodeError):
        return 0
    beyond = sum(number > valid for number in seen)
    return beyond if beyond > UNFINISHED else 0
