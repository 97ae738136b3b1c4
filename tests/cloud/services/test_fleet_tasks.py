"""Tasks end: by their answer (test_site_steps), or by their time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cloud.services.fleet_tasks import LATER, SOON, FleetTasks
from cloud.store import outbox, tasks
from cloud.tunnel.site_steps import ANSWERED_WITHIN
from telecore.commands import ReadBalance, SetSimHealth, TopUp
from telecore.errors import NotFound
from telecore.ids import ChannelId
from tests.cloud.services.site import CHANNELS, EDGE

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def service(site, clock):
    return FleetTasks(site.db, wake=site.woken.append, now=clock)


async def found(db, sid):
    return await db.read(lambda conn: tasks.get(conn, sid))


async def test_a_task_is_its_command_and_wakes_its_edge(service, site, account):
    task = await service.ask(ReadBalance(channel=CHANNELS[0]), within=None, by="operator ann")
    (command,) = await site.commands()
    assert (command.id, command.not_after) == (task.sid, NOW + SOON)
    assert (task.account, task.by, task.status) == (account.sid, "operator ann", "queued")
    assert site.woken == [EDGE]


async def test_a_verdict_may_wait_for_an_edge_that_is_away_for_days(service, site, clock):
    task = await service.ask(SetSimHealth(channel=CHANNELS[0], state=None), within=None, by="x")
    clock.now += LATER - timedelta(hours=1)
    assert await service.expire() == 0
    assert len(await site.commands()) == 1
    assert (await found(site.db, task.sid)).status == "queued"


async def test_what_its_edge_never_fetched_is_taken_back(service, site, clock):
    task = await service.ask(TopUp(channel=CHANNELS[0], voucher="1234567890"), within=None, by="x")
    assert await service.expire() == 0
    clock.now += SOON + timedelta(seconds=1)
    assert await service.expire() == 1
    assert await site.commands() == []
    after = await found(site.db, task.sid)
    assert (after.status, after.result["code"]) == ("failed", 31480)
    assert await service.expire() == 0


async def test_what_its_edge_has_fetched_is_waited_for(service, site, clock):
    task = await service.ask(ReadBalance(channel=CHANNELS[0]), within=None, by="x")
    await site.db.write(lambda conn: outbox.forget(conn, EDGE, 10_000))
    clock.now += SOON + timedelta(minutes=1)
    assert await service.expire() == 0
    clock.now += ANSWERED_WITHIN
    assert await service.expire() == 1
    assert "not known" in (await found(site.db, task.sid)).result["message"]


async def test_a_channel_that_is_not_there(service, site):
    with pytest.raises(NotFound):
        await service.ask(ReadBalance(channel=ChannelId("site-1/none")), within=None, by="x")
    assert await site.commands() == []


async def test_old_tasks_are_forgotten(service, site, clock):
    await service.ask(ReadBalance(channel=CHANNELS[0]), within=None, by="x")
    clock.now += SOON + timedelta(seconds=1)
    await service.expire()
    far = datetime.now(UTC) + tasks.KEPT + timedelta(days=1)
    assert await site.db.write(lambda conn: tasks.tidy(conn, far)) == 1
