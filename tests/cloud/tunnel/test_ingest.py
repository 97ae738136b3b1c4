"""Events into a real store: each once, in order, and no edge may touch what is another's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloud.services.caps import CapKeeper
from cloud.store import (
    accounts,
    callbacks,
    calls,
    channels,
    edges,
    erasing,
    events,
    history,
    messages,
    numbers,
    recordings,
)
from cloud.store.database import Database
from cloud.store.records import CallRecord, Hook, MessageRecord
from cloud.tunnel.ingest import Ingest
from telecore import codec
from telecore.events import (
    CallAnswered,
    CallEnded,
    CallInitiated,
    CallOffered,
    CallRinging,
    ChannelChanged,
    CommandRejected,
    EdgeStarted,
    MessageDelivered,
    MessageFailed,
    MessageReceived,
    MessageSubmitted,
    RecordingMade,
)
from telecore.ids import (
    E164,
    Address,
    CallSid,
    ChannelId,
    EdgeId,
    Iccid,
    MessageSid,
    RecordingSid,
    Sha256,
    new_id,
    new_sid,
)
from telecore.model import (
    CallStatus,
    ChannelState,
    ChannelStatus,
    Direction,
    MediaStats,
    MessageStatus,
    Recording,
    Service,
    Sim,
)
from tests.fakes.store import store_url

EDGE, OTHER = EdgeId("site-1"), EdgeId("site-2")
CHANNEL = ChannelId("site-1/modem1")
NUMBER = E164("+85510000001")
HANDSET = Address("+85512000001")
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOOK = Hook("http://127.0.0.1:9/hook")


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(store_url(tmp_path)) as database:
        yield database


@pytest.fixture
async def account(db):
    account = await db.write(lambda conn: accounts.create(conn, "One"))
    stranger = await db.write(lambda conn: accounts.create(conn, "Two"))
    await db.write(lambda conn: edges.create(conn, EDGE, account.sid))
    await db.write(lambda conn: edges.create(conn, OTHER, stranger.sid))
    return account


@pytest.fixture
def told():
    return []


@pytest.fixture
def ingest(db, account, told):
    ingest = Ingest(db, allow=CapKeeper().allow, now=lambda: NOW)
    ingest.listen(told.append)
    return ingest


class Street:
    def __init__(self, ingest, edge=EDGE):
        self.incoming = ingest.incoming(edge)
        self.seq = 0

    async def send(self, *sent, history=False):
        for event in sent:
            self.seq += 1
            await self.incoming.apply("s1", self.seq, codec.encode(event), history=history)


@pytest.fixture
def street(ingest):
    return Street(ingest)


@pytest.fixture
async def number(db, street):
    await street.send(sim(CHANNEL, NUMBER))
    found = await db.read(lambda conn: numbers.get_by_number(conn, NUMBER))
    return await db.write(lambda conn: numbers.update(conn, found.sid, sms=HOOK, voice=HOOK, status_callback=HOOK))


def sim(channel, number, at=NOW):
    status = ChannelStatus(
        ChannelId(channel),
        ChannelState.REGISTERED,
        0.0,
        frozenset(Service),
        Sim(Iccid("8985500000000000001"), None, number),
    )
    return ChannelChanged(at=at, status=status)


def with_numbers(channel, *own):
    status = ChannelStatus(channel, ChannelState.REGISTERED, 0.0, frozenset({Service.VOICE}), numbers=own, capacity=8)
    return ChannelChanged(at=NOW, status=status)


def received(**changes):
    fields = {
        "message": MessageSid(new_sid("SM")), "channel": CHANNEL, "sender": HANDSET, "recipient": NUMBER,
        "body": "សួស្តី", "parts": 2, "sent_at": NOW, "at": NOW,
    }  # fmt: skip
    return MessageReceived(**fields | changes)


def offered(**changes):
    fields = {"call": CallSid(new_sid("CA")), "channel": CHANNEL, "caller": HANDSET, "called": NUMBER, "at": NOW}
    return CallOffered(**fields | changes)


async def queued(db, kind="status"):
    rows = []
    while batch := await db.read(lambda conn: callbacks.next_due(conn, NOW + timedelta(days=9999))):
        rows += batch
        for row in batch:
            await db.write(lambda conn, row=row: callbacks.done(conn, row.id))
    return [row for row in rows if row.kind == kind]


def outbound(account, **changes):
    fields = {
        "sid": MessageSid(new_sid("SM")), "account": account.sid, "direction": Direction.OUTBOUND_API, "sender": NUMBER,
        "recipient": HANDSET, "body": "x", "status": MessageStatus.QUEUED, "created_at": NOW, "updated_at": NOW,
        "channel": CHANNEL, "status_callback": HOOK.url,
    }  # fmt: skip
    return MessageRecord(**fields | changes)


def outbound_call(account, **changes):
    fields = {
        "sid": CallSid(new_sid("CA")), "account": account.sid, "direction": Direction.OUTBOUND_API, "caller": NUMBER,
        "called": HANDSET, "status": CallStatus.QUEUED, "created_at": NOW, "updated_at": NOW, "channel": CHANNEL,
        "edge": EDGE, "status_callback": HOOK,
        "status_callback_events": ("initiated", "ringing", "answered", "completed"),
    }  # fmt: skip
    return CallRecord(**fields | changes)


# ------------------------------------------------------------------ streets


async def test_a_repetition_changes_nothing(db, ingest, told):
    event = received()
    incoming = ingest.incoming(EDGE)
    for seq, stream in ((1, "s1"), (1, "s1"), (2, "s1"), (1, "s2")):
        await incoming.apply(stream, seq, codec.encode(event), history=False)
    assert len(told) == 1
    assert len(await db.read(lambda conn: events.list_(conn, edge=EDGE))) == 1
    assert await incoming.applied("s1") == 2
    assert await incoming.applied("s2") == 1
    assert await incoming.applied("s3") == 0


async def test_announced_and_numbered_count_once_whichever_comes_first(db, ingest, told, street):
    first, second = offered(), offered()
    await ingest.announce(EDGE, first)
    await street.send(first, second)
    await ingest.announce(EDGE, second)
    assert [news.event.id for news in told] == [first.id, second.id]
    assert len(await db.read(lambda conn: calls.live(conn, EDGE))) == 2


async def test_the_end_of_a_call_that_is_announced_before_its_beginning_has_come_is_not_lost(db, ingest, told, street):
    """A call that began and ended while the tunnel was down, or behind much that had to wait for it."""
    began = offered()
    ended = CallEnded(call=began.call, cause=16, by="caller", duration_s=3)
    await ingest.announce(EDGE, ended)
    assert told == []
    await street.send(began, ended)
    await ingest.announce(EDGE, ended)
    assert [news.event.id for news in told] == [began.id, ended.id]
    assert (await db.read(lambda conn: calls.get(conn, began.call))).status is CallStatus.COMPLETED
    assert await db.read(lambda conn: calls.live(conn, EDGE)) == []


async def test_what_is_not_understood_is_counted_and_passed_over(ingest, street, told):
    incoming = street.incoming
    bad = codec.encode(received()) | {"parts": "two"}
    batch = [(1, {"kind": "moon.landed"}, False), (2, bad, False), (3, codec.encode(received()), False), (4, {}, False)]
    await incoming.apply_batch("s1", batch)
    assert len(told) == 1
    assert await incoming.applied("s1") == 4


async def test_what_cannot_be_stored_does_not_stop_the_street(db, street, told, number):
    huge = received(parts=10**30)
    items = [(n, codec.encode(e), False) for n, e in ((10, received()), (11, huge), (12, received(body="a\ud800b")))]
    await street.incoming.apply_batch("s1", items)
    assert await street.incoming.applied("s1") == 12
    kept = await db.read(lambda conn: messages.latest(conn, 10))
    assert [record.body for record in kept] == ["a?b", "សួស្តី"]


def applying(ingest, event):
    return ingest.incoming(EDGE).apply("s1", 1, codec.encode(event), history=False)


def announcing(ingest, event):
    return ingest.announce(EDGE, event)


def hearing(ingest, event):
    return ingest.hear_channels(EDGE, [event.status])


@pytest.mark.parametrize("way", [applying, announcing, hearing])
async def test_a_tunnel_that_falls_after_the_commit_leaves_nothing_untold(db, ingest, told, way):
    event = sim(CHANNEL, NUMBER)
    working = asyncio.create_task(way(ingest, event))
    await asyncio.sleep(0)
    working.cancel()
    await asyncio.wait([working])
    assert working.cancelled()
    await ingest.close()
    assert [news.channel for news in told] == [event.status]
    assert len(await db.read(channels.list_)) == 1


async def test_a_tunnel_that_falls_beside_what_is_unfit_leaves_nothing_untold(ingest, told, number):
    events_ = (received(), received(parts=10**30), received())
    items = [(seq, codec.encode(event), False) for seq, event in enumerate(events_, 10)]
    working = asyncio.create_task(ingest.incoming(EDGE).apply_batch("s1", items))
    await asyncio.sleep(0)
    working.cancel()
    await asyncio.wait([working])
    await ingest.close()
    assert [news.message.sid for news in told if news.message] == [events_[0].message, events_[2].message]
    assert await ingest.incoming(EDGE).applied("s1") == 12


async def test_an_edge_nobody_knows_changes_nothing(db, ingest, told):
    await ingest.incoming(EdgeId("nobody")).apply("s", 1, codec.encode(received()), history=False)
    assert not told


# ------------------------------------------------------------------ channels and numbers


async def test_a_new_sim_becomes_a_number_of_the_edges_account(db, street, account):
    await street.send(sim(CHANNEL, NUMBER))
    found = await db.read(lambda conn: numbers.get_by_number(conn, NUMBER))
    assert (found.account, found.channel) == (account.sid, CHANNEL)
    (kept,) = await db.read(lambda conn: channels.list_(conn, [EDGE]))
    assert kept.status.sim.msisdn == NUMBER


async def test_a_number_follows_its_sim(db, street):
    other, second = ChannelId("site-1/modem2"), E164("+85510000002")
    await street.send(sim(CHANNEL, NUMBER), sim(other, NUMBER), sim(CHANNEL, second), sim(CHANNEL, NUMBER))
    assert (await db.read(lambda conn: numbers.get_by_channel(conn, CHANNEL))).number == NUMBER
    assert (await db.read(lambda conn: numbers.get_by_number(conn, second))).channel is None


async def test_a_trunk_has_several_numbers_and_keeps_those_it_still_has(db, street):
    trunk = ChannelId("site-1/carrier")
    first, second, third = (E164(f"+8552300000{n}") for n in (1, 2, 3))

    async def bound() -> list[E164]:
        return [number.number for number in await db.read(lambda conn: numbers.of_channel(conn, trunk))]

    await street.send(with_numbers(trunk, first, second))
    assert await bound() == [first, second]
    await street.send(with_numbers(trunk, second, third))
    assert await bound() == [second, third]
    await street.send(with_numbers(trunk, third))
    assert await bound() == [third]
    assert (await db.read(lambda conn: numbers.get_by_number(conn, first))).channel is None


async def test_a_sim_of_another_account_is_not_taken(db, ingest, number):
    await Street(ingest, OTHER).send(sim("site-2/modem1", NUMBER))
    kept = await db.read(lambda conn: numbers.get_by_number(conn, NUMBER))
    assert (kept.channel, kept.account) == (CHANNEL, number.account)


async def test_a_released_number_stays_away_until_it_is_taken_back(db, street, number):
    await db.write(lambda conn: numbers.release(conn, number))
    await street.send(sim(CHANNEL, NUMBER), received())
    assert await db.read(lambda conn: numbers.get_by_number(conn, NUMBER)) is None
    assert not await queued(db, "message")
    await db.write(lambda conn: numbers.create(conn, number.account, NUMBER))
    await street.send(sim(CHANNEL, NUMBER))
    again = await db.read(lambda conn: numbers.get_by_number(conn, NUMBER))
    assert (again.channel, again.sid != number.sid) == (CHANNEL, True)


async def test_a_released_sim_leaves_its_channel_to_no_other_number(db, street, number):
    other = E164("+85510000002")
    await db.write(lambda conn: numbers.release(conn, number))
    await street.send(sim(CHANNEL, other), sim(CHANNEL, NUMBER))
    assert (await db.read(lambda conn: numbers.get_by_number(conn, other))).channel is None


async def test_a_released_sim_at_another_accounts_edge_becomes_its_number(db, ingest, number):
    await db.write(lambda conn: numbers.release(conn, number))
    await Street(ingest, OTHER).send(sim("site-2/modem1", NUMBER))
    assert (await db.read(lambda conn: numbers.get_by_number(conn, NUMBER))).account != number.account


async def test_an_edge_cannot_speak_of_anothers_channel(db, ingest):
    await Street(ingest, OTHER).send(sim(CHANNEL, NUMBER), received(), offered())
    assert not await db.read(channels.list_)
    assert not await db.read(lambda conn: messages.latest(conn, 9))
    assert not await db.read(calls.live)


async def test_a_start_is_remembered(db, street):
    await street.send(EdgeStarted(instance="abc", version="1.0"))
    assert (await db.read(lambda conn: edges.get(conn, EDGE))).instance == "abc"


# ------------------------------------------------------------------ messages


async def test_a_message_comes_in_with_its_webhook_to_do(db, street, number, told):
    event = received()
    await street.send(event)
    record = told[-1].message
    assert (record.direction, record.status, record.segments) == (Direction.INBOUND, MessageStatus.RECEIVED, 2)
    assert (record.account, record.recipient, record.body) == (number.account, NUMBER, "សួស្តី")
    (to_do,) = await queued(db, "message")
    assert (to_do.url, to_do.subject) == (HOOK.url, event.message)
    assert (to_do.params["Body"], to_do.params["NumSegments"]) == ("សួស្តី", "2")


async def test_the_number_may_be_known_by_its_channel_only(street, number, told):
    await street.send(received(recipient=None, complete=False))
    assert told[-1].message.recipient == NUMBER
    assert told[-1].message.error_code == 30009


async def test_the_same_message_under_another_event_is_one(db, street, number):
    event = received()
    await street.send(event, received(message=event.message))
    assert len(await db.read(lambda conn: messages.latest(conn, 9))) == 1
    assert len(await queued(db, "message")) == 1


async def test_statuses_go_forward_each_with_one_callback(db, street, account):
    record = await db.write(lambda conn: messages.insert(conn, outbound(account)))
    sid = record.sid
    await street.send(
        MessageSubmitted(message=sid, channel=CHANNEL, segments=3, at=NOW),
        MessageDelivered(message=sid, done_at=NOW),
        MessageDelivered(message=sid, done_at=NOW),
        MessageFailed(message=sid, code=30008, reason="late"),
    )
    after = await db.read(lambda conn: messages.get(conn, sid))
    assert (after.status, after.segments, after.sent_at) == (MessageStatus.DELIVERED, 3, NOW)
    rows = await queued(db)
    assert [row.params["MessageStatus"] for row in rows] == ["sent", "delivered"]
    assert rows[1].params["RawDlrDoneDate"] == "2605011200"


@pytest.mark.parametrize(("report", "status"), [(MessageDelivered, "delivered"), (MessageFailed, "undelivered")])
async def test_sent_is_over_until_a_report_comes(db, street, account, report, status):
    kept, deleted = [await db.write(lambda conn: messages.insert(conn, outbound(account))) for _ in range(2)]
    for record in (kept, deleted):
        await street.send(MessageSubmitted(message=record.sid, channel=CHANNEL, segments=1, at=NOW))
    week_later = NOW + timedelta(days=8)
    over = await db.read(lambda conn: messages.get(conn, kept.sid))
    assert over.status is MessageStatus.SENT
    await db.write(lambda conn: erasing.message(conn, deleted.sid))
    details = {} if report is MessageDelivered else {"code": 30003, "reason": "absent", "after_submit": True}
    for record in (kept, deleted):
        await street.send(report(message=record.sid, at=week_later, **details))
    assert (await db.read(lambda conn: messages.get(conn, kept.sid))).status == status
    assert await db.read(lambda conn: messages.get(conn, deleted.sid)) is None
    assert [row.params["MessageStatus"] for row in await queued(db) if row.params["MessageSid"] == kept.sid] == [
        "sent",
        status,
    ]


@pytest.mark.parametrize(("after_submit", "status"), [(True, MessageStatus.UNDELIVERED), (False, MessageStatus.FAILED)])
async def test_a_failure_says_why(db, street, account, after_submit, status):
    record = await db.write(lambda conn: messages.insert(conn, outbound(account)))
    await street.send(MessageFailed(message=record.sid, code=30003, reason="absent", after_submit=after_submit))
    after = await db.read(lambda conn: messages.get(conn, record.sid))
    assert (after.status, after.error_code, after.error_message) == (status, 30003, "absent")
    (row,) = await queued(db)
    assert row.params["ErrorCode"] == "30003"


async def test_a_refused_message_has_failed(db, street, account):
    record = await db.write(lambda conn: messages.insert(conn, outbound(account)))
    await street.send(CommandRejected(subject=record.sid, code=30036, reason="too late"))
    assert (await db.read(lambda conn: messages.get(conn, record.sid))).error_code == 30036


async def test_another_edges_message_cannot_be_touched(db, ingest, account):
    record = await db.write(lambda conn: messages.insert(conn, outbound(account)))
    waiting = await db.write(lambda conn: messages.insert(conn, outbound(account, channel=None)))
    for sid in (record.sid, waiting.sid):
        await Street(ingest, OTHER).send(
            MessageSubmitted(message=sid, channel=ChannelId("site-2/m"), segments=1),
            MessageFailed(message=sid, code=1, reason=""),
            CommandRejected(subject=sid, code=1, reason=""),
        )
        assert (await db.read(lambda conn, sid=sid: messages.get(conn, sid))).status is MessageStatus.QUEUED


# ------------------------------------------------------------------ calls


async def test_an_inbound_call_from_ring_to_end(db, street, number, told):
    event = offered(caller=None)
    await street.send(
        event,
        CallAnswered(call=event.call, at=NOW),
        CallEnded(call=event.call, cause=16, by="caller", duration_s=61, at=NOW),
    )
    record = await db.read(lambda conn: calls.get(conn, event.call))
    assert (record.direction, record.caller, record.called) == (Direction.INBOUND, "anonymous", NUMBER)
    assert (record.status, record.duration_s, record.cause) == (CallStatus.COMPLETED, 61, 16)
    assert (record.url, record.number, record.edge) == (HOOK.url, number.sid, EDGE)
    (row,) = await queued(db)
    assert row.params["CallStatus"] == "completed"
    assert (row.params["CallDuration"], row.params["Duration"], row.params["SipResponseCode"]) == ("61", "2", "200")
    assert row.params["CallbackSource"] == "call-progress-events"
    assert [news.call.status for news in told[-3:]] == ["ringing", "in-progress", "completed"]


async def test_how_a_call_sounded_is_kept_with_its_channel(db, street, number):
    event, media = offered(), MediaStats(sent=3000, received=2990, lost=10, jitter_ms=4.5, codec="PCMA")
    ended = CallEnded(call=event.call, cause=16, by="caller", duration_s=60, at=NOW, media=media)
    await street.send(event, CallAnswered(call=event.call, at=NOW), ended)
    (kept,) = await db.read(lambda conn: history.list_(conn, CHANNEL))
    assert codec.decode_event(kept.payload).media == media
    for _ in range(25):
        more = offered()
        await street.send(more, replace(ended, call=more.call, id=new_id()))
    assert len(await db.read(lambda conn: history.list_(conn, CHANNEL))) == 20


async def test_a_caller_who_gives_up_has_terminated_the_request(db, street, number):
    event = offered()
    await street.send(event, CallEnded(call=event.call, cause=16, by="caller"))
    (row,) = await queued(db)
    assert (row.params["CallStatus"], row.params["SipResponseCode"]) == ("no-answer", "487")


async def test_an_outbound_calls_callbacks_are_numbered_and_in_order(db, street, account):
    record = await db.write(lambda conn: calls.insert(conn, outbound_call(account)))
    ringing = CallRinging(call=record.sid)
    await street.send(
        CallInitiated(call=record.sid, channel=CHANNEL),
        ringing,
        CallRinging(call=record.sid),
        CallAnswered(call=record.sid),
        ringing,
        CallEnded(call=record.sid, cause=16, by="callee", duration_s=3),
        CallEnded(call=record.sid, cause=41, by="restart"),
    )
    rows = await queued(db)
    assert [(row.params["CallStatus"], row.params["SequenceNumber"]) for row in rows] == [
        ("initiated", "0"),
        ("ringing", "1"),
        ("in-progress", "2"),
        ("completed", "3"),
    ]
    assert "CallDuration" not in rows[2].params
    assert all(row.params["Timestamp"].endswith("+0000") for row in rows)


@pytest.mark.parametrize("over", [False, True])
async def test_when_a_call_began_is_known_though_its_answer_was_announced_before(db, street, account, over):
    record = await db.write(lambda conn: calls.insert(conn, outbound_call(account)))
    ended = CallEnded(call=record.sid, cause=16, by="callee", duration_s=3)
    began = CallInitiated(call=record.sid, channel=CHANNEL)
    await street.send(CallAnswered(call=record.sid), *([ended, began] if over else [began, ended]))
    found = await db.read(lambda conn: calls.get(conn, record.sid))
    assert (found.status, found.duration_s) == (CallStatus.COMPLETED, 3)
    assert found.started_at is not None
    assert found.ended_at is not None
    assert [row.params["CallStatus"] for row in await queued(db)] == ["in-progress", "completed"]


@pytest.mark.parametrize(
    ("cause", "status", "sip"),
    [(17, "busy", "486"), (19, "no-answer", "480"), (1, "failed", "404"), (16, "no-answer", "480")],
)
async def test_a_call_nobody_answers(db, street, account, cause, status, sip):
    record = await db.write(
        lambda conn: calls.insert(conn, outbound_call(account, status_callback_events=("completed",)))
    )
    await street.send(CallRinging(call=record.sid), CallEnded(call=record.sid, cause=cause, by="network"))
    (row,) = await queued(db)
    assert (row.params["CallStatus"], row.params["SipResponseCode"]) == (status, sip)
    assert row.params["CallDuration"] == "0"
    assert (await db.read(lambda conn: calls.get(conn, record.sid))).duration_s is None


async def test_a_lost_answer_is_known_from_the_duration(db, street, account):
    record = await db.write(lambda conn: calls.insert(conn, outbound_call(account)))
    await street.send(CallEnded(call=record.sid, cause=16, by="us", duration_s=10, at=NOW))
    after = await db.read(lambda conn: calls.get(conn, record.sid))
    assert (after.answered_at, after.duration_s) == (NOW - timedelta(seconds=10), 10)


async def test_a_refused_call_has_failed(db, street, account):
    record = await db.write(lambda conn: calls.insert(conn, outbound_call(account)))
    await street.send(CommandRejected(subject=record.sid, code=31480, reason="too late"))
    assert (await db.read(lambda conn: calls.get(conn, record.sid))).status is CallStatus.FAILED


async def test_another_edges_call_cannot_be_touched(db, ingest, account):
    record = await db.write(lambda conn: calls.insert(conn, outbound_call(account)))
    sid = record.sid
    await Street(ingest, OTHER).send(
        CallAnswered(call=sid),
        CallEnded(call=sid, cause=16, by="us"),
        CommandRejected(subject=sid, code=1, reason=""),
        RecordingMade(call=sid, recording=recording(sid)),
        offered(call=sid, channel=ChannelId("site-2/modem1")),
    )
    after = await db.read(lambda conn: calls.get(conn, sid))
    assert (after.status, after.edge) == (CallStatus.QUEUED, EDGE)
    assert not await db.read(lambda conn: recordings.by_call(conn, sid))


def recording(call):
    return Recording(RecordingSid(new_sid("RE")), CallSid(call), Sha256("a" * 64), 100, 2.0)


async def test_a_recording_waits_for_its_bytes(db, street, account, told):
    record = await db.write(lambda conn: calls.insert(conn, outbound_call(account)))
    made = recording(record.sid)
    await street.send(RecordingMade(call=record.sid, recording=made, status_callback=HOOK.url, at=NOW))
    (kept,) = await db.read(lambda conn: recordings.by_call(conn, record.sid))
    assert (kept.status, kept.sha256, kept.status_callback) == ("processing", made.sha256, HOOK)
    assert kept.created_at == NOW - timedelta(seconds=2)
    assert told[-1].recording == kept


@pytest.mark.parametrize(
    ("at", "history", "believed"),
    [
        (NOW - timedelta(seconds=9), False, NOW - timedelta(seconds=9)),
        (datetime(1970, 1, 1, tzinfo=UTC), False, NOW),
        (NOW + timedelta(days=1), False, NOW),
        (NOW + timedelta(days=1), True, NOW),
        (NOW - timedelta(hours=3), True, NOW - timedelta(hours=3)),
    ],
)
async def test_a_wrong_clock_is_not_believed(db, street, number, told, at, history, believed):
    await street.send(offered(at=at), history=history)
    assert told[-1].call.started_at == believed
    assert told[-1].history is history


async def test_many_streets_at_once(db, ingest, number):
    async def one(stream):
        for seq in range(1, 21):
            await ingest.incoming(EDGE).apply(stream, seq, codec.encode(received()), history=False)

    await asyncio.gather(*(one(f"many{n}") for n in range(5)))
    assert len(await db.read(lambda conn: messages.latest(conn, 200))) == 100
