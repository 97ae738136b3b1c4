from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud.store import accounts, edges, messages, outbox
from cloud.store.database import Database
from cloud.store.records import MessageRecord
from cloud.tunnel.outgoing import Outboxes
from telecore.commands import RestartChannel, SendMessage
from telecore.errors import NotFound
from telecore.ids import Address, ChannelId, EdgeId, MessageSid, new_sid
from telecore.model import Direction, MessageStatus

EDGE, CHANNEL = EdgeId("site-1"), ChannelId("site-1/modem1")
NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
async def db(tmp_path: Path):
    async with Database(f"sqlite:///{tmp_path / 'cloud.db'}") as database:
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
