"""The desk hands news to whom they concern, and outlives what goes wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from cloud.services.speaking.engine import SpeechFailed
from cloud.store import channels, edges, numbers
from telecore.ids import E164, ChannelId, Iccid
from telecore.model import ChannelState, ChannelStatus, Service, SignalLevel, Sim
from telecore.notices import BlobStored, Heartbeat
from tests.cloud.services.desk_site import Beeps, DeskSite
from tests.cloud.services.site import CHANNELS, EDGE, NUMBERS, channel_changed


async def eventually(check, within_s=3.0):
    async with asyncio.timeout(within_s):
        while not await check():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_heartbeat_alone_makes_a_channel_and_its_number_known(desk):
    channel, number = ChannelId("site-1/modem9"), E164("+85510000009")
    status = ChannelStatus(
        channel, ChannelState.REGISTERED, 0.0, frozenset(Service), Sim(Iccid("8985500000000000009"), None, number)
    )
    desk.heartbeat(channels=[status])

    async def known():
        found = await desk.db.read(lambda conn: numbers.get_by_number(conn, number))
        return found is not None and found.channel == channel

    await eventually(known)
    shown = await desk.desk.fleet.snapshot()
    assert channel in [record.channel for record in shown.channels]


async def test_only_lasting_changes_of_a_heartbeat_are_written(desk):
    status = channel_changed(0).status
    desk.heartbeat(channels=[status])
    await asyncio.sleep(0.05)
    before = await desk.db.read(lambda conn: channels.get(conn, CHANNELS[0]))
    desk.heartbeat(channels=[replace(status, signal=SignalLevel(-70), busy_legs=1)])
    await asyncio.sleep(0.05)
    after = await desk.db.read(lambda conn: channels.get(conn, CHANNELS[0]))
    assert after.heard_at == before.heard_at
    assert desk.desk.fleet.site(EDGE).channels[CHANNELS[0]].status.busy_legs == 1


async def test_when_an_edge_was_seen_is_kept(desk):
    async def seen():
        return (await desk.db.read(lambda conn: edges.get(conn, EDGE))).last_seen_at is not None

    await eventually(seen)
    assert (await desk.desk.fleet.snapshot()).edges[0].connected
    desk.desk.on_link(EDGE, False)
    assert not (await desk.desk.fleet.snapshot()).edges[0].connected


async def test_a_notice_that_goes_the_other_way_is_told_and_ignored(desk, caplog):
    desk.desk.on_notice(EDGE, BlobStored("0" * 64))
    assert "blob.stored, which is not for us" in caplog.text


async def test_a_strangers_heartbeat_touches_nobody(desk):
    foreign = replace(channel_changed(0).status, channel=ChannelId("site-2/modem1"))
    desk.desk.on_notice(EDGE, Heartbeat("i", "1", 1.0, (foreign,), (), 0))
    await asyncio.sleep(0.05)
    found = await desk.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[0]))
    assert found.channel == CHANNELS[0]
    assert await desk.db.read(lambda conn: channels.get(conn, "site-2/modem1")) is None


async def test_without_speech_everything_else_works(db, account, files, client, caplog):
    class Mute(Beeps):
        async def open(self):
            raise SpeechFailed("espeak-ng is not installed: run apt-get install espeak-ng")

        async def render(self, script):
            raise SpeechFailed("espeak-ng is not installed")

    site = await DeskSite(db, account, files, client, Mute()).open()
    await asyncio.sleep(0.05)
    assert "apt-get install espeak-ng" in caplog.text
    call = await site.offer()
    assert [verb.kind for verb in (await site.page(call, 1)).verbs] == ["reject"]
    await site.close()
