"""A row that goes with whatever is written next, in the same transaction: both are kept, or neither."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Beside:
    """``kept`` once the row went along with a write that did not fail. Later writes go alone."""

    def __init__(self, row: Callable[[Connection], object]) -> None:
        self._row = row
        self.kept = False

    def joined(self, write: Callable[[Connection], T]) -> Callable[[Connection], T]:
        """The write with the row, unless it has gone along with an earlier one."""

        def both(conn: Connection) -> T:
            result = write(conn)
            if not self.kept:
                self._row(conn)
                self.kept = True
            return result

        return both


beside: ContextVar[Beside | None] = ContextVar("beside", default=None)
"""Set where a request begins that is to leave a row, for the writes of its task."""
