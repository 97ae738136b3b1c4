"""Where the log goes and what it may say: a line per record on standard error, numbers and secrets shortened."""

from __future__ import annotations

import logging
import os
import re
import sys
from datetime import UTC, datetime
from typing import TextIO

from telecore.redact import scrub

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NOISY = ("websockets", "aiohttp", "asyncio", "alembic", "sqlalchemy")


def set_up(level: str, stream: TextIO | None = None) -> None:
    """Replace whatever handlers there are."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(LineFormatter(with_time="JOURNAL_STREAM" not in os.environ))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))


class LineFormatter(logging.Formatter):
    """Time (systemd adds its own), level, where, message. Control characters are spelled out: no forged lines."""

    def __init__(self, *, with_time: bool) -> None:
        super().__init__(("%(asctime)s " if with_time else "") + "%(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def formatMessage(self, record: logging.LogRecord) -> str:
        return _visible(super().formatMessage(record).replace("\n", "\\x0a"))

    def format(self, record: logging.LogRecord) -> str:
        return _visible(scrub(super().format(record)))  # a traceback keeps its lines


def _visible(text: str) -> str:
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
