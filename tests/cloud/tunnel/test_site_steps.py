"""What edges tell of SIMs, accounts, modems and themselves, into a real store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cloud.services.caps import CapKeeper
from cloud.store import accounts, channels, edges, history, outbox, tasks, warnings
from cloud.store.records import TaskRecord
from cloud.tunnel import site_steps
from cloud.tunnel.ingest import Ingest
from telecore import codec
from telecore.commands import TopUp
from telecore.events import (
    BalanceRead,
    ChannelChanged,
    ChannelHealed,
    CommandRejected,
    SelfTestDone,
    SimHealthChanged,
    ToppedUp,
    UssdReplied,
    WarningCleared,
    WarningRaised,
)
from telecore.ids import ChannelId, CommandId, EdgeId, Iccid, new_sid
from telecore.model import ChannelState, ChannelStatus, Sim
from telecore.sim_health import Balance, Health, HealthState

EDGE, OTHER = EdgeId("site-1"), EdgeId("site-2")
ONE, TWO, FOREIGN = ChannelId("site-1/one"), ChannelId("site-1/two"), ChannelId("site-2/one")
ICCID = Iccid("8985500000000000001")
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
COOL = Health(HealthState.COOLDOWN, NOW.timestamp(), "5 of 6 SMS refused with 50", 0)


@pytest.fixture
async def store(db, account):
    await db.write(lambda conn: edges.create(conn, EDGE, account.sid))
    stranger = await db.write(lambda conn: accounts.create(conn, "Two"))
    await db.write(lambda conn: edges.create(conn, OTHER, stranger.sid))
    return db


@pytest.fixture
async def told():
    return []


@pytest.fixture
async def send(store, told):
    ingest = Ingest(store, allow=CapKeeper().allow, now=lambda: NOW)
    ingest.listen(told.append)
    seq = 0

    async def send(*events, edge=EDGE):
        nonlocal seq
        for event in events:
            seq += 1
            await ingest.incoming(edge).apply("s", seq, codec.encode(event), history=False)

    status = ChannelStatus(ONE, ChannelState.REGISTERED, 0.0, sim=Sim(ICCID))
    await send(ChannelChanged(at=NOW, status=status))
    told.clear()
    return send


def changed(health=COOL, channel=ONE, iccid=ICCID, **more):
    evidence = ("+CMS ERROR: 50 ×5",)
    return SimHealthChanged(
        at=NOW, channel=channel, iccid=iccid, was=HealthState.HEALTHY, health=health, evidence=evidence, **more
    )


async def kept(store, channel=ONE):
    return await store.read(lambda conn: history.list_(conn, channel))


async def test_health_is_history_and_the_channel_stands_by_it_at_once(store, send, told):
    await send(changed())
    (record,) = await kept(store)
    assert (record.kind, record.iccid, record.at) == ("sim.health", ICCID, NOW)
    assert record.payload["evidence"] == ["+CMS ERROR: 50 ×5"]
    stored = await store.read(lambda conn: channels.get(conn, ONE))
    assert stored.status.health == COOL
    assert told[-1].channel.health == COOL


async def test_old_news_and_news_of_a_sim_that_is_gone_change_no_channel(store, send):
    await send(changed(), changed(replace(COOL, since=1.0, state=HealthState.HEALTHY)), changed(iccid=Iccid("89")))
    stored = await store.read(lambda conn: channels.get(conn, ONE))
    assert stored.status.health == COOL
    assert len(await kept(store)) == 3


async def test_history_is_bounded_for_each_channel_and_kind(store, send):
    await send(UssdReplied(channel=ONE, state="done", text="x"), UssdReplied(channel=TWO, state="done", text="y"))
    await send(*(changed(replace(COOL, reason=str(at))) for at in range(history.KEPT + 5)))
    rows = await store.read(lambda conn: history.list_(conn, ONE, ["sim.health"], limit=1000))
    assert len(rows) == history.KEPT
    assert rows[0].payload["health"]["reason"] == str(history.KEPT + 4)
    assert [row.kind for row in await kept(store, TWO)] == ["ussd.replied"]
    assert len(await store.read(lambda conn: history.list_(conn, ONE, ["ussd.replied"]))) == 1


async def test_balances_are_read_and_kept(store, send):
    new, old = Balance(200.0, "3.50", "USD"), Balance(100.0, "9.00", "USD")
    for balance in (new, old):
        await send(BalanceRead(channel=ONE, iccid=ICCID, balance=balance, recipe="smart"))
    stored = await store.read(lambda conn: channels.get(conn, ONE))
    assert stored.status.balance == new
    assert [row.payload["balance"]["amount"] for row in await kept(store)] == ["9.00", "3.50"]


async def test_a_test_is_kept_at_both_ends_and_what_is_not_ones_own_nowhere(store, send):
    await send(SelfTestDone(sender=ONE, receiver=TWO, passed=True, text="fine"))
    assert [len(await kept(store, channel)) for channel in (ONE, TWO)] == [1, 1]
    await send(SelfTestDone(sender=ONE, receiver=FOREIGN, passed=True, text="fine"))
    await send(ChannelHealed(channel=FOREIGN, step="reopen", outcome="worked"))
    await send(WarningRaised(code="x", severity="error", subject=FOREIGN, text="not ours"))
    assert len(await kept(store, ONE)) == 1
    assert await kept(store, FOREIGN) == []
    assert await store.read(warnings.list_) == []


async def test_warnings_stand_until_they_are_cleared(store, send):
    raised = WarningRaised(at=NOW, code="disk", severity="warning", subject="", text="90 % full")
    await send(raised)
    later = NOW + timedelta(seconds=30)
    await send(WarningRaised(at=later, code="disk", severity="error", subject="", text="99 % full"))
    (found,) = await store.read(warnings.list_)
    assert (found.edge, found.severity, found.text, found.since) == (EDGE, "error", "99 % full", NOW)
    await send(WarningCleared(code="disk", subject=""), edge=OTHER)
    assert len(await store.read(warnings.list_)) == 1
    await send(WarningCleared(code="disk", subject=""))
    assert await store.read(warnings.list_) == []


def a_task(account, edge=EDGE, not_after=NOW):
    sid = CommandId(new_sid("TK"))
    return TaskRecord(sid, account.sid, edge, ONE, "sim.top_up", NOW, NOW, not_after)


@pytest.mark.parametrize(
    ("event", "status", "result"),
    [
        (lambda sid: UssdReplied(command=sid, channel=ONE, state="reply_wanted", text="1 Balance"), "done",
         {"state": "reply_wanted", "text": "1 Balance"}),
        (lambda sid: UssdReplied(command=sid, channel=ONE, state="timeout", text=""), "failed",
         {"state": "timeout", "text": ""}),
        (lambda sid: ToppedUp(command=sid, channel=ONE, iccid=ICCID, outcome="unknown"), "failed",
         {"outcome": "unknown", "said": ""}),
        (lambda sid: CommandRejected(command=sid, subject=ONE, code=20404, reason="no channel"), "failed",
         {"code": 20404, "message": "no channel"}),
    ],
)  # fmt: skip
async def test_the_answer_ends_the_task(store, send, account, event, status, result):
    task = await store.write(lambda conn: tasks.insert(conn, a_task(account)))
    await send(event(task.sid))
    found = await store.read(lambda conn: tasks.get(conn, task.sid))
    assert (found.status, found.result) == (status, result)


async def test_nobody_answers_for_another_edge(store, send, account):
    task = await store.write(lambda conn: tasks.insert(conn, a_task(account, OTHER)))
    await send(UssdReplied(command=task.sid, channel=ONE, state="done", text="x"))
    assert (await store.read(lambda conn: tasks.get(conn, task.sid))).status == "queued"


async def test_what_was_never_delivered_is_taken_back_voucher_and_all(store, account):
    task = await store.write(lambda conn: tasks.insert(conn, a_task(account)))
    command = TopUp(id=task.sid, channel=ONE, voucher="12345678901234")
    await store.write(lambda conn: outbox.append(conn, EDGE, command))
    after = await store.write(lambda conn: site_steps.give_up(conn, task, NOW))
    assert after.status == "failed"
    assert "nothing was done" in after.result["message"]
    assert await store.read(lambda conn: outbox.read(conn, EDGE, 0, 10)) == []


async def test_what_was_delivered_has_some_time_for_its_answer(store, account, send):
    task = await store.write(lambda conn: tasks.insert(conn, a_task(account)))
    assert await store.write(lambda conn: site_steps.give_up(conn, task, NOW)) is None
    late = NOW + site_steps.ANSWERED_WITHIN
    after = await store.write(lambda conn: site_steps.give_up(conn, task, late))
    assert "not known" in after.result["message"]
    await send(ToppedUp(command=task.sid, channel=ONE, iccid=ICCID, outcome="done"))
    assert (await store.read(lambda conn: tasks.get(conn, task.sid))).status == "done"
