"""One thread, one connection, and group commit: who asks while a commit is under way shares the next one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from telecore.errors import StorageFailed

T = TypeVar("T")
S = TypeVar("S")
Work = Callable[[sqlite3.Connection], T]
_Job = tuple[Work[Any], "asyncio.Future[Any]"]

_MAX_BATCH = 1000


class Writer(Generic[S]):
    """Runs functions of the connection, in order, each inside a transaction it may share with others.

    ``observe`` looks at the database at the end of each transaction; ``observed`` gets what it saw, in the loop,
    after the commit and before any result is handed out. ``full`` is asked for room, on a full disk; when it has made
    some, the transaction is tried once more.
    """

    def __init__(
        self,
        executor: ThreadPoolExecutor,
        connection: sqlite3.Connection,
        observe: Work[S],
        observed: Callable[[S], None],
        full: Callable[[], bool] = lambda: False,
    ) -> None:
        self._executor = executor
        self._connection = connection
        self._observe = observe
        self._observed = observed
        self._full = full
        self._waiting: deque[_Job] = deque()
        self._alone: deque[_Job] = deque()
        self._busy = False
        self._closed = False

    async def run(self, work: Work[T]) -> T:
        """The result of ``work``, after its commit. Raises StorageFailed, and what ``work`` raises.

        Cancelling the wait does not undo the work. ``work`` may be run twice (the first time rolled back), so it
        changes nothing but the database.
        """
        if self._closed:
            raise StorageFailed("the spool is closed")
        return await self._ask(work)

    async def between(self, work: Work[T]) -> T:
        """The result of ``work``, done while no transaction is open. Raises StorageFailed."""
        if self._closed:
            raise StorageFailed("the spool is closed")
        return await asyncio.wrap_future(self._executor.submit(self._guarded, work))

    async def close(self) -> None:
        """Finish what was asked, then let the file go."""
        if self._closed:
            return
        last = self._ask(lambda _: None)
        self._closed = True
        await asyncio.wait([last])
        await asyncio.wrap_future(self._executor.submit(self._connection.close))
        self._executor.shutdown(wait=False)

    def _ask(self, work: Work[T]) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append((work, future))
        if not self._busy:
            self._busy = True
            # Not at once: whoever else asks in this turn of the loop comes along.
            loop.call_soon(self._next)
        return future

    def _next(self) -> None:
        batch = self._batch()
        if not batch:
            self._busy = False
            return
        outcome = asyncio.wrap_future(self._executor.submit(self._commit, [work for work, _ in batch]))
        outcome.add_done_callback(lambda done: self._done(batch, done))

    def _batch(self) -> list[_Job]:
        if self._alone:
            return [self._alone.popleft()]
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), _MAX_BATCH))]

    def _done(self, batch: list[_Job], outcome: asyncio.Future[tuple[list[Any], S]]) -> None:
        error = outcome.exception()
        if error is None:
            results, seen = outcome.result()
            self._observed(seen)
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)
        elif len(batch) > 1:
            # One of them is at fault; the others must not suffer for it.
            self._alone.extend(batch)
        elif not batch[0][1].done():
            batch[0][1].set_exception(error)
        # After the callers just woken have asked for what they want next: they share one commit again.
        asyncio.get_running_loop().call_soon(self._next)

    def _guarded(self, work: Work[T]) -> T:
        with _translated():
            return work(self._connection)

    def _commit(self, batch: list[Work[Any]]) -> tuple[list[Any], S]:
        with _translated():
            try:
                return self._transact(batch)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_FULL or not self._full():
                    raise
                return self._transact(batch)

    def _transact(self, batch: list[Work[Any]]) -> tuple[list[Any], S]:
        with transaction(self._connection):
            return [work(self._connection) for work in batch], self._observe(self._connection)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    finished = False
    try:
        yield
        connection.execute("COMMIT")
        finished = True
    finally:
        if not finished and connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StorageFailed(f"the spool cannot be written: {error}") from error
