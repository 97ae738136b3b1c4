from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from cloud.store import calls, numbers
from cloud.store.records import CallRecord
from telecore.ids import CallSid, new_sid
from telecore.model import CallStatus, ChannelState, Direction
from tests.cloud.services.site import CHANNELS, EDGE, HANDSET, NUMBERS, channel_changed

NOW = datetime(2026, 5, 1, tzinfo=UTC)


async def number(db, at=0):
    return await db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[at]))


def live_call(account, channel):
    return CallRecord(
        CallSid(new_sid("CA")), account.sid, Direction.INBOUND, HANDSET, NUMBERS[0], CallStatus.IN_PROGRESS, NOW, NOW,
        channel=channel, edge=EDGE,
    )  # fmt: skip


async def test_a_message_goes_to_its_sim_even_in_a_call(db, site, routing, account):
    await db.write(lambda conn: calls.insert(conn, live_call(account, CHANNELS[1])))
    found = await number(db, 1)
    decision = await db.read(lambda conn: routing.for_message(conn, "SM1", found, HANDSET))
    assert decision.chosen.channel == CHANNELS[1]
    assert routing.reason("SM1") == "the SIM of the sender's number"


async def test_no_connection_no_message(db, site, routing):
    site.link = False
    found = await number(db)
    decision = await db.read(lambda conn: routing.for_message(conn, "SM1", found, HANDSET))
    assert decision.chosen is None
    assert "edge site-1 is not connected" in routing.reason("SM1")
    assert (await db.read(lambda conn: routing.for_call(conn, "CA1", found, HANDSET))).chosen


async def test_one_call_per_channel(db, site, routing, account):
    await site.send(channel_changed(0, busy_legs=1))
    found = await number(db)
    assert (await db.read(lambda conn: routing.for_call(conn, "CA1", found, HANDSET))).chosen
    await db.write(lambda conn: calls.insert(conn, live_call(account, CHANNELS[0])))
    decision = await db.read(lambda conn: routing.for_call(conn, "CA1", found, HANDSET))
    assert decision.chosen is None
    assert "busy" in decision.sentence()


async def test_a_sim_that_is_not_registered(db, site, routing):
    await site.send(channel_changed(0, ChannelState.LOCKED, reason="PIN wanted"))
    found = await number(db)
    decision = await db.read(lambda conn: routing.for_call(conn, "CA1", found, HANDSET))
    assert "is locked: PIN wanted" in decision.sentence()


async def test_a_number_never_seen_in_a_channel(db, site, routing):
    found = await number(db)
    gone = await db.write(lambda conn: numbers.update(conn, found.sid, channel=None))
    assert (await db.read(lambda conn: routing.for_message(conn, "S", gone, HANDSET))).chosen is None


async def test_a_dial_takes_a_free_channel_of_its_edge(db, site, routing, account):
    def dial(conn, **more):
        fields = {"account": account.sid, "edge": EDGE, "to": HANDSET, "caller": NUMBERS[1], "taken": Counter()} | more
        return routing.for_dial(conn, "CA1", **fields)

    assert (await db.read(dial)).chosen.channel == CHANNELS[1]
    assert (await db.read(lambda conn: dial(conn, taken=Counter(CHANNELS[1:])))).chosen.channel == CHANNELS[0]
    await db.write(lambda conn: calls.insert(conn, live_call(account, CHANNELS[0])))
    assert (await db.read(lambda conn: dial(conn, taken=Counter(CHANNELS[1:])))).chosen is None
