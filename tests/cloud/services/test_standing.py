"""What suspending and closing an account does."""

from __future__ import annotations

import pytest

from cloud.services.callbacks import Callbacks
from cloud.services.standing import CLOSED_FOR_GOOD, SUSPENDED, Standing
from cloud.store import accounts, calls, keys, messages, numbers
from cloud.store.database import Database
from cloud.store.records import AccountRecord, MessageRecord
from cloud.store.rows import now
from telecore.errors import InvalidRequest, NotFound
from telecore.ids import E164, AccountSid, Address, ChannelId, MessageSid, new_sid
from telecore.model import CallStatus, Direction, MessageStatus
from tests.fakes.api_site import NUMBER, KeptCalls, NewCall


@pytest.fixture
async def below(db: Database, account: AccountRecord) -> AccountRecord:
    return await db.write(lambda conn: accounts.create(conn, "Ward", account.sid))


@pytest.fixture
def standing(db: Database, client, debugger) -> Standing:
    return Standing(db, KeptCalls(db), Callbacks(db, client, debugger))


async def message(db: Database, account: AccountRecord, channel: str | None) -> MessageRecord:
    record = MessageRecord(
        sid=MessageSid(new_sid("SM")),
        account=account.sid,
        direction=Direction.OUTBOUND_API,
        sender=Address(NUMBER),
        recipient=Address("+85512000001"),
        body="hello",
        status=MessageStatus.QUEUED,
        created_at=now(),
        updated_at=now(),
        channel=ChannelId(channel) if channel else None,
    )
    return await db.write(lambda conn: messages.insert(conn, record))


async def test_suspending_ends_calls_and_fails_what_waits(
    db: Database, below: AccountRecord, standing: Standing
) -> None:
    await db.write(lambda conn: numbers.create(conn, below.sid, E164(NUMBER)))
    call = await KeptCalls(db).create(
        below.sid, NewCall(caller=E164(NUMBER), to=Address("+85512000001"), url="http://x")
    )
    await db.write(lambda conn: calls.update(conn, call.sid, status=CallStatus.IN_PROGRESS))
    waits, sent = await message(db, below, None), await message(db, below, "site-1/modem1")
    record = await standing.update(below.sid, {"status": "suspended"})
    assert record.status == "suspended"
    ended = await db.read(lambda conn: calls.get(conn, call.sid))
    assert ended is not None
    assert ended.status is CallStatus.COMPLETED
    failed = await db.read(lambda conn: messages.get(conn, waits.sid))
    assert failed is not None
    assert (failed.status, failed.error_code) == (MessageStatus.FAILED, SUSPENDED)
    assert await db.read(lambda conn: messages.get(conn, sent.sid)) == sent
    assert await db.read(lambda conn: numbers.get_by_number(conn, NUMBER)) is not None
    assert (await standing.update(below.sid, {"status": "active"})).status == "active"


async def test_closing_gives_up_numbers_and_keys_for_good(
    db: Database, below: AccountRecord, standing: Standing
) -> None:
    await db.write(lambda conn: numbers.create(conn, below.sid, E164(NUMBER)))
    key, _ = await db.write(lambda conn: keys.create(conn, below.sid, "k"))
    await standing.update(below.sid, {"status": "closed"})
    assert await db.read(lambda conn: numbers.get_by_number(conn, NUMBER)) is None
    assert await db.read(lambda conn: numbers.released_by(conn, NUMBER)) == below.sid
    assert await db.read(lambda conn: keys.get(conn, key.sid)) is None
    for status in ("active", "suspended"):
        with pytest.raises(InvalidRequest) as caught:
            await standing.update(below.sid, {"status": status})
        assert caught.value.code == CLOSED_FOR_GOOD
    renamed = await standing.update(below.sid, {"status": "closed", "friendly_name": "Was"})
    assert (renamed.status, renamed.friendly_name) == ("closed", "Was")


async def test_a_root_account_and_an_unknown_one_are_refused(
    db: Database, account: AccountRecord, standing: Standing
) -> None:
    with pytest.raises(InvalidRequest):
        await standing.update(account.sid, {"status": "suspended"})
    with pytest.raises(NotFound):
        await standing.update(AccountSid("AC" + "0" * 32), {"friendly_name": "x"})
