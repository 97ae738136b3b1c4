"""Pages of lists: order, filters, and that rows which come and go do not disturb them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cloud.store import calls, messages, numbers
from cloud.store.calls import CallFilter
from cloud.store.database import Connection, Database
from cloud.store.messages import MessageFilter
from cloud.store.numbers import NumberFilter
from cloud.store.records import AccountRecord, Between, CallRecord, Cursor, Hook, MessageRecord
from telecore.errors import InvalidRequest
from telecore.ids import E164, Address, CallSid, ChannelId, MessageSid, new_sid
from telecore.model import CallStatus, Direction, MessageStatus

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def message(account: AccountRecord, n: int = 0, **changes: object) -> MessageRecord:
    values: dict[str, object] = {
        "sid": MessageSid(f"SM{n:032x}"),
        "account": account.sid,
        "direction": Direction.OUTBOUND_API,
        "sender": Address("+85510000001"),
        "recipient": Address("+85512000001"),
        "body": f"number {n}",
        "status": MessageStatus.QUEUED,
        "created_at": NOON,
        "updated_at": NOON,
        **changes,
    }
    return MessageRecord(**values)  # type: ignore[arg-type]


def call(account: AccountRecord, **changes: object) -> CallRecord:
    values: dict[str, object] = {
        "sid": CallSid(new_sid("CA")),
        "account": account.sid,
        "direction": Direction.INBOUND,
        "caller": Address("+1"),
        "called": Address("+2"),
        "status": CallStatus.QUEUED,
        "created_at": NOON,
        "updated_at": NOON,
        **changes,
    }
    return CallRecord(**values)  # type: ignore[arg-type]


async def fill(db: Database, account: AccountRecord, count: int) -> None:
    def write(conn: Connection) -> None:
        for n in range(count):
            messages.insert(conn, message(account, n))

    await db.write(write)


def bodies(items: tuple[MessageRecord, ...]) -> list[int]:
    return [int(item.body.split()[1]) for item in items]


async def test_pages_go_from_the_newest_to_the_oldest_and_back(db: Database, account: AccountRecord) -> None:
    await fill(db, account, 7)

    first = await db.read(lambda c: messages.list_(c, account.sid, MessageFilter(), Cursor(3)))
    assert bodies(first.items) == [6, 5, 4]
    assert first.previous_before is None
    second = await db.read(lambda c: messages.list_(c, account.sid, MessageFilter(), Cursor(3, after=first.next_after)))
    assert bodies(second.items) == [3, 2, 1]
    last = await db.read(lambda c: messages.list_(c, account.sid, MessageFilter(), Cursor(3, after=second.next_after)))
    assert bodies(last.items) == [0]
    assert last.next_after is None
    back = await db.read(
        lambda c: messages.list_(c, account.sid, MessageFilter(), Cursor(3, before=last.previous_before))
    )
    assert bodies(back.items) == [3, 2, 1]
    assert back.next_after is not None
    assert back.previous_before is not None
    top = await db.read(
        lambda c: messages.list_(c, account.sid, MessageFilter(), Cursor(3, before=back.previous_before))
    )
    assert bodies(top.items) == [6, 5, 4]
    assert top.previous_before is None


async def test_a_page_goes_on_after_a_row_that_was_deleted_meanwhile(db: Database, account: AccountRecord) -> None:
    await fill(db, account, 6)
    first = await db.read(lambda c: messages.list_(c, account.sid, MessageFilter(), Cursor(2)))
    for item in first.items:
        assert await db.write(lambda c, sid=item.sid: messages.delete(c, sid))
    await db.write(lambda c: messages.insert(c, message(account, 99)))
    then = await db.read(lambda c: messages.list_(c, account.sid, MessageFilter(), Cursor(2, after=first.next_after)))
    assert bodies(then.items) == [3, 2]


async def test_a_token_of_nothing_is_refused(db: Database, account: AccountRecord) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await db.read(lambda c: messages.list_(c, account.sid, MessageFilter(), Cursor(after="SM" + "f" * 32)))
    assert caught.value.code == 21481


async def test_message_filters(db: Database, account: AccountRecord) -> None:
    rows = [
        message(account, 1, sent_at=NOON),
        message(account, 2, sent_at=NOON + timedelta(hours=1), recipient="+7"),
        message(account, 3, sender="+7", sent_at=NOON + timedelta(days=1)),
        message(account, 4),
    ]
    await db.write(lambda c: [messages.insert(c, row) for row in rows])

    async def found(**wanted: object) -> list[int]:
        wants = MessageFilter(**wanted)  # type: ignore[arg-type]
        return bodies((await db.read(lambda c: messages.list_(c, account.sid, wants, Cursor()))).items)

    assert await found() == [4, 3, 2, 1]
    assert await found(recipient="+7") == [2]
    assert await found(sender="+7") == [3]
    assert await found(sent=Between(since=NOON + timedelta(hours=1))) == [3, 2]
    assert await found(sent=Between(before=NOON + timedelta(hours=1))) == [1]
    assert await found(sent=Between(NOON, NOON + timedelta(hours=2))) == [2, 1]


async def test_call_rows_come_back_as_they_went_in(db: Database, account: AccountRecord) -> None:
    record = call(
        account,
        fallback=Hook("http://a.example/f", "GET"),
        status_callback_events=("initiated", "completed"),
        started_at=NOON + timedelta(microseconds=7),
        twiml="<Response/>",
    )
    stored = await db.write(lambda c: calls.insert(c, record))
    assert stored.id > 0
    read = await db.read(lambda c: calls.get(c, record.sid))
    assert read == stored
    assert read is not None
    assert (read.fallback, read.status_callback_events, read.started_at) == (
        record.fallback,
        record.status_callback_events,
        record.started_at,
    )


async def test_call_filters_and_live_calls(db: Database, account: AccountRecord) -> None:
    rows = [
        call(account, caller="+1", called="+2", status=CallStatus.COMPLETED, started_at=NOON, edge="site-1"),
        call(account, caller="+3", called="+2", status=CallStatus.RINGING, edge="site-1"),
        call(account, caller="+1", called="+4", status=CallStatus.IN_PROGRESS, parent="CA" + "0" * 32, edge="site-2"),
    ]
    await db.write(lambda c: [calls.insert(c, row) for row in rows])

    async def found(**wanted: object) -> list[int]:
        wants = CallFilter(**wanted)  # type: ignore[arg-type]
        page = await db.read(lambda c: calls.list_(c, account.sid, wants, Cursor()))
        return [[row.sid for row in rows].index(item.sid) for item in page.items]

    assert await found(caller="+1") == [2, 0]
    assert await found(called="+2") == [1, 0]
    assert await found(status=CallStatus.RINGING) == [1]
    assert await found(parent="CA" + "0" * 32) == [2]
    assert await found(started=Between(since=NOON)) == [0]
    assert [item.sid for item in await db.read(lambda c: calls.live(c, "site-1"))] == [rows[1].sid]
    assert len(await db.read(calls.live)) == 2


async def test_a_step_that_the_table_forbids_is_not_taken(db: Database, account: AccountRecord) -> None:
    row = await db.write(lambda c: calls.insert(c, call(account, status=CallStatus.COMPLETED)))
    assert await db.write(lambda c: calls.update_status(c, row.sid, CallStatus.RINGING)) is None
    sms = await db.write(lambda c: messages.insert(c, message(account, 1)))
    sent = await db.write(lambda c: messages.update_status(c, sms.sid, MessageStatus.SENT, sent_at=NOON))
    assert sent is not None
    assert (sent.status, sent.sent_at) == (MessageStatus.SENT, NOON)
    assert await db.write(lambda c: messages.update_status(c, sms.sid, MessageStatus.QUEUED)) is None


async def test_expired_messages(db: Database, account: AccountRecord) -> None:
    rows = [
        message(account, 1, not_after=NOON),
        message(account, 2, not_after=NOON + timedelta(hours=2)),
        message(account, 3, not_after=NOON, status=MessageStatus.SENT),
        message(account, 4),
    ]
    await db.write(lambda c: [messages.insert(c, row) for row in rows])
    over = await db.read(lambda c: messages.expired(c, NOON + timedelta(hours=1)))
    assert bodies(tuple(over)) == [1]


async def test_numbers_are_found_by_a_piece_or_a_pattern(db: Database, account: AccountRecord) -> None:
    def write(conn: Connection) -> None:
        for number in ("+85510000001", "+85510000002", "+85590000002"):
            numbers.create(conn, account.sid, E164(number), channel=ChannelId("site-1/modem1"))

    await db.write(write)

    async def found(pattern: str) -> list[str]:
        page = await db.read(lambda c: numbers.list_(c, account.sid, NumberFilter(pattern=pattern), Cursor()))
        return [item.number for item in page.items]

    assert await found("+85510000002") == ["+85510000002"]
    assert await found("0002") == ["+85590000002", "+85510000002"]
    assert await found("855*0000002") == ["+85590000002", "+85510000002"]
    assert await found("%") == []
    latest = await db.read(lambda c: numbers.get_by_channel(c, "site-1/modem1"))
    assert latest is not None
    assert latest.number == "+85590000002"
