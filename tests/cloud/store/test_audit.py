"""The log that is only added to: what is changed, taken out, put in, or cut off is found."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from cloud.services import audit_anchors
from cloud.store import audit
from cloud.store.audit import Head
from cloud.store.beside import Beside, beside
from cloud.store.database import Database, StoreFailed
from cloud.store.records.audit import Entry
from tests.fakes.store import store_url

ENTRIES = 40


async def filled(db: Database) -> list[Head]:
    heads = []
    for n in range(ENTRIES):
        made = await db.write(lambda conn, n=n: audit.append(conn, Entry("operator ann", f"did {n}", "x\ud800\0")))
        heads.append(Head(made.number, made.hash))
    return heads


async def tampered(db: Database, *statements: str) -> None:
    """As somebody does who has the file, and knows of the triggers."""

    def write(conn: Connection) -> None:
        if conn.dialect.name == "sqlite":
            conn.execute(text("DROP TRIGGER audit_no_UPDATE"))
            conn.execute(text("DROP TRIGGER audit_no_DELETE"))
        for statement in statements:
            conn.execute(text(statement))

    await db.write(write)


async def test_a_log_that_nobody_touched_is_whole(tmp_path: Path) -> None:
    async with Database(store_url(tmp_path)) as db:
        heads = await filled(db)
        verdict = await db.read(lambda conn: audit.verify(conn, heads))
        assert verdict.faults == ()
        assert (verdict.entries, verdict.head) == (ENTRIES, heads[-1])
        assert [row.action for row in await db.read(lambda conn: audit.latest(conn, 2, below=10))] == ["did 8", "did 7"]


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = 'x' WHERE number = 3", "DELETE FROM audit"])
async def test_the_database_refuses_changes(tmp_path: Path, statement: str) -> None:
    async with Database(store_url(tmp_path)) as db:
        await filled(db)
        with pytest.raises(Exception, match="append only"):
            await db.write(lambda conn: conn.execute(text(statement)))
        assert (await db.read(audit.verify)).entries == ENTRIES


def edit(chance: random.Random) -> tuple[str, str]:
    """One thing that somebody might do to the log, and what is to be said of it."""
    n = chance.randrange(2, ENTRIES)
    column = chance.choice(["who", "action", "target", "source", "result", "detail"])
    return chance.choice(
        [
            (f"UPDATE audit SET {column} = 'somebody else' WHERE number = {n}", f"entry {n} has been changed"),
            (f"UPDATE audit SET at = at + 1 WHERE number = {n}", f"entry {n} has been changed"),
            (f"DELETE FROM audit WHERE number = {n}", f"entries {n} to {n} are missing"),
            (f"DELETE FROM audit WHERE number > {n}", f"the log ends at entry {n}, but it had {ENTRIES}"),
            ("DELETE FROM audit", f"the log ends at entry 0, but it had {ENTRIES}"),
        ]
    )


@pytest.mark.parametrize("seed", range(12))
async def test_every_edit_is_found(tmp_path: Path, seed: int) -> None:
    statement, said = edit(random.Random(seed))
    async with Database(store_url(tmp_path)) as db:
        heads = await filled(db)
        await tampered(db, statement)
        faults = (await db.read(lambda conn: audit.verify(conn, heads[-1:]))).faults
        assert any(said in fault for fault in faults), (statement, faults)


async def test_a_chain_that_was_made_anew_is_found_by_what_was_told_elsewhere(tmp_path: Path) -> None:
    """Whoever can write to the database can compute hashes too; the journal has the old one."""
    async with Database(store_url(tmp_path)) as db:
        heads = await filled(db)
        await tampered(db, "DELETE FROM audit")
        for n in range(ENTRIES + 5):
            await db.write(lambda conn, n=n: audit.append(conn, Entry("operator ann", f"forged {n}")))
        assert (await db.read(audit.verify)).faults == ()
        faults = (await db.read(lambda conn: audit.verify(conn, [heads[-1]]))).faults
        assert faults == (f"entry {ENTRIES} is not the one that was told at the time: the log was written anew",)


async def test_heads_are_told_to_a_file_and_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:

    caplog.set_level("INFO")
    async with Database(store_url(tmp_path)) as db:
        telling = asyncio.create_task(audit_anchors.tell_for_ever(db, tmp_path, every_s=0.02))
        heads = await filled(db)
        for _ in range(200):
            if heads[-1] in audit_anchors.read_heads(caplog.text):
                break
            await asyncio.sleep(0.02)
        telling.cancel()
        assert heads[-1] in audit_anchors.read_heads((tmp_path / audit.HEADS).read_text())
        assert (await audit_anchors.verify(db, tmp_path)).faults == ()
        await tampered(db, f"DELETE FROM audit WHERE number = {ENTRIES}")
        (fault,) = (await audit_anchors.verify(db, tmp_path)).faults
        assert "its end has been cut off" in fault
        (tmp_path / audit.HEADS).unlink()
        journal = audit_anchors.read_heads(caplog.text)
        assert (await audit_anchors.verify(db, tmp_path, journal)).faults == (fault,)


async def test_what_stands_beside_is_kept_with_the_write_or_not_at_all(tmp_path: Path) -> None:
    async with Database(store_url(tmp_path)) as db:
        also = Beside(lambda conn: audit.append(conn, Entry("ann", "beside")))
        token = beside.set(also)
        try:
            with pytest.raises(StoreFailed):
                await db.write(lambda conn: conn.execute(text("INSERT INTO nothing VALUES (1)")))
            assert (await db.read(audit.head)).number == 0
            await db.write(lambda conn: audit.append(conn, Entry("ann", "itself")))
            await db.write(lambda conn: None)
        finally:
            beside.reset(token)
        assert [row.action for row in await db.read(lambda conn: audit.latest(conn, 9))] == ["beside", "itself"]
