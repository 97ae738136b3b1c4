"""The one door to the database: a thread that writes and commits in groups, and a few that read.

On SQLite (WAL, ``synchronous=FULL``) every commit costs a flush of the disk. All writes that wait while one flush runs
share the next transaction, each inside a savepoint, so that one that fails takes no other down. Reads that wait share a
view, which is younger than all of them.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from cloud import private_file
from cloud.sealing import Seals
from cloud.store import migrate, sealed, soundness
from cloud.store.beside import beside
from cloud.store.jobs import Answers, Job
from telecore.errors import LocalProtocolError, Refused, Transient

__all__ = ["Conflict", "Connection", "Database", "StoreFailed"]

T = TypeVar("T")

GROUP = 256
"""Writes that share one commit at most; bounds how long the first of them waits."""
BUSY_MS = 5000
READERS = 4
READ_GROUP = 16
"""Reads that share a view at most."""
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    f"busy_timeout={BUSY_MS}",
    "foreign_keys=ON",
    "secure_delete=ON",  # what is deleted is overwritten: bodies, numbers, a voucher that was delivered
)


class Conflict(Refused):
    """A row with that key is there already, or one it refers to is not."""

    code = 20409
    status = 409


class StoreFailed(Transient):
    """The database could not do it now: disk full, locked, or failing. Nothing of the transaction was kept."""


class Unfit(StoreFailed):
    """It will not do it later either: a value is longer than its column, or out of its range."""


class Database:
    """``url`` is SQLAlchemy's: ``sqlite:////var/lib/simferry/cloud.db``. Use as an async context manager.

    ``check``: read all of a SQLite file at the start and refuse a damaged one. ``seals``: the keys of the secrets in
    it, by default in a file beside SQLite's. ``lost``: begin though some cannot be opened, to give them up.
    """

    def __init__(self, url: str, *, check: bool = False, seals: Seals | None = None, lost: bool = False) -> None:
        self._check = check
        self._lost = lost
        self.erased = True
        """Something was deleted of which nothing may be left, perhaps before we began: ``scrub`` is due."""
        self._url = make_url(url)
        self._lite = self._url.get_backend_name() == "sqlite"
        self.seals = seals or migrate.seals_beside(self._url)
        self._jobs: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()
        self._reads: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._engines: list[Engine] = []

    async def open(self) -> None:
        """Bring the schema up to date and start the threads. Raises StoreFailed, StoreBroken, SealBroken."""
        await asyncio.to_thread(self._prepare)
        writing, reading = self._engine("BEGIN IMMEDIATE", writer=True), self._engine("BEGIN", writer=False)
        await asyncio.to_thread(_try_out, writing, reading)
        await asyncio.to_thread(self._tend_seals, reading)
        self._loop = asyncio.get_running_loop()
        self._answers = Answers(self._loop, _translated)
        works = [("store-writer", self._write_for_ever, writing)]
        works += [(f"store-reader-{n}", self._read_for_ever, reading) for n in range(READERS)]
        for name, work, engine in works:
            self._threads.append(threading.Thread(target=work, args=(engine,), name=name, daemon=True))
            self._threads[-1].start()

    async def close(self) -> None:
        """Commit what is queued, then let go."""
        threads, self._threads = self._threads, []
        if not threads:
            return
        self._jobs.put(None)
        for _ in range(READERS):
            self._reads.put(None)
        for thread in threads:
            await asyncio.to_thread(thread.join)
        for engine in self._engines:
            engine.dispose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def write(self, write: Callable[[Connection], T]) -> T:
        """Run ``write`` in the writer's transaction and return its result after the commit.

        What stands ``beside`` goes along with it. What it raises is raised here and undoes its own changes only.
        Raises Conflict, StoreFailed. A caller that is cancelled cannot tell whether the write was made.
        """
        also = beside.get()
        return await self._queued(self._jobs, write if also is None else also.joined(write))

    async def read(self, read: Callable[[Connection], T]) -> T:
        """Run ``read`` on one consistent view, beside the writer. Raises StoreFailed."""
        return await self._queued(self._reads, read)

    def _queued(self, jobs: queue.SimpleQueue[Job[Any] | None], work: Callable[[Connection], T]) -> asyncio.Future[T]:
        if not self._threads:
            raise LocalProtocolError("the database is not open")
        done: asyncio.Future[T] = self._loop.create_future()
        jobs.put(Job(work, done))
        return done

    async def scrub(self) -> bool:
        """Empty SQLite's log, where what was deleted stands until it is overwritten; False: a reader is in the way.

        PostgreSQL's vacuum does its part by itself. Raises StoreFailed.
        """
        self.erased, done = False, False
        try:
            done = await asyncio.to_thread(self._scrub) if self._lite and self._url.database else True
        finally:
            self.erased = self.erased or not done
        return done

    def _scrub(self) -> bool:
        try:
            conn = sqlite3.connect(str(self._url.database), timeout=1.0, isolation_level=None)
            with closing(conn):
                busy, _, _ = conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                return not busy
        except sqlite3.Error as error:
            raise _translated(error) from error

    def _prepare(self) -> None:
        path = Path(self._url.database) if self._lite and self._url.database else None
        if path is not None:
            soundness.check_there(path)
            if self._check:
                soundness.check_whole(path)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = not path.exists()
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))  # SQLite itself would make it 0644
            if fresh:
                private_file.hand_over(path, path.parent)
        if not migrate.is_newest(self._url):
            try:
                migrate.upgrade(self._url, seals=self.seals)
            except SQLAlchemyError as error:
                raise _translated(error) from error
            if path is not None:
                self._scrub()  # the log still has what the migrations removed
        if path is not None:
            soundness.note_made(path)

    def _tend_seals(self, engine: Engine) -> None:
        """Whether all secrets can be opened; the first key, where there is none yet to open."""
        self.seals.look()
        try:
            if not self._lost:
                with engine.begin() as conn:
                    sealed.check(conn)
        except (SQLAlchemyError, sqlite3.Error) as error:
            if self._lite and self._url.database:
                soundness.refuse_damage(Path(self._url.database), error)
            raise _translated(error) from error
        self.seals.tend()

    def _engine(self, begin: str, *, writer: bool) -> Engine:
        engine = create_engine(
            self._url,
            pool_size=1 if writer else READERS,
            max_overflow=0,
            execution_options=sealed.options(self.seals),
            isolation_level="REPEATABLE READ" if not self._lite and not writer else None,
        )
        if self._lite:
            _tune(engine, begin, query_only=not writer)
        self._engines.append(engine)
        return engine

    def _write_for_ever(self, engine: Engine) -> None:
        while (job := self._jobs.get()) is not None:
            group, last = [job], False
            with suppress(queue.Empty):
                while len(group) < GROUP and not last:
                    more = self._jobs.get_nowait()
                    last = more is None
                    group.extend([] if more is None else [more])
            group = [job for job in group if job.wanted]
            _commit(engine, group)
            self._answers.tell(*group)
            if last:
                return

    def _read_for_ever(self, engine: Engine) -> None:
        while (job := self._reads.get()) is not None:
            group, more = deque([job]), min(READ_GROUP, self._reads.qsize() // READERS + 1)
            with suppress(queue.Empty):
                while len(group) < more:
                    if (another := self._reads.get_nowait()) is None:
                        self._reads.put(None)  # for the next of us, or for this one's next turn
                        break
                    group.append(another)
            while group:
                _look(engine, group, self._answers)


def _try_out(*engines: Engine) -> None:
    """The first connection of each is made while somebody can still be told that it fails. Raises StoreFailed."""
    try:
        for engine in engines:
            engine.connect().close()
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise _translated(error) from error


def _look(engine: Engine, group: deque[Job[Any]], answers: Answers) -> None:
    """Take from the group and answer, all on one view, until it is empty or the database fails one.

    Nothing is committed, so a connection that one has lost fails no other.
    """
    try:
        with engine.connect() as conn:
            while group:
                with group[0] as job:
                    if job.wanted:
                        job.result = job.work(conn)
                group.popleft()
                answers.tell(job)
                if isinstance(job.error, DBAPIError | sqlite3.Error):
                    return
    except (SQLAlchemyError, sqlite3.Error) as error:
        if group:
            failed = group.popleft()
            failed.error = error
            answers.tell(failed)


def _commit(engine: Engine, group: list[Job[Any]]) -> None:
    """One transaction for all; whoever fails alone is undone alone."""
    try:
        with engine.begin() as conn:
            raw = conn.connection.dbapi_connection
            execute = raw.execute if isinstance(raw, sqlite3.Connection) else conn.exec_driver_sql
            for job in group:
                _run(conn, execute, job)
    except (SQLAlchemyError, sqlite3.Error) as error:  # the latter from savepoints, and where a new connection is tuned
        for job in group:
            job.error = error


def _run(conn: Connection, execute: Callable[[str], object], job: Job[Any]) -> None:
    """As within ``Connection.begin_nested``, at a tenth of its price, which every write of the cloud would pay."""
    execute("SAVEPOINT one")
    with job:
        job.result = job.work(conn)
    if job.error is not None:
        if isinstance(job.error, DBAPIError):
            _refuse_broken(conn, job.error)
        execute("ROLLBACK TO SAVEPOINT one")
    execute("RELEASE SAVEPOINT one")


def _refuse_broken(conn: Connection, error: DBAPIError) -> None:
    """The connection is lost; or SQLite has dropped all of it, on a full disk: what follows would commit by itself."""
    if conn.invalidated or not getattr(conn.connection.dbapi_connection, "in_transaction", True):
        raise error


def _tune(engine: Engine, begin: str, *, query_only: bool) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(raw: Any, _: object) -> None:
        raw.isolation_level = None  # we begin transactions ourselves
        for pragma in _PRAGMAS:
            raw.execute(f"PRAGMA {pragma}").close()
        if query_only:
            raw.execute("PRAGMA query_only=ON").close()

    @event.listens_for(engine, "begin")
    def on_begin(conn: Connection) -> None:
        conn.exec_driver_sql(begin)


def _translated(error: BaseException) -> BaseException:
    if isinstance(error, IntegrityError):
        made: BaseException = Conflict(f"a conflict in the store: {_first_line(error.orig)}")
    elif isinstance(error, DataError):
        made = Unfit(f"the store cannot hold it: {_first_line(error.orig)}")
    elif isinstance(error, DBAPIError | sqlite3.Error):
        made = StoreFailed(f"the store failed: {_first_line(getattr(error, 'orig', error))}")
    else:
        return error
    made.__cause__ = error
    return made


def _first_line(error: object) -> str:
    """What PostgreSQL adds in further lines are guesses, and values of the row."""
    return str(error).partition("\n")[0]
