"""A thread of its own for one thing after the other.

An executor's hand-over takes twice as long, and with slow flash each commit waits for two of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
_Asked = tuple[Callable[[], Any], Callable[[Any], None], asyncio.AbstractEventLoop]

log = logging.getLogger(__name__)


class OneThread:
    """Begins at once, ends by ``end``, or with the process in the middle of whatever it does."""

    def __init__(self, name: str) -> None:
        self._asked: SimpleQueue[_Asked | None] = SimpleQueue()
        Thread(target=self._run, name=name, daemon=True).start()

    def do(self, work: Callable[[], T], told: Callable[[T | BaseException], None]) -> None:
        """Run ``work`` there; what it returns or raises is ``told`` in this loop."""
        self._asked.put((work, told, asyncio.get_running_loop()))

    async def result(self, work: Callable[[], T]) -> T:
        """Run ``work`` there and wait. Cancelling the wait does not stop it."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def told(outcome: T | BaseException) -> None:
            if future.done():
                return
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        self.do(work, told)
        return await future

    def end(self) -> None:
        """After what was asked for before."""
        self._asked.put(None)

    def _run(self) -> None:
        while (asked := self._asked.get()) is not None:
            work, told, loop = asked
            try:
                outcome = work()
            except BaseException as error:  # noqa: BLE001  (whatever it is, somebody waits for it)
                outcome = error
            try:
                loop.call_soon_threadsafe(told, outcome)
            except RuntimeError:
                log.debug("nobody waits any more: the loop is closed")
            del asked, work, told, outcome  # nothing is kept alive until something else is asked for
