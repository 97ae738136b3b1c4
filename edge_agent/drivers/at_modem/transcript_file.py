"""A transcript on disk that grows for a day: bounded, and each of its files can be read for itself."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge_agent.drivers.at_modem.transcript import Entry, header_lines

LIMIT_BYTES = 8 * 1024 * 1024
KEPT = 4


class TranscriptFile:
    """``append`` blocks; call it from a thread. ``log.txt`` is the newest, ``log.txt.1`` the one before it, …"""

    def __init__(
        self, path: Path, header: Mapping[str, str], *, limit_bytes: int = LIMIT_BYTES, kept: int = KEPT
    ) -> None:
        self.entries = 0
        self.size = 0
        self._path = path
        self._header = dict(header)
        self._limit = limit_bytes
        self._kept = kept
        self._start()

    def append(self, entries: Sequence[Entry]) -> None:
        """Raises OSError. The file is whole after each call."""
        text = "".join(f"{entry.line()}\n" for entry in entries)
        if self.size + len(text) > self._limit and self.entries:
            self._rotate()
        with self._path.open("a", encoding="ascii") as file:
            file.write(text)
        self.size += len(text)
        self.entries += len(entries)

    def _rotate(self) -> None:
        for number in range(self._kept - 1, 0, -1):
            older = _numbered(self._path, number)
            if older.exists():
                os.replace(older, _numbered(self._path, number + 1))
        os.replace(self._path, _numbered(self._path, 1))
        self._start()

    def _start(self) -> None:
        text = "".join(f"{line}\n" for line in header_lines(self._header))
        with open(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        self.size = len(text)


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
