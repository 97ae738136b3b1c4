"""Enrolment tokens, the street down, what is applied, events, callbacks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from cloud.store import applied, callbacks, channels, clips, edges, events, notifications, outbox
from cloud.store.database import Database
from cloud.store.records import AccountRecord, Hook
from telecore.commands import RestartChannel, SendMessage, TopUp
from telecore.errors import NotAllowed
from telecore.events import MessageReceived
from telecore.ids import Address, ChannelId, EdgeId, Iccid, MessageSid, Sha256, new_sid
from telecore.model import ChannelState, ChannelStatus, Clip, Service, SignalLevel, Sim

EDGE = EdgeId("site-1")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = "k" * 64


async def test_a_token_enrols_once(db: Database, account: AccountRecord) -> None:
    token = await db.write(lambda c: edges.create(c, EDGE, account.sid))
    made = await db.write(lambda c: edges.enrol(c, token, KEY))
    assert (made.edge, made.key_sha256) == (EDGE, KEY)
    assert made.enrolled_at is not None
    with pytest.raises(NotAllowed):
        await db.write(lambda c: edges.enrol(c, token, "x" * 64))
    assert await db.read(lambda c: edges.by_key(c, KEY)) == await db.read(lambda c: edges.get(c, EDGE))
    assert await db.read(lambda c: edges.by_key(c, "")) is None


async def test_a_token_dies_of_age(db: Database, account: AccountRecord) -> None:
    token = await db.write(lambda c: edges.create(c, EDGE, account.sid, at=NOON, life=timedelta(hours=24)))
    with pytest.raises(NotAllowed):
        await db.write(lambda c: edges.enrol(c, token, KEY, at=NOON + timedelta(hours=25)))


async def test_a_new_token_leaves_the_running_edge_its_key_until_it_is_used(
    db: Database, account: AccountRecord
) -> None:
    first = await db.write(lambda c: edges.create(c, EDGE, account.sid))
    await db.write(lambda c: edges.enrol(c, first, KEY))
    second = await db.write(lambda c: edges.create(c, EDGE, account.sid))
    record = await db.read(lambda c: edges.get(c, EDGE))
    assert record is not None
    assert record.key_sha256 == KEY
    assert (await db.write(lambda c: edges.enrol(c, second, "n" * 64))).key_sha256 == "n" * 64


async def test_a_revoked_edge_has_no_key_no_token_and_no_vouchers_and_its_messages_wait(
    db: Database, account: AccountRecord
) -> None:
    token = await db.write(lambda c: edges.create(c, EDGE, account.sid))
    await db.write(lambda c: edges.enrol(c, token, KEY, public_key="p" * 64))
    unused = await db.write(lambda c: edges.create(c, EDGE, account.sid))
    wish = SendMessage(message=MessageSid("SM1"), channel=ChannelId("site-1/m"), to="+1", body="x")
    await db.write(lambda c: outbox.append(c, EDGE, wish))
    await db.write(lambda c: outbox.append(c, EDGE, TopUp(channel=ChannelId("site-1/m"), voucher="1234567890")))
    assert await db.write(lambda c: edges.revoke(c, EDGE)) == 1
    assert [payload["kind"] for _, payload in await db.read(lambda c: outbox.read(c, EDGE, 0, 10))] == [wish.kind]
    record = await db.read(lambda c: edges.get(c, EDGE))
    assert record is not None
    assert (record.enrolled, record.shut_why) == (False, edges.REVOKED)
    with pytest.raises(NotAllowed):
        await db.write(lambda c: edges.enrol(c, unused, KEY))
    again = await db.write(lambda c: edges.create(c, EDGE, account.sid))
    assert (await db.write(lambda c: edges.enrol(c, again, KEY, public_key="q" * 64))).shut_why == ""


async def test_the_outbox_counts_up_and_never_gives_a_number_twice(db: Database, account: AccountRecord) -> None:
    await db.write(lambda c: edges.create(c, EDGE, account.sid))
    other = EdgeId("site-2")
    await db.write(lambda c: edges.create(c, other, account.sid))
    wish = SendMessage(message=MessageSid("SM1"), channel=ChannelId("site-1/m"), to="+1", body="សួស្តី")
    one = await db.write(lambda c: outbox.append(c, EDGE, wish))
    await db.write(lambda c: outbox.append(c, other, RestartChannel(channel=ChannelId("site-2/m"))))
    two = await db.write(lambda c: outbox.append(c, EDGE, RestartChannel(channel=ChannelId("site-1/m"))))
    rows = await db.read(lambda c: outbox.read(c, EDGE, 0, 10))
    assert [seq for seq, _ in rows] == [one, two]
    assert rows[0][1]["body"] == "សួស្តី"
    assert await db.write(lambda c: outbox.forget(c, EDGE, two)) == 2
    record = await db.read(lambda c: edges.get(c, EDGE))
    assert record is not None
    assert record.outbox_stream
    assert (record.outbox_highest, record.outbox_acked) == (two, two)
    assert await db.write(lambda c: outbox.append(c, EDGE, wish)) > two


async def test_applied_numbers_are_kept_for_each_street(db: Database, account: AccountRecord) -> None:
    await db.write(lambda c: edges.create(c, EDGE, account.sid))
    await db.write(lambda c: applied.set(c, EDGE, "old", 9))
    await db.write(lambda c: applied.set(c, EDGE, "new", 2))
    await db.write(lambda c: applied.set(c, EDGE, "new", 3))
    assert await db.read(lambda c: (applied.get(c, EDGE, "old"), applied.get(c, EDGE, "new"))) == (9, 3)
    assert await db.read(lambda c: applied.get(c, EDGE, "unknown")) == 0


async def test_an_event_is_kept_once(db: Database) -> None:
    event = MessageReceived(
        message=MessageSid("SM1"),
        channel=ChannelId("site-1/m"),
        sender=Address("+1"),
        recipient=None,
        body="hi",
        parts=1,
        sent_at=None,
    )
    assert await db.write(lambda c: events.insert(c, event, EDGE))
    assert not await db.write(lambda c: events.insert(c, replace(event, body="again"), EDGE))
    kept = await db.read(lambda c: events.list_(c, about="SM1"))
    assert [(item.kind, item.payload["body"]) for item in kept] == [("message.received", "hi")]


async def test_a_channel_is_as_it_was_heard_last(db: Database) -> None:
    status = ChannelStatus(
        channel=ChannelId("site-1/m"),
        state=ChannelState.REGISTERED,
        since=12.5,
        offers=frozenset({Service.SMS, Service.VOICE}),
        sim=Sim(Iccid("8985501")),
        signal=SignalLevel(-71),
    )
    await db.write(lambda c: channels.upsert(c, EDGE, status))
    changed = replace(status, state=ChannelState.SEARCHING, signal=None)
    await db.write(lambda c: channels.upsert(c, EDGE, changed))
    assert [row.status for row in await db.read(channels.list_)] == [changed]
    assert await db.read(lambda c: channels.list_(c, ["site-2"])) == []


async def test_callbacks_of_one_subject_keep_their_order(db: Database, account: AccountRecord) -> None:
    hook = Hook("http://a.example/s")
    first = await db.write(lambda c: callbacks.add(c, account.sid, "CA1", hook, {"n": "1"}, due_at=NOON))
    await db.write(lambda c: callbacks.add(c, account.sid, "CA1", hook, {"n": "2"}, due_at=NOON))
    third = await db.write(lambda c: callbacks.add(c, account.sid, "CA2", hook, {"n": "3"}, due_at=NOON))
    assert [row.id for row in await db.read(lambda c: callbacks.next_due(c, NOON))] == [first, third]
    beside = await db.read(lambda c: callbacks.next_due(c, NOON, 1, without=(first,)))
    assert [row.id for row in beside] == [third], "and its own later one waits still"
    await db.write(lambda c: callbacks.failed(c, first, NOON + timedelta(minutes=1), "HTTP 500"))
    assert [row.id for row in await db.read(lambda c: callbacks.next_due(c, NOON))] == [third]
    await db.write(lambda c: callbacks.done(c, third))
    assert await db.read(callbacks.next_moment) == NOON
    await db.write(lambda c: callbacks.failed(c, first, None, "HTTP 500"))
    due = await db.read(lambda c: callbacks.next_due(c, NOON))
    assert [row.params for row in due] == [{"n": "2"}]


async def test_callbacks_are_found_by_account_and_server(db: Database, account: AccountRecord) -> None:
    urls = ("http://a.example/s", "https://u:p@A.example/t?x", "http://b.example:81/", "http://[broken/")
    for number, url in enumerate(urls):
        add = partial(callbacks.add, subject=f"CA{number}", hook=Hook(url), params={}, due_at=NOON)
        await db.write(partial(add, account=account.sid))
    lanes = await db.read(lambda c: callbacks.lanes_due(c, NOON))
    assert sorted(lanes) == [(account.sid, server) for server in ("", "a.example", "b.example:81")]
    of_a = await db.read(lambda c: callbacks.next_due(c, NOON, 9, (account.sid, "a.example")))
    assert [row.subject for row in of_a] == ["CA0", "CA1"]
    assert await db.read(lambda c: callbacks.lanes_due(c, NOON - timedelta(seconds=1))) == []
    assert await db.read(lambda c: callbacks.next_moment(c, after=NOON)) is None


async def test_clips_and_notifications(db: Database, account: AccountRecord) -> None:
    clip = Clip(Sha256("a" * 64), 100, 50)
    await db.write(lambda c: clips.put(c, "text", clip))
    assert await db.read(lambda c: clips.get(c, "text")) == clip
    assert await db.read(lambda c: clips.get(c, "other")) is None
    sid = new_sid("CA")
    await db.write(lambda c: notifications.add(c, account.sid, sid, 11200, "HTTP 500", hook=Hook("http://a.example")))
    (only,) = await db.read(lambda c: notifications.list_(c, account.sid, about=sid))
    assert (only.code, only.url, only.level) == (11200, "http://a.example", "error")


async def test_the_streets_of_many_edges_are_read_together(db: Database, account: AccountRecord) -> None:
    names = [EdgeId(f"site-{n}") for n in range(4)]
    for name in names[:3]:
        await db.write(lambda c, name=name: edges.create(c, name, account.sid))
    for name in (names[0], names[2], names[2]):
        command = RestartChannel(channel=ChannelId(f"{name}/modem1"))
        await db.write(lambda c, name=name, command=command: outbox.append(c, name, command))
    await db.write(lambda c: applied.set(c, names[1], "up", 7, "seventh"))
    await db.write(lambda c: applied.set(c, names[1], "older", 3, ""))
    above = [outbox.Above(name, 0, 10) for name in names] + [
        outbox.Above(names[2], 2, 10),
        outbox.Above(names[2], 0, 1),
    ]
    rows = await db.read(lambda c: outbox.read_many(c, above))
    assert [[seq for seq, _ in each] for each in rows] == [[1], [], [2, 3], [], [3], [2]]
    assert rows == [(await db.read(lambda c, one=one: outbox.read_many(c, [one])))[0] for one in above]
    records = await db.read(lambda c: edges.of(c, [names[2], names[3], names[0], names[2]]))
    assert [record and record.edge for record in records] == [names[2], None, names[0], names[2]]
    streets = await db.read(lambda c: applied.streets(c, names))
    assert streets == {names[0]: {}, names[1]: {"up": (7, "seventh"), "older": (3, "")}, names[2]: {}, names[3]: {}}
