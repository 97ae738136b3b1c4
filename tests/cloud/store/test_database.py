"""Group commit, isolation of failures, and what happens when the disk is full."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import threading
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from cloud.store import accounts
from cloud.store.database import READERS, Conflict, Connection, Database, StoreFailed, Unfit
from cloud.store.records import AccountRecord
from cloud.store.schema import clips
from telecore.errors import LocalProtocolError, NotFound

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What is about SQLite's file, its settings and its threads' connections."""


def put(conn: Connection, key: str) -> str:
    conn.execute(clips.insert().values(key=key, sha256="0" * 64, size=1, ms=1, made_at=accounts.now()))
    return key


def keys(conn: Connection) -> set[str]:
    return {key for (key,) in conn.execute(text("SELECT key FROM clips"))}


async def test_a_write_returns_its_result_and_is_seen_by_readers(db: Database) -> None:
    assert await db.write(lambda conn: put(conn, "a")) == "a"
    assert await db.read(keys) == {"a"}


async def test_many_writers_share_few_commits(db: Database, tmp_path: Path) -> None:
    held = threading.Event()
    blocker = asyncio.create_task(db.write(lambda conn: held.wait(5)))
    await asyncio.sleep(0.05)
    transactions: list[object] = []  # themselves: the id of one that is over may be another's

    def note(conn: Connection, key: str) -> None:
        put(conn, key)
        transactions.append(conn.get_transaction())

    writers = [asyncio.create_task(db.write(lambda conn, n=n: note(conn, f"k{n}"))) for n in range(100)]
    await asyncio.sleep(0.05)
    held.set()
    await asyncio.gather(blocker, *writers)
    assert len({id(one) for one in transactions}) == 1
    assert len(await db.read(keys)) == 100


async def test_reads_that_wait_share_views_younger_than_they_are(db: Database) -> None:
    held = threading.Event()
    blockers = [asyncio.create_task(db.read(lambda conn: held.wait(5))) for _ in range(READERS)]
    await asyncio.sleep(0.05)
    views: list[object] = []

    def note(conn: Connection) -> set[str]:
        found = keys(conn)
        views.append(conn.get_transaction())
        return found

    early = [asyncio.create_task(db.read(note)) for _ in range(40)]
    await asyncio.sleep(0)
    await db.write(lambda conn: put(conn, "a"))
    late = [asyncio.create_task(db.read(note)) for _ in range(40)]
    await asyncio.sleep(0.05)
    held.set()
    await asyncio.gather(*blockers, *early)
    assert await asyncio.gather(*late) == [{"a"}] * 40
    assert None not in views
    assert len({id(view) for view in views}) < 40


async def test_a_read_sees_one_view_from_its_first_to_its_last_statement(db: Database) -> None:
    looked, written = threading.Event(), threading.Event()

    def look_twice(conn: Connection) -> tuple[set[str], set[str]]:
        first = keys(conn)
        looked.set()
        written.wait(5)
        return first, keys(conn)

    reading = asyncio.create_task(db.read(look_twice))
    await asyncio.to_thread(looked.wait, 5)
    await db.write(lambda conn: put(conn, "a"))
    written.set()
    assert await reading == (set(), set())
    assert await db.read(keys) == {"a"}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_server_that_cuts_a_connection_fails_only_what_ran_on_it(db: Database) -> None:
    cut = text("SELECT pg_terminate_backend(pg_backend_pid())")
    held = threading.Event()
    blockers = [asyncio.create_task(db.read(lambda conn: held.wait(5))) for _ in range(READERS)]
    blockers.append(asyncio.create_task(db.write(lambda conn: held.wait(5))))
    await asyncio.sleep(0.05)
    reads = [asyncio.create_task(db.read(work)) for work in (keys, lambda conn: conn.execute(cut), keys, keys) * 4]
    writes = [asyncio.create_task(db.write(work)) for work in (partial(put, key="a"), lambda conn: conn.execute(cut))]
    await asyncio.sleep(0.05)
    held.set()
    await asyncio.gather(*blockers)
    assert [type(one) for one in await asyncio.gather(*reads, return_exceptions=True)] == [
        set,
        StoreFailed,
        set,
        set,
    ] * 4
    assert [type(one) for one in await asyncio.gather(*writes, return_exceptions=True)] == [StoreFailed] * 2
    assert await db.write(lambda conn: put(conn, "b")) == "b"
    assert await db.read(keys) == {"b"}


async def test_a_read_that_fails_takes_no_other_down(db: Database) -> None:
    held = threading.Event()
    blockers = [asyncio.create_task(db.read(lambda conn: held.wait(5))) for _ in range(READERS)]
    await asyncio.sleep(0.05)

    def fail(conn: Connection) -> None:
        raise NotFound("no such thing")

    asked = [keys, fail, lambda conn: conn.execute(text("SELECT nothing FROM nowhere")), keys] * 5
    reads = [asyncio.create_task(db.read(work)) for work in asked]
    given_up = asyncio.create_task(db.read(lambda conn: put(conn, "never")))
    await asyncio.sleep(0.05)
    given_up.cancel()
    held.set()
    results = await asyncio.gather(*blockers, *reads, return_exceptions=True)
    assert [type(one) for one in results[READERS:]] == [set, NotFound, StoreFailed, set] * 5


