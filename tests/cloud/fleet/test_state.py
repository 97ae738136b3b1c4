from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloud.fleet.keeper import Fleet
from cloud.fleet.state import ChannelHeard, EdgeState, LinkChanged, SiteState, apply, news_of
from cloud.store import accounts, channels, edges
from cloud.store.database import Database
from telecore.ids import ChannelId, EdgeId
from telecore.model import ChannelState, ChannelStatus, SignalLevel
from telecore.notices import DataUsed, Heartbeat
from telecore.tunnel.meter import Traffic
from tests.fakes.store import store_url

EDGE, CHANNEL = EdgeId("site-1"), ChannelId("site-1/modem1")
NOW = datetime(2026, 5, 1, tzinfo=UTC)
STATUS = ChannelStatus(CHANNEL, ChannelState.REGISTERED, 1.0)


def beat(*statuses):
    return Heartbeat("inst", "1.2", 5.0, statuses, (), 7)


def test_an_edge_comes_speaks_and_goes():
    up = apply(SiteState(), EDGE, LinkChanged(True), NOW)
    heard = apply(up, EDGE, beat(STATUS), NOW + timedelta(seconds=1))
    assert heard.edge == EdgeState(True, NOW + timedelta(seconds=1), "inst", "1.2", 7)
    assert heard.channels[CHANNEL].status == STATUS
    gone = apply(heard, EDGE, LinkChanged(False), NOW + timedelta(seconds=2))
    assert (gone.edge.connected, gone.edge.spooled) == (False, None)
    assert gone.channels[CHANNEL].status == STATUS
    assert gone.channels[CHANNEL].heard_at == NOW + timedelta(seconds=2)
    said = Heartbeat("inst", "1.2", 5.0, (), (), 8, DataUsed("2026-05-01", Traffic()))
    with_data = apply(heard, EDGE, said, NOW)
    assert with_data.channels == heard.channels  # those that are not told of are as they were
    assert apply(with_data, EDGE, beat(), NOW).edge.data == said.data
    assert up.channels == {}


def test_an_edge_cannot_speak_for_anothers_channel():
    other = replace(STATUS, channel=ChannelId("site-10/modem1"))
    assert apply(SiteState(), EDGE, beat(STATUS, other), NOW).channels.keys() == {CHANNEL}
    assert apply(SiteState(), EDGE, ChannelHeard(other), NOW).channels == {}


def test_only_what_lasts_is_news():
    state = apply(SiteState(), EDGE, ChannelHeard(STATUS), NOW)
    louder = replace(STATUS, signal=SignalLevel(-60), busy_legs=1, sent_today=3)
    assert news_of(state, beat(louder)) == ()
    locked = replace(STATUS, state=ChannelState.LOCKED)
    assert news_of(state, beat(locked)) == (locked,)
    assert news_of(SiteState(), beat(STATUS)) == (STATUS,)


@pytest.fixture
async def db(tmp_path: Path):
    async with Database(store_url(tmp_path)) as database:
        account = await database.write(lambda conn: accounts.create(conn, "Test"))
        await database.write(lambda conn: edges.create(conn, EDGE, account.sid))
        yield database


async def test_a_snapshot_joins_what_is_stored_and_what_was_heard(db):
    stored = replace(STATUS, channel=ChannelId("site-1/modem2"))
    await db.write(lambda conn: channels.upsert(conn, EDGE, stored))
    fleet = Fleet(db, now=lambda: NOW)
    (edge,) = (await fleet.snapshot()).edges
    assert (edge.connected, edge.enrolled, edge.spooled) == (False, False, None)
    fleet.take(EDGE, LinkChanged(True))
    fleet.take(EDGE, beat(STATUS))
    shown = await fleet.snapshot()
    assert (shown.edges[0].connected, shown.edges[0].version, shown.edges[0].last_seen_at) == (True, "1.2", NOW)
    assert [record.channel for record in shown.channels] == [CHANNEL, stored.channel]


async def test_subscribers_hear_of_changes_once_and_leave(db):
    fleet = Fleet(db)
    heard = []

    async def listen():
        async for change in fleet.subscribe():
            heard.append(change)

    task = asyncio.create_task(listen())
    await asyncio.sleep(0)
    for _ in range(3):
        fleet.changed()
    await asyncio.sleep(0.01)
    assert len(heard) == 1
    fleet.take(EDGE, LinkChanged(True))
    await asyncio.sleep(0.01)
    assert len(heard) == 2
    task.cancel()
    await asyncio.wait([task])
    assert fleet._ears == set()
