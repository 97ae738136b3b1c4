"""No call stays alive whose edge is gone for a minute, or does not know it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cloud.services.call_reaper import CallReaper
from cloud.store import calls
from cloud.store.records import CallRecord
from telecore.ids import CallSid, new_sid
from telecore.model import CallStatus, Direction
from telecore.notices import Heartbeat, LiveCall
from tests.cloud.services.site import CHANNELS, EDGE, HANDSET, NUMBERS

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class Clock:
    at = 1000.0
    wall = NOW

    def __call__(self):
        return self.at

    def go(self, seconds):
        self.at += seconds
        self.wall += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lost():
    return []


@pytest.fixture
def reaper(db, clock, lost):
    return CallReaper(db, lambda record: lost.append(record.sid), clock=clock, now=lambda: clock.wall)


@pytest.fixture
def live(db, account):
    async def live(status=CallStatus.IN_PROGRESS):
        record = CallRecord(
            CallSid(new_sid("CA")), account.sid, Direction.INBOUND, HANDSET, NUMBERS[0], status, NOW, NOW,
            channel=CHANNELS[0], edge=EDGE,
        )  # fmt: skip
        return (await db.write(lambda conn: calls.insert(conn, record))).sid

    return live


def heartbeat(*sids):
    return Heartbeat("i", "1", 1.0, (), tuple(LiveCall(sid, CHANNELS[0], True, 1) for sid in sids), 0)


async def test_an_edge_gone_for_a_minute(reaper, clock, lost, live):
    call = await live()
    reaper.on_link(EDGE, True)
    reaper.on_link(EDGE, False)
    clock.go(59)
    assert await reaper.look() == 0
    clock.go(2)
    await reaper.look()
    assert lost == [call]


async def test_an_edge_that_never_came_back_after_our_start(reaper, clock, lost, live):
    call = await live()
    clock.go(61)
    await reaper.look()
    assert lost == [call]


async def test_an_edge_that_came_back_in_time(reaper, clock, live):
    call = await live()
    reaper.on_link(EDGE, False)
    clock.go(50)
    reaper.on_link(EDGE, True)
    clock.go(50)
    assert await reaper.look() == 0
    reaper.heartbeat(EDGE, heartbeat(call))
    clock.go(500)
    assert await reaper.look() == 0


async def test_a_call_its_edge_does_not_know(reaper, clock, lost, live):
    known, unknown = await live(), await live()
    reaper.on_link(EDGE, True)
    reaper.heartbeat(EDGE, heartbeat(known))
    assert await reaper.look() == 0
    clock.go(10)
    reaper.heartbeat(EDGE, heartbeat(known, unknown))
    assert await reaper.look() == 0
    reaper.heartbeat(EDGE, heartbeat(known))
    assert await reaper.look() == 0
    clock.go(21)
    assert await reaper.look() == 0  # a line that is silent says nothing
    reaper.heartbeat(EDGE, heartbeat(known))
    await reaper.look()
    assert lost == [unknown]


async def test_a_call_that_ended_while_the_tunnel_was_away_is_left_to_its_edge_to_tell(reaper, clock, lost, live):
    call = await live()
    reaper.on_link(EDGE, True)
    reaper.heartbeat(EDGE, heartbeat())
    assert await reaper.look() == 0  # it has begun since
    reaper.on_link(EDGE, False)
    clock.go(30)
    reaper.on_link(EDGE, True)
    reaper.heartbeat(EDGE, heartbeat())
    assert await reaper.look() == 0
    clock.go(21)
    reaper.heartbeat(EDGE, heartbeat())
    await reaper.look()
    assert lost == [call]


async def test_a_call_that_was_never_taken(reaper, clock, lost, live):
    call = await live(CallStatus.QUEUED)
    reaper.on_link(EDGE, True)
    reaper.heartbeat(EDGE, heartbeat())
    clock.go(80)
    assert await reaper.look() == 0
    clock.go(11)
    await reaper.look()
    assert lost == [call]
