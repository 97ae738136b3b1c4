from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloud.sealing import FILE
from cloud.store import accounts, edges, messages, notifications, outbox, tasks, warnings
from cloud.store.database import Database
from cloud.store.records import MessageRecord, TaskRecord
from cloud.tunnel.outgoing import Outboxes
from telecore.commands import RestartChannel, SendMessage, TopUp
from telecore.errors import NotFound, Transient
from telecore.ids import Address, ChannelId, EdgeId, MessageSid, new_sid
from telecore.model import Direction, MessageStatus
from telecore.tunnel.frames import Hello, Side
from telecore.tunnel.resync import Verdict
from tests.fakes.store import store_url

EDGE, CHANNEL = EdgeId("site-1"), ChannelId("site-1/modem1")
NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
async def db(tmp_path: Path):
    async with Database(store_url(tmp_path)) as database:
        account = await database.write(lambda conn: accounts.create(conn, "Test"))
        await database.write(lambda conn: edges.create(conn, EDGE, account.sid))
        database.account = account
        yield database


async def put(db, count):
    """So many messages queued for the edge; their SIDs."""

    def write(conn):
        sids = []
        for _ in range(count):
            sid = MessageSid(new_sid("SM"))
            messages.insert(
                conn,
                MessageRecord(
                    sid, db.account.sid, Direction.OUTBOUND_API, Address("+85510000001"), Address("+85512000001"), "x",
                    MessageStatus.QUEUED, NOW, NOW, channel=CHANNEL,
                ),
            )  # fmt: skip
            outbox.append(conn, EDGE, SendMessage(message=sid, channel=CHANNEL, to="+85512000001", body="x"))
            sids.append(sid)
        return sids

    return await db.write(write)


async def know(db, outboxes):
    outboxes.know(await db.read(lambda conn: edges.get(conn, EDGE)))


async def statuses(db, sids):
    return await db.read(lambda conn: [str(messages.get(conn, sid).status) for sid in sids])


async def test_a_street_is_known_before_it_is_asked_for(db):
    told = []
    outboxes = Outboxes(db, lambda: told.append(1))
    with pytest.raises(NotFound):
        outboxes.of(EDGE)
    await put(db, 3)
    await know(db, outboxes)
    street = outboxes.of(EDGE)
    assert street.highest == 3
    assert len(street.stream) == 32
    assert [seq for seq, _ in await street.read(1, 10)] == [2, 3]


async def test_what_the_edge_has_is_being_sent(db):
    told = []
    outboxes = Outboxes(db, lambda: told.append(1))
    sids = await put(db, 120)
    await db.write(lambda conn: outbox.append(conn, EDGE, RestartChannel(channel=CHANNEL)))
    await know(db, outboxes)
    street = outboxes.of(EDGE)
    await street.forget(110)
    assert await statuses(db, sids) == ["sending"] * 110 + ["queued"] * 10
    assert len(await street.read(0, 1000)) == 11
    await street.forget(121)
    assert await street.read(0, 1000) == []
    assert len(told) == 2


async def test_a_message_that_was_sent_before_we_knew_stays_sent(db):
    (sid,) = await put(db, 1)
    await db.write(lambda conn: messages.update_status(conn, sid, MessageStatus.SENT))
    outboxes = Outboxes(db)
    await know(db, outboxes)
    await outboxes.of(EDGE).forget(1)
    assert await statuses(db, [sid]) == ["sent"]


async def test_a_voucher_that_the_edge_had_when_it_was_revoked_is_no_sign_that_this_store_is_older(db):
    """Its receipt was on the way when the tunnel was cut; the edge is enrolled again, and says what it has."""
    voucher = TopUp(channel=CHANNEL, voucher="1234567890")
    seq = await db.write(lambda conn: outbox.append(conn, EDGE, voucher))
    assert await db.write(lambda conn: edges.revoke(conn, EDGE)) == 1
    assert "1234567890" not in str(await db.read(lambda conn: outbox.rows(conn, EDGE)))
    outboxes = Outboxes(db)
    await know(db, outboxes)
    street = outboxes.of(EDGE)
    hello = Hello(Side.EDGE, EDGE, "i", "up", 0)
    assert await street.resumed(seq, voucher.id, hello) is Verdict.CONTINUES
    await street.forget(seq)
    assert await db.read(lambda conn: outbox.rows(conn, EDGE)) == []
    assert await db.read(warnings.list_) == []


