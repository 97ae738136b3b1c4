"""Where the log goes and what it may say: console or journald, each record with its edge, device, channel and call.

Numbers and secrets are shortened, control characters made visible, and a warning that repeats itself is counted
instead of written again.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

from telecore.redact import scrub

_FIELDS = ("edge", "device", "channel", "call")
_context: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("log_context", default=())
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_REPEAT_S = 300.0
_REMEMBERED = 256
_NOISY = ("websockets", "asyncio", "blib2to3")


@contextmanager
def about(**fields: str) -> Iterator[None]:
    """Everything logged inside, by this task and by those it starts, is about this edge, device, channel or call."""
    token = _context.set(tuple({**dict(_context.get()), **fields}.items()))
    try:
        yield
    finally:
        _context.reset(token)


def set_up(level: str, target: str, *, stream: TextIO | None = None) -> str:
    """Send the log to ``console``, ``journal`` or, with ``auto``, to the one that this process runs under.

    Returns the target taken: without systemd-python the journal is reached through the console.
    """
    journal = _journal_handler() if target == "journal" or (target == "auto" and _under_journald()) else None
    handler = journal or logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Formatter(with_time=journal is None and not _under_journald()))
    handler.addFilter(Context())
    handler.addFilter(Repetitions(time.monotonic))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    return "console" if journal is None else "journal"


class Context(logging.Filter):
    """Puts what the running task is about into the record."""

    def filter(self, record: logging.LogRecord) -> bool:
        known = dict(_context.get())
        for name in _FIELDS:
            if not hasattr(record, name):
                setattr(record, name, known.get(name, ""))
        return True


class Repetitions(logging.Filter):
    """Lets a warning through once in five minutes, and then says how often it was held back."""

    def __init__(self, clock: Callable[[], float], every_s: float = _REPEAT_S) -> None:
        super().__init__()
        self._clock = clock
        self._every_s = every_s
        self._said: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        key, now = (record.name, record.getMessage()), self._clock()
        said_at, held_back = self._said.get(key, (None, 0))
        if said_at is not None and now - said_at < self._every_s:
            self._said[key] = (said_at, held_back + 1)
            return False
        self._said[key] = (now, 0)
        self._said.move_to_end(key)
        while len(self._said) > _REMEMBERED:
            self._said.popitem(last=False)
        if held_back:
            record.msg, record.args = f"{record.getMessage()} ({held_back} more times since)", ()
        return True


class _Formatter(logging.Formatter):
    """One line per record: time, level, where, about what, message."""

    def __init__(self, *, with_time: bool) -> None:
        super().__init__(
            ("%(asctime)s " if with_time else "") + "%(levelname)s %(name)s%(about)s: %(message)s",
        )

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def format(self, record: logging.LogRecord) -> str:
        known = [str(getattr(record, name, "")) for name in _FIELDS]
        record.about = "".join(f" [{value}]" for value in known if value)
        return visible(scrub(super().format(record)))


def visible(line: str) -> str:
    """Control characters spelled out, so that nobody can forge a line of the log or repaint the terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", line)


def _under_journald() -> bool:
    return "JOURNAL_STREAM" in os.environ


def _journal_handler() -> logging.Handler | None:
    try:
        from systemd.journal import JournalHandler
    except ImportError:
        return None
    handler: logging.Handler = JournalHandler(SYSLOG_IDENTIFIER="edge-agent")
    return handler
