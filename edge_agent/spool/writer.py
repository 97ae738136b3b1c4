"""One thread, one connection, and group commit: who asks while a commit is under way shares the next one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, Generic, TypeVar

from edge_agent.spool.thread import OneThread
from telecore.errors import StorageFailed

T = TypeVar("T")
S = TypeVar("S")
A = TypeVar("A")
Work = Callable[[sqlite3.Connection], T]
Together = Callable[[sqlite3.Connection, Sequence[A]], Sequence[T]]
"""Does for each item what is to be done, all of them in one go; a result for each."""
_Outcome = tuple[Sequence[Any], S] | BaseException
_Job = tuple[Together[Any, Any], Any, "asyncio.Future[Any]"]
"""What is to be done, with what, and who waits for it."""

_MAX_BATCH = 1000


class Writer(Generic[S]):
    """Runs functions of the connection, in order, each inside a transaction it may share with others.

    ``observe`` looks at the database at the end of each transaction; ``observed`` gets what it saw, in the loop,
    after the commit and before any result is handed out. ``full`` is asked for room, on a full disk; when it has made
    some, the transaction is tried once more.
    """

    def __init__(
        self,
        thread: OneThread,
        connection: sqlite3.Connection,
        observe: Work[S],
        observed: Callable[[S], None],
        full: Callable[[], bool] = lambda: False,
    ) -> None:
        self._thread = thread
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
        return await self.run_with(_one_by_one, work)

    def run_with(self, together: Together[A, T], item: A) -> asyncio.Future[T]:
        """As ``run``; neighbours that ask for the same are handed to it together."""
        if self._closed:
            raise StorageFailed("the spool is closed")
        return self._ask(together, item)

    async def between(self, work: Work[T]) -> T:
        """The result of ``work``, done while no transaction is open. Raises StorageFailed."""
        if self._closed:
            raise StorageFailed("the spool is closed")
        return await self._thread.result(partial(self._guarded, work))

    async def close(self) -> None:
        """Finish what was asked, then let the file go."""
        if self._closed:
            return
        last = self._ask(_one_by_one, lambda _: None)
        self._closed = True
        await asyncio.wait([last])
        await self._thread.result(self._connection.close)
        self._thread.end()

    def _ask(self, together: Together[A, T], item: A) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append((together, item, future))
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
        self._thread.do(partial(self._commit, batch), partial(self._done, batch))

    def _batch(self) -> list[_Job]:
        if self._alone:
            return [self._alone.popleft()]
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), _MAX_BATCH))]

    def _done(self, batch: list[_Job], outcome: _Outcome[S]) -> None:
        if isinstance(outcome, BaseException):
            self._failed(batch, outcome)
        else:
            results, seen = outcome
            self._observed(seen)
            for (_, _, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)
        # After the callers just woken have asked for what they want next: they share one commit again.
        asyncio.get_running_loop().call_soon(self._next)

    def _guarded(self, work: Work[T]) -> T:
        with _translated():
            return work(self._connection)

    def _failed(self, batch: list[_Job], error: BaseException) -> None:
        if len(batch) > 1:
            # One of them is at fault; the others must not suffer for it.
            self._alone.extend(batch)
        elif not batch[0][2].done():
            batch[0][2].set_exception(error)

    def _commit(self, batch: list[_Job]) -> tuple[Sequence[Any], S]:
        with _translated():
            try:
                return self._transact(batch)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_FULL or not self._full():
                    raise
                return self._transact(batch)

    def _transact(self, batch: list[_Job]) -> tuple[Sequence[Any], S]:
        results: list[Any] = []
        with transaction(self._connection):
            for together, jobs in groupby(batch, key=itemgetter(0)):
                results += together(self._connection, [item for _, item, _ in jobs])
            return results, self._observe(self._connection)


def _one_by_one(connection: sqlite3.Connection, works: Sequence[Work[T]]) -> Sequence[T]:
    return [work(connection) for work in works]


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