async def put_secret(db, body="Your code is 739182"):
    """A message whose text is sealed, queued for the edge; its SID."""
    sid = MessageSid(new_sid("SM"))
    record = MessageRecord(
        sid, db.account.sid, Direction.OUTBOUND_API, Address("+85510000001"), Address("+85512000001"), "******",
        MessageStatus.QUEUED, NOW, NOW, channel=CHANNEL, secret_body=body,
    )  # fmt: skip
    command = SendMessage(id=sid, message=sid, channel=CHANNEL, to="+85512000001", body=body)

    def write(conn):
        messages.insert(conn, record)
        outbox.append(conn, EDGE, command, secret=True)
        return sid

    return await db.write(write)


async def put_task(db):
    """A voucher on its way; the SID of its task."""
    sid = new_sid("TK")

    def write(conn):
        outbox.append(conn, EDGE, TopUp(id=sid, channel=CHANNEL, voucher="90817263"))
        tasks.insert(
            conn, TaskRecord(sid, db.account.sid, EDGE, CHANNEL, "channel.top_up", NOW, NOW, NOW + timedelta(1), "ann")
        )
        return sid

    return await db.write(write)


def damage(tmp_path, *statements):
    with closing(sqlite3.connect(tmp_path / "cloud.db")) as conn, conn:
        for statement, *values in statements:
            assert conn.execute(statement, values).rowcount == 1


BREAK_ROW = "UPDATE outbox SET payload = json_set(payload, '$.sealed', json_extract(payload, '$.sealed') || 'AAAA')"
BREAK_BODY = "UPDATE messages SET secret_body = secret_body || 'AAAA' WHERE sid = ?"


async def test_what_cannot_be_opened_fails_and_what_is_behind_it_goes_on(db, tmp_path, caplog):
    (first,) = await put(db, 1)
    broken, task = await put_secret(db), await put_task(db)
    whole, (last,) = await put_secret(db), await put(db, 1)
    damage(tmp_path, (f"{BREAK_ROW} WHERE seq = 2",), (f"{BREAK_ROW} WHERE seq = 3",), (BREAK_BODY, broken))
    told = []
    outboxes = Outboxes(db, lambda: told.append(1))
    await know(db, outboxes)
    street = outboxes.of(EDGE)
    assert [(seq, payload["body"]) for seq, payload in await street.read(0, 64)] == [
        (1, "x"),
        (4, "Your code is 739182"),
        (5, "x"),
    ]
    assert told == [1]
    found = await db.read(lambda conn: messages.get(conn, broken))
    assert (str(found.status), found.error_code, found.secret_body) == ("failed", 20500, None)
    assert "was not sent" in found.error_message
    ended = await db.read(lambda conn: tasks.get(conn, task))
    assert (ended.status, ended.result["code"]) == ("failed", 20500)
    (notice,) = await db.read(lambda conn: notifications.list_(conn, db.account.sid))
    assert notice.subject == broken
    (warned,) = await db.read(warnings.list_)
    assert (warned.code, warned.edge, broken in warned.text, task in warned.text) == (
        "secret_unreadable", EDGE, True, True,
    )  # fmt: skip
    assert len([r for r in caplog.records if "cannot be opened" in r.getMessage()]) == 1
    await street.forget(5)
    assert await statuses(db, [first, broken, whole, last]) == ["sending", "failed", "sending", "sending"]


async def test_what_was_broken_after_the_edge_had_it_is_being_sent(db, tmp_path):
    sent = await put_secret(db)
    outboxes = Outboxes(db)
    await know(db, outboxes)
    street = outboxes.of(EDGE)
    assert len(await street.read(0, 64)) == 1
    damage(tmp_path, (BREAK_ROW,), (BREAK_BODY, sent))
    await street.forget(1)
    assert await statuses(db, [sent]) == ["sending"]


async def test_while_the_file_of_the_keys_is_away_nothing_fails(db, tmp_path):
    """Nobody knows yet whether it is lost."""
    sent = await put_secret(db)
    outboxes = Outboxes(db)
    await know(db, outboxes)
    keys = (tmp_path / FILE).rename(tmp_path / "apart")
    db.seals._keys.clear()
    with pytest.raises(Transient, match="bring that file back"):
        await outboxes.of(EDGE).read(0, 64)
    keys.rename(tmp_path / FILE)
    db.seals._stamp = (0, 0)
    assert await statuses(db, [sent]) == ["queued"]
    assert len(await outboxes.of(EDGE).read(0, 64)) == 1
