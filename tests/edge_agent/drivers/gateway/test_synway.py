"""Synway's tongue against the simulated box, by real HTTP on loopback."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from edge_agent.contracts import OutboundSms
from edge_agent.drivers.gateway.management import ManagementSettings
from edge_agent.drivers.gateway.synway import DOUBTFUL, SynwayManagement
from simulator.gateway.contracts import Received
from simulator.gateway.synway import SynwayBox
from simulator.gateway.web_box import WebTrouble
from telecore.errors import DeviceLost, DeviceRefused, InvalidRequest, OutcomeUnknown, RemoteProtocolError
from telecore.ids import DeviceId
from telecore.model import ChannelState, LineCall
from tests.fakes.sms_site import carrying
from tests.fakes.tongues import ANSWERS, CHANNELS, LINE0, LINE1, KeepingCore, Towers, managed, until

FAST = {
    "task_poll_s": "0.02", "sms_limit_s": "1", "timeout_s": "0.6", "timezone": "+00:00", "waiting_states": "1",
    "sent_states": "2", "failed_states": "3",
}  # fmt: skip


def settings(box, *, password="admin", poll_s=0.05, lines=("1", "2"), **options):
    return ManagementSettings(
        DeviceId("gw"),
        "127.0.0.1",
        port=box.web.port,
        user="ApiUserAdmin",
        password=password,
        lines=managed(lines),
        poll_s=poll_s,
        options={**FAST, **options},
    )


@asynccontextmanager
async def synway_box():
    towers = Towers()
    box = SynwayBox(towers.lines, towers.timers)
    await box.start()
    await towers.on()
    try:
        yield towers, box
    finally:
        await box.stop()


class Rig:
    def __init__(self, towers, box, tongue, core, task):
        self.towers, self.box, self.tongue, self.core, self.task = towers, box, tongue, core, task
        self.refs = []

    async def send(self, body="hello", **options):
        async def on_segment(ref):
            self.refs.append(ref)

        await self.tongue.sms(self.tongue.lines[0]).submit(OutboundSms(ANSWERS, body, **options), 0, on_segment)

    def hear(self, text, stamp, port=0, sender=ANSWERS):
        self.towers.lines[port].on_received(Received(sender, text, stamp))


@asynccontextmanager
async def rig(**options):
    async with synway_box() as (towers, box):
        tongue, core = SynwayManagement(settings(box, **options)), KeepingCore()
        await tongue.open()
        task = asyncio.create_task(tongue.run(core))
        try:
            await until(lambda: len(core.radios) == 2)
            yield Rig(towers, box, tongue, core, task)
        finally:
            task.cancel()
            await asyncio.wait([task])
            await tongue.close()


async def test_each_line_is_told_with_its_sim_and_its_state():
    async with rig() as r:
        status, sim = r.core.radios[CHANNELS[0]][-1], r.towers.lines[0].sim
        assert status.state is ChannelState.REGISTERED
        assert (status.sim.iccid, status.sim.imsi, status.sim.msisdn) == (sim.iccid, sim.imsi, LINE0)
        assert status.signal is None
        assert status.call is LineCall.IDLE
        fault = r.towers.fault("registration_denied")
        await until(lambda: r.core.state(CHANNELS[0]) is ChannelState.DENIED)
        r.towers.over(fault)
        r.towers.fault("sim_removed", 1)
        await until(lambda: r.core.state(CHANNELS[1]) is ChannelState.FAULTY)
        assert r.tongue.ussd(r.tongue.lines[0]) is None
        with pytest.raises(DeviceRefused, match="own pages"):
            await r.tongue.restart_line(r.tongue.lines[0])
        with pytest.raises(DeviceRefused, match="own pages"):
            await r.tongue.restart()


@pytest.mark.parametrize("text", ["plain", "ភាសាខ្មែរ 🙂", "é|E;x", "long " * 80], ids=["a", "b", "c", "d"])
async def test_a_text_goes_out(text):
    async with rig() as r:
        await r.send(text)
        assert [ref.segment for ref in r.refs] == list(range(r.refs[0].segments))
        await until(lambda: r.towers.inbox(ANSWERS) == [text])


async def test_what_the_network_or_the_box_refuses_is_refused():
    async with rig() as r:
        with pytest.raises(DeviceRefused, match="too long"):
            await r.send("x" * 601)
        r.towers.fault("cms_error", code=38)
        with pytest.raises(DeviceRefused, match="could not send"):
            await r.send()
        with pytest.raises(InvalidRequest):
            await r.send(flash=True)


@pytest.mark.parametrize("kind", [WebTrouble.LOST, WebTrouble.TRUNCATED, WebTrouble.SLOW, WebTrouble.CUT], ids=str)
async def test_a_send_whose_answer_is_lost_is_unknown_and_not_repeated(kind):
    async with rig() as r:
        r.box.web.upset("/API/TaskHandle", kind)
        with pytest.raises(OutcomeUnknown):
            await r.send()
        await asyncio.sleep(0.1)
        assert r.towers.lines[0].sim.counters.submits == (0 if kind is WebTrouble.CUT else 1)


async def test_a_state_that_has_no_meaning_here_leaves_it_unknown_and_says_what_to_do():
    async with rig(sent_states="7", sms_limit_s="0.3") as r:
        with pytest.raises(OutcomeUnknown, match="sent_states"):
            await r.send()


async def test_an_answer_that_says_nothing_of_a_task_is_unknown():
    async with rig() as r:
        r.box._pages["txsms"] = lambda body: "queued"
        with pytest.raises(OutcomeUnknown, match="names no task"):
            await r.send()


async def test_questions_for_a_task_may_fail_on_the_way():
    async with rig() as r:
        r.box._pages["txsms"] = lambda body, send=r.box._pages["txsms"]: (
            r.box.web.upset("/API/QueryInfo", WebTrouble.STATUS, 2) or send(body)
        )
        await r.send()
        assert len(r.refs) == 1


async def test_received_texts_are_told_once_and_none_is_lost_while_the_disk_is_full():
    async with rig() as r:
        for number, text in enumerate(("first", "two; a|b |E; c", "ភាសា 🙂")):
            r.towers.network.handsets[ANSWERS].send(LINE1 if number == 1 else LINE0, text)
            await until(lambda number=number: len(r.core.parts) == number + 1)
        r.core.full = True
        r.towers.network.handsets[ANSWERS].send(LINE0, "kept")
        await asyncio.sleep(0.2)
        r.core.full = False
        await until(lambda: len(r.core.parts) == 4)
        await asyncio.sleep(0.1)
        assert r.core.bodies() == ["first", "two; a|b |E; c", "ភាសា 🙂", "kept"]
        assert [part.channel for part in r.core.parts][:2] == list(CHANNELS)
        assert abs(r.core.parts[0].sent_at.timestamp() - r.towers.timers.now()) < 10


async def test_a_text_that_forges_a_record_is_its_senders_own():
    async with rig() as r:
        now = r.towers.timers.now()
        forged = "x|E;2026-01-01 00:00:00:1(C)(-1):Bank:your PIN please"
        r.hear(forged, now - 20)
        r.hear("honest", now - 10, port=1)
        r.hear("more", now - 5)
        await until(lambda: len(r.core.parts) == 3)
        await asyncio.sleep(0.2)
        assert sorted(r.core.bodies()) == sorted([forged, "honest", "more"])
        assert {part.sender for part in r.core.parts} == {ANSWERS}


async def test_texts_that_cannot_be_told_apart_are_nobodys():
    async with rig() as r:
        now = r.towers.timers.now()
        r.hear("x|E;2026-01-01 00:00:00:1(C)(-1):Bank:your PIN please", now - 20)
        r.hear("in the same second", now - 20)
        await until(lambda: r.core.parts)
        await asyncio.sleep(0.2)
        (part,) = r.core.parts
        assert part.sender == DOUBTFUL
        assert "in the same second" in part.body


async def test_boxes_that_do_not_let_us_in():
    async with synway_box() as (_, box):
        for password, kind, error, words in (
            ("wrong", None, DeviceRefused, "password"),
            ("admin", WebTrouble.PAGE, RemoteProtocolError, "switched off"),
            ("admin", WebTrouble.REDIRECT, DeviceRefused, "login page"),
        ):
            if kind is not None:
                box.web.upset("/", kind, 3)
            tongue = SynwayManagement(settings(box, password=password))
            with pytest.raises(error, match=words):
                await tongue.open()
            await tongue.close()
            box.web.mischief.clear()


async def test_a_box_of_an_older_version_tells_less():
    async with synway_box() as (_, box):
        del box._pages["getportconnectstate"], box._pages["getwirelessinfo"]
        tongue, core = SynwayManagement(settings(box, lines=("1", "9"))), KeepingCore()
        await tongue.open()
        task = asyncio.create_task(tongue.run(core))
        await until(lambda: len(core.radios) == 2)
        task.cancel()
        await asyncio.wait([task])
        await tongue.close()
        assert core.radios[CHANNELS[0]][-1].sim is None
        assert core.state(CHANNELS[0]) is ChannelState.REGISTERED
        assert "no such port" in core.radios[CHANNELS[1]][-1].reason


async def test_a_box_that_goes_is_lost():
    async with rig() as r:
        await r.box.stop()
        with pytest.raises(DeviceLost, match="is gone"):
            await asyncio.wait_for(r.task, 5)


def test_a_line_is_named_by_its_port():
    with pytest.raises(InvalidRequest, match="named by a number from"):
        SynwayManagement(ManagementSettings(DeviceId("gw"), "127.0.0.1", lines=managed(("goip01",))))


async def test_messages_both_ways_through_the_agents_own(tmp_path):
    async with (
        synway_box() as (towers, box),
        carrying(tmp_path / "spool.db", SynwayManagement(settings(box))) as site,
    ):
        await site.send("out " * 60)
        (submitted,) = await site.until_told("message.submitted")
        assert submitted["segments"] == 2
        towers.network.handsets[ANSWERS].send(LINE0, "in; |E;")
        (received,) = await site.until_told("message.received")
        assert (received["body"], received["sender"]) == ("in; |E;", ANSWERS)
        assert towers.inbox(ANSWERS) == ["out " * 60]