async def test_one_that_fails_takes_no_other_down(db: Database) -> None:
    def fail(conn: Connection) -> None:
        put(conn, "half")
        raise NotFound("no such thing")

    results = await asyncio.gather(
        db.write(lambda conn: put(conn, "a")),
        db.write(fail),
        db.write(lambda conn: put(conn, "b")),
        return_exceptions=True,
    )
    assert results[0] == "a"
    assert isinstance(results[1], NotFound)
    assert results[2] == "b"
    assert await db.read(keys) == {"a", "b"}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_what_no_repetition_can_store_is_no_fault_of_the_moment(db: Database) -> None:
    """Columns of SQLite have no length."""
    with pytest.raises(Unfit, match="the store cannot hold it") as caught:
        await db.write(lambda conn: put(conn, "+85512345678" * 100))
    assert "+85512345678" not in str(caught.value)
    assert await db.write(lambda conn: put(conn, "short")) == "short"
    with pytest.raises(Unfit):
        await db.write(lambda conn: put(conn, "a\0b"))


async def test_a_broken_key_is_a_conflict_told_in_a_line_without_the_rows_values(db: Database) -> None:
    await db.write(lambda conn: put(conn, "+85512345678"))
    with pytest.raises(Conflict, match="a conflict in the store: .*clips") as caught:
        await db.write(lambda conn: put(conn, "+85512345678"))
    assert "+85512345678" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_row_of_nobodys_account_is_refused(db: Database) -> None:
    with pytest.raises(Conflict):
        await db.write(
            lambda conn: conn.execute(
                text("INSERT INTO notifications VALUES (1,'NO','ACx','s','error',1,'t','','POST',0)")
            )
        )


@sqlite
async def test_a_full_disk_fails_the_whole_group_and_keeps_nothing(db: Database) -> None:
    await db.write(lambda conn: put(conn, "before"))
    pages = await db.read(lambda conn: int(conn.execute(text("PRAGMA page_count")).scalar_one()))
    held = threading.Event()
    blocker = asyncio.create_task(db.write(lambda conn: held.wait(5)))
    await asyncio.sleep(0.05)
    # SQLITE_FULL, as a full disk raises it, in the middle of a group of three.
    limit = asyncio.create_task(db.write(lambda conn: conn.execute(text(f"PRAGMA max_page_count={pages}")).close()))
    first = asyncio.create_task(db.write(lambda conn: put(conn, "first")))
    big = asyncio.create_task(db.write(lambda conn: put(conn, "x" * 100_000)))
    after = asyncio.create_task(db.write(lambda conn: put(conn, "after")))
    await asyncio.sleep(0.05)
    held.set()
    results = await asyncio.gather(blocker, limit, first, big, after, return_exceptions=True)
    stored = await db.read(keys)
    assert isinstance(results[3], StoreFailed)
    # What was told to be stored is stored, and nothing else.
    told = {key for key in ("first", "after") if key in results}
    assert stored == {"before"} | told
    await db.write(lambda conn: conn.execute(text("PRAGMA max_page_count=100000")).close())
    assert await db.write(lambda conn: put(conn, "again")) == "again"


@sqlite
async def test_readers_cannot_write(db: Database) -> None:
    with pytest.raises(StoreFailed):
        await db.read(lambda conn: put(conn, "a"))


async def test_a_cancelled_writer_that_has_not_begun_writes_nothing(db: Database) -> None:
    held = threading.Event()
    blocker = asyncio.create_task(db.write(lambda conn: held.wait(5)))
    await asyncio.sleep(0.05)
    writer = asyncio.create_task(db.write(lambda conn: put(conn, "a")))
    await asyncio.sleep(0)
    writer.cancel()
    await asyncio.sleep(0)
    held.set()
    await blocker
    assert await db.read(keys) == set()


@sqlite
async def test_what_was_acknowledged_survives_without_a_close(db: Database, tmp_path: Path) -> None:
    await db.write(lambda conn: put(conn, "a"))
    with sqlite3.connect(tmp_path / "cloud.db") as other:
        assert other.execute("SELECT key FROM clips").fetchall() == [("a",)]
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()


@sqlite
async def test_commits_are_flushed_to_the_disk(db: Database) -> None:
    assert await db.write(lambda conn: conn.execute(text("PRAGMA synchronous")).scalar_one()) == 2  # FULL


async def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path / 'cloud.db'}"):
        pass
    assert stat.S_IMODE((tmp_path / "cloud.db").stat().st_mode) == 0o600


async def test_close_commits_what_is_queued_and_leaves_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    await database.open()
    writers = [asyncio.create_task(database.write(lambda conn, n=n: put(conn, f"k{n}"))) for n in range(20)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*writers)
    async with database:
        assert len(await database.read(keys)) == 20
    left = {thread for thread in set(threading.enumerate()) - before if thread.name.startswith("store")}
    assert left == set()
    with pytest.raises(LocalProtocolError):
        await database.write(lambda conn: None)


async def test_a_file_that_is_no_database_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(os.urandom(8192))
    with pytest.raises(StoreFailed, match="not a database"):
        await Database(f"sqlite:///{tmp_path / 'x.db'}").open()


async def test_accounts_have_twilios_shape(account: AccountRecord) -> None:
    assert len(account.sid) == 34
    assert len(account.auth_token) == 32
