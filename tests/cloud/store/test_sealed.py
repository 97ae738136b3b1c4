"""Secrets in the store: sealed in every file of it, opened for who asks, bound to their rows."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud.sealing import FILE, MARK, SealBroken, Seals
from cloud.store import accounts, edges, messages, migrate, operators, outbox, resealing, sealed
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord, MessageRecord
from telecore.commands import SendMessage, TopUp
from telecore.ids import AccountSid, Address, ChannelId, EdgeId, MessageSid, new_sid
from telecore.model import Direction, MessageStatus

MEDIA_KEY, TOTP, SECOND = "5ca1ab1e" * 8, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "deadbeef" * 4
CODE, VOUCHER = "Your code is 739182", "90817263544536271809"
EDGE, CHANNEL = EdgeId("site-1"), ChannelId("site-1/modem1")
MADE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
async def db(data: Path) -> AsyncIterator[Database]:
    async with at(data) as database:
        yield database


def at(data: Path) -> Database:
    return Database(f"sqlite:///{data / 'cloud.db'}", check=True)


def all_kinds(conn: Connection) -> AccountRecord:
    """One of each secret."""
    account = accounts.create(conn, "Clinic")
    accounts.update(conn, account.sid, secondary_token=SECOND, media_key=MEDIA_KEY)
    operators.put(conn, "ann", "a hash")
    operators.change(conn, "ann", totp_secret=TOTP)
    edges.create(conn, EDGE, account.sid)
    record = messages.insert(conn, waiting(account.sid))
    command = SendMessage(message=record.sid, channel=CHANNEL, to=record.recipient, body=CODE)
    outbox.append(conn, EDGE, command, secret=True)
    outbox.append(conn, EDGE, TopUp(channel=CHANNEL, voucher=VOUCHER))
    return accounts.get(conn, account.sid) or account


def waiting(account: AccountSid) -> MessageRecord:
    return MessageRecord(
        MessageSid(new_sid("SM")), account, Direction.OUTBOUND_API, Address("1"), Address("2"), "Your code is ******",
        MessageStatus.QUEUED, MADE, MADE, secret_body=CODE,
    )  # fmt: skip


def found_in(data: Path, *secrets: str) -> list[str]:
    """Of every file of the folder but that of the keys."""
    held = {path.name: path.read_bytes() for path in data.rglob("*") if path.is_file() and path.name != FILE}
    assert "cloud.db" in held
    return [f"{secret} in {name}" for name, content in held.items() for secret in secrets if secret.encode() in content]


def changed(data: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(data / "cloud.db")) as conn, conn:
        assert conn.execute(statement, values).rowcount == 1


async def test_no_file_of_the_store_has_them_and_who_asks_gets_them(data: Path) -> None:
    async with at(data) as db:
        account = await db.write(all_kinds)
        assert found_in(data, account.auth_token, SECOND, MEDIA_KEY, TOTP, CODE, VOUCHER) == []
    assert found_in(data, account.auth_token, SECOND, MEDIA_KEY, TOTP, CODE, VOUCHER) == []
    async with at(data) as db:
        assert await db.read(lambda conn: accounts.get(conn, account.sid)) == account
        assert (account.secondary_token, account.media_key) == (SECOND, MEDIA_KEY)
        assert await db.read(accounts.all_) == await db.read(accounts.roots) == [account]
        page = await db.read(operators.all_)
        assert [record.totp_secret for record in page] == [TOTP]
        sent = [payload for _, payload in await db.read(lambda conn: outbox.read(conn, EDGE, 0, 10))]
        assert [sent[0]["body"], sent[1]["voucher"]] == [CODE, VOUCHER]
        assert [row.payload for row in await db.read(lambda conn: outbox.rows(conn, EDGE))] == sent
        assert await db.write(lambda conn: outbox.withdraw(conn, EDGE, sent[0]["id"]))
        assert await db.write(lambda conn: edges.revoke(conn, EDGE)) == 1


async def test_a_token_that_is_moved_to_another_row_opens_nothing(data: Path, db: Database) -> None:
    """Whoever can write to the file must not become another account with a token of his own."""
    mine, theirs = [await db.write(lambda conn: accounts.create(conn, "x")) for _ in range(2)]
    await db.write(
        lambda conn: conn.exec_driver_sql(
            "UPDATE accounts SET auth_token = (SELECT auth_token FROM accounts WHERE sid = ?) WHERE sid = ?",
            (mine.sid, theirs.sid),
        )
    )
    with pytest.raises(SealBroken, match=f"accounts.auth_token of {theirs.sid} .* changed or moved"):
        await db.read(lambda conn: accounts.get(conn, theirs.sid))
    assert await db.read(lambda conn: accounts.get(conn, mine.sid)) == mine
    with pytest.raises(SealBroken, match=r"changed or moved.*--lost"):
        await at(data).open()


async def test_without_its_key_it_does_not_begin_and_says_what_to_do(data: Path, tmp_path: Path) -> None:
    async with at(data) as db:
        account = await db.write(all_kinds)
        key = db.seals.ids[0]
    (data / FILE).rename(tmp_path / "apart")
    with pytest.raises(SealBroken, match=f"sealed with key {key}, which .*{FILE} is missing.*bring that file back"):
        await at(data).open()
    assert not (data / FILE).exists(), "a new key would hide that the old one is gone"
    await asyncio.to_thread(Seals(data / FILE).tend)
    with pytest.raises(SealBroken, match=f"sealed with key {key}, which .*{FILE} has not"):
        await at(data).open()
    (tmp_path / "apart").rename(data / FILE)
    async with at(data) as db:
        assert await db.read(lambda conn: accounts.get(conn, account.sid)) == account


async def test_what_is_put_there_by_hand_is_not_believed(data: Path, db: Database) -> None:
    account = await db.write(lambda conn: accounts.create(conn, "x"))
    changed(data, "UPDATE accounts SET auth_token = ? WHERE sid = ?", "0" * 32, account.sid)
    with pytest.raises(SealBroken, match="is not sealed"):
        await db.read(lambda conn: accounts.get(conn, account.sid))


async def test_a_new_key_while_it_is_written_and_read(data: Path, db: Database) -> None:
    """Another process makes a key and seals all again; this one goes on, and what it seals is under the new one."""
    account = await db.write(all_kinds)
    stop = asyncio.Event()

    async def traffic() -> int:
        made = 0
        while not stop.is_set():
            one = await db.write(lambda conn: accounts.create(conn, "busy"))
            assert await db.read(lambda conn, sid=one.sid: accounts.get(conn, sid)) == one  # type: ignore[misc]
            made += 1
        return made

    busy = asyncio.create_task(traffic())
    for _ in range(3):
        async with at(data) as other:
            before = other.seals.ids[0]
            await asyncio.to_thread(other.seals.rotate)
            assert (await resealing.reseal(other)).done >= 6
            assert (await resealing.reseal(other)).done == 0
            assert before not in await other.read(sealed.in_use) == {other.seals.ids[0]}
            await asyncio.to_thread(other.seals.drop_old)
    stop.set()
    made = await busy
    assert made > 0
    async with at(data) as other:
        assert len(await other.read(accounts.all_)) == made + 1
        assert await other.read(lambda conn: accounts.get(conn, account.sid)) == account
        sent = [payload for _, payload in await other.read(lambda conn: outbox.read(conn, EDGE, 0, 10))]
        assert [sent[0]["body"], sent[1]["voucher"]] == [CODE, VOUCHER]


async def test_what_is_changed_between_reading_and_sealing_again_stays_changed(db: Database) -> None:
    account, fresh = await db.write(all_kinds), "0ddba11" * 4
    await asyncio.to_thread(db.seals.rotate)
    pieces = await db.read(all_pieces)

    def change(conn: Connection) -> None:
        accounts.update(conn, account.sid, auth_token=fresh)
        outbox.withdraw(conn, EDGE, outbox.read(conn, EDGE, 0, 10)[0][1]["id"])

    await db.write(change)
    assert sum([await db.write(piece.put) for piece in pieces]) == 5  # of seven
    found = await db.read(lambda conn: accounts.get(conn, account.sid))
    assert found is not None
    assert found.auth_token == fresh
    assert len(await db.read(lambda conn: outbox.read(conn, EDGE, 0, 10))) == 1


def all_pieces(conn: Connection, limit: int = 2) -> list[resealing.Piece]:
    found, mark = [], resealing.Mark()
    while True:
        found.append(piece := resealing.look(conn, mark, limit))
        if piece.following is None:
            return found
        mark = piece.following


async def test_many_are_sealed_again_in_pieces_and_one_that_was_cut_off_goes_on(db: Database) -> None:
    """Cut off after its first piece it has sealed that, needs both keys, and does the rest when it is run again."""
    count = 2 * resealing.PIECE + 10

    def write(conn: Connection) -> None:
        for number in range(count):
            outbox.append(conn, EDGE, TopUp(channel=CHANNEL, voucher=str(number)))

    await db.write(write)
    await asyncio.to_thread(db.seals.rotate)
    seen: list[tuple[int, int]] = []

    def cut(done: resealing.Done) -> None:
        seen.append((done.looked, done.done))
        if done.done:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await resealing.reseal(db, cut)
    assert seen[-1] == (resealing.PIECE, resealing.PIECE)
    assert await db.read(sealed.in_use) == set(db.seals.ids)
    assert (await resealing.reseal(db)).done == count - resealing.PIECE
    assert await db.read(sealed.in_use) == {db.seals.ids[0]}
    sent = await db.read(lambda conn: outbox.read(conn, EDGE, 0, 2000))
    assert [payload["voucher"] for _, payload in sent] == [str(number) for number in range(count)]


async def test_what_cannot_be_opened_is_named_and_holds_up_no_other(data: Path, db: Database) -> None:
    account = await db.write(all_kinds)
    changed(data, "UPDATE accounts SET media_key = substr(media_key, 1, 60)")
    await asyncio.to_thread(db.seals.rotate)
    done = await resealing.reseal(db)
    assert (done.done, done.broken) == (6, (f"accounts.media_key of {account.sid}",))


async def test_what_a_lost_key_sealed_is_replaced(data: Path) -> None:
    async with at(data) as db:
        account = await db.write(all_kinds)
    (data / FILE).unlink()
    async with Database(f"sqlite:///{data / 'cloud.db'}", lost=True) as db:
        gone = await db.write(sealed.give_up)
        assert f"accounts.auth_token of {account.sid}" in gone
        assert "operators.totp_secret of ann" in gone
        assert len(gone) == 7
    async with at(data) as db:
        fresh = await db.read(lambda conn: accounts.get(conn, account.sid))
        assert fresh is not None
        assert len(fresh.auth_token) == 32
        assert fresh.auth_token != account.auth_token
        assert (fresh.secondary_token, fresh.media_key) == ("", "")
        assert await db.read(lambda conn: outbox.read(conn, EDGE, 0, 10)) == []


async def test_what_an_earlier_version_left_open_is_in_no_file_afterwards(data: Path) -> None:
    """Neither in the tables nor in free pages nor in the log of SQLite, though the old tables were copied."""
    url, token = f"sqlite:///{data / 'cloud.db'}", "7e57ab1e" * 4
    await asyncio.to_thread(data.mkdir)
    await asyncio.to_thread(migrate.upgrade, url, "0022")
    with closing(sqlite3.connect(data / "cloud.db")) as conn, conn:
        conn.execute("PRAGMA journal_mode=WAL")
        conn.execute(
            "INSERT INTO accounts (sid, friendly_name, auth_token, secondary_token, media_key, status, created_at, "
            "updated_at) VALUES ('AC1', 'One', ?, ?, ?, 'active', 1, 1)",
            (token, SECOND, MEDIA_KEY),
        )
        conn.execute(
            "INSERT INTO operators (name, password, created_at, totp_secret) VALUES ('ann', 'h', 1, ?)", (TOTP,)
        )
        conn.commit()
    assert len(found_in(data, token, SECOND, MEDIA_KEY, TOTP)) >= 4
    async with at(data) as db:
        assert found_in(data, token, SECOND, MEDIA_KEY, TOTP) == []
        account = await db.read(lambda conn: accounts.get(conn, "AC1"))
        assert account is not None
        assert (account.auth_token, account.secondary_token, account.media_key) == (token, SECOND, MEDIA_KEY)
        record = await db.read(lambda conn: operators.get(conn, "ann"))
        assert record is not None
        assert record.totp_secret == TOTP
    with closing(sqlite3.connect(data / "cloud.db")) as conn:
        assert conn.execute("SELECT auth_token FROM accounts").fetchone()[0].startswith(MARK)
