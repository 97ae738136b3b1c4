"""GoIP by its web pages, against the simulated pages, by real HTTP on loopback."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from edge_agent.contracts import OutboundSms, UssdState
from edge_agent.drivers.gateway.goip_http import GoipHttpManagement
from edge_agent.drivers.gateway.management import ManagementSettings
from simulator.gateway.goip_http import GoipPages
from simulator.gateway.web_box import WebTrouble
from telecore.errors import (
    Busy,
    DeviceLost,
    DeviceRefused,
    InvalidRequest,
    OutcomeUnknown,
    RemoteProtocolError,
    TimedOut,
)
from telecore.ids import DeviceId
from telecore.model import ChannelState
from tests.fakes.sms_site import carrying
from tests.fakes.tongues import ANSWERS, CHANNELS, LINE0, LINE1, KeepingCore, Towers, managed, until

FAST = {
    "job_poll_s": "0.02",
    "sms_limit_s": "1.5",
    "sms_search_s": "0.2",
    "ussd_s": "0.4",
    "off_s": "0.05",
    "timeout_s": "0.6",
}


def settings(box, *, password="admin", poll_s=0.05, lines=("1", "2")):
    return ManagementSettings(
        DeviceId("gw"),
        "127.0.0.1",
        port=box.web.port,
        user="admin",
        password=password,
        lines=managed(lines),
        poll_s=poll_s,
        options={**FAST, "timezone": "+00:00"},
    )


@asynccontextmanager
async def pages(**options):
    towers = Towers()
    box = GoipPages(towers.lines, towers.timers, **options)
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

    async def send(self, body="hello", *, line=0, **options):
        async def on_segment(ref):
            self.refs.append(ref)

        await self.tongue.sms(self.tongue.lines[line]).submit(OutboundSms(ANSWERS, body, **options), 0, on_segment)

    def ussd(self, line=0):
        return self.tongue.ussd(self.tongue.lines[line])


@asynccontextmanager
async def rig(**options):
    reboots = []
    async with pages(on_reboot=lambda: reboots.append(1)) as (towers, box):
        tongue, core = GoipHttpManagement(settings(box, **options)), KeepingCore()
        await tongue.open()
        task = asyncio.create_task(tongue.run(core))
        made = Rig(towers, box, tongue, core, task)
        made.reboots = reboots
        try:
            await until(lambda: len(core.radios) == 2)
            yield made
        finally:
            task.cancel()
            await asyncio.wait([task])
            await tongue.close()


async def test_each_line_is_told_with_its_sim_signal_and_network():
    async with rig() as r:
        status, sim = r.core.radios[CHANNELS[0]][-1], r.towers.lines[0].sim
        assert status.state is ChannelState.REGISTERED
        assert (status.sim.iccid, status.sim.imsi, status.sim.msisdn) == (sim.iccid, sim.imsi, LINE0)
        assert status.sim.operator_name == sim.operator.name
        assert status.signal.dbm == 2 * r.towers.lines[0].rssi - 113
        assert (r.tongue.identity.model, r.tongue.identity.revision) == ("GoIP8", "GST1610-1.01-66")


async def test_coloured_values_are_read():
    async with rig() as r:
        r.towers.fault("weak_signal", rssi=3)
        await until(lambda: r.core.radios[CHANNELS[0]][-1].signal.dbm == -107)
        r.towers.fault("no_network")
        await until(lambda: r.core.state(CHANNELS[0]) is ChannelState.SEARCHING)
        r.towers.fault("sim_removed")
        await until(lambda: r.core.state(CHANNELS[0]) is ChannelState.ABSENT)


@pytest.mark.parametrize("text", ["plain", "ភាសាខ្មែរ 🙂 & <b>", "[x];", "long " * 80], ids=["a", "b", "c", "d"])
async def test_a_text_goes_out(text):
    async with rig() as r:
        await r.send(text)
        assert [ref.segment for ref in r.refs] == list(range(r.refs[0].segments))
        assert {len(ref.ref) for ref in r.refs} == {8}
        await until(lambda: r.towers.inbox(ANSWERS) == [text])


async def test_what_the_network_refuses_is_refused_with_its_code():
    async with rig() as r:
        r.towers.fault("cms_error", code=38)
        with pytest.raises(DeviceRefused) as error:
            await r.send()
        assert (error.value.kind, error.value.code) == ("cms", 38)


@pytest.mark.parametrize("kind", [WebTrouble.LOST, WebTrouble.TRUNCATED, WebTrouble.SLOW], ids=str)
async def test_a_send_whose_answer_is_lost_is_looked_for_and_sent_once(kind):
    async with rig() as r:
        r.box.web.upset("/default/en_US/sms_info.html", kind)
        await r.send()
        assert len(r.refs) == 1
        assert r.towers.lines[0].sim.counters.submits == 1


async def test_a_send_that_the_box_does_not_show_is_unknown_and_not_repeated():
    async with rig() as r:
        for kind in (WebTrouble.CUT, WebTrouble.PAGE):
            r.box.web.upset("/default/en_US/sms_info.html", kind)
            with pytest.raises(OutcomeUnknown):
                await r.send()
        assert r.towers.lines[0].sim.counters.submits == 0


async def test_a_send_that_takes_too_long_is_unknown():
    async with rig() as r:
        r.box._lines[1].submit = lambda *args, **options: None
        r.tongue._jobs[1].sms_s = 0.2
        with pytest.raises(OutcomeUnknown, match="may yet"):
            await r.send()


@pytest.mark.parametrize("option", [{"flash": True}, {"port": 2948}], ids=["flash", "port"])
async def test_what_the_box_cannot_send_is_said(option):
    async with rig() as r:
        with pytest.raises(InvalidRequest):
            await r.send(**option)


async def test_received_texts_are_told_once_and_none_is_lost_while_the_disk_is_full():
    async with rig() as r:
        for number, text in enumerate(("first", "two, with; |;\n];", "ភាសា 🙂")):
            r.towers.network.handsets[ANSWERS].send(LINE1 if number == 1 else LINE0, text)
            await until(lambda number=number: len(r.core.parts) == number + 1)
        r.core.full = True
        r.towers.network.handsets[ANSWERS].send(LINE0, "kept")
        await asyncio.sleep(0.2)
        r.core.full = False
        await until(lambda: len(r.core.parts) == 4)
        await asyncio.sleep(0.1)
        assert r.core.bodies() == ["first", "two, with; |;\n];", "ភាសា 🙂", "kept"]
        assert [part.channel for part in r.core.parts][:2] == list(CHANNELS)
        assert abs(r.core.parts[0].sent_at.timestamp() - r.towers.timers.now()) < 10


async def test_ussd_is_asked_and_answered_one_at_a_time():
    async with rig() as r:
        asking = asyncio.create_task(r.ussd().request("*100#"))
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await r.ussd().request("*99#")
        assert (await asking).text
        assert "Your number" in (await r.ussd().request("*99#")).text
        assert (await r.ussd().request("*123#")).state is UssdState.REPLY_WANTED
        assert "Your number" in (await r.ussd().request("3")).text
        await r.ussd().cancel()


async def test_ussd_that_is_not_answered_or_not_known():
    async with rig() as r:
        r.box.web.upset("/default/en_US/ussd_info.html", WebTrouble.CUT)
        with pytest.raises(TimedOut):
            await r.ussd().request("*100#")
        r.box._lines[1].ussd = lambda *args: None
        assert (await r.ussd().request("*100#")).state is UssdState.TIMEOUT


async def test_a_line_is_switched_off_and_on_and_the_box_restarted():
    async with rig() as r:
        assert "line 2" in await r.tongue.restart_line(r.tongue.lines[1])
        assert not any(status.state is ChannelState.DISABLED for status in r.core.radios[CHANNELS[0]])
        await until(lambda: r.core.state(CHANNELS[1]) is ChannelState.REGISTERED)
        assert "restart" in await r.tongue.restart()
        r.box.web.upset("/default/en_US/reboot.html", WebTrouble.LOST)
        assert "did not answer" in await r.tongue.restart()
        assert r.reboots == [1, 1]


async def test_boxes_that_do_not_let_us_in():
    async with pages() as (_, box):
        for password, kind, error, words in (
            ("wrong", None, DeviceRefused, "password"),
            ("admin", WebTrouble.PAGE, RemoteProtocolError, "shows no lines"),
            ("admin", WebTrouble.STATUS, DeviceRefused, "500"),
        ):
            if kind is not None:
                box.web.upset("/", kind, 3)
            tongue = GoipHttpManagement(settings(box, password=password))
            with pytest.raises(error, match=words):
                await tongue.open()
            await tongue.close()
            box.web.mischief.clear()


async def test_a_box_that_goes_is_lost():
    async with rig() as r:
        await r.box.stop()
        with pytest.raises(DeviceLost, match="is gone"):
            await asyncio.wait_for(r.task, 5)
        with pytest.raises(DeviceLost):
            await r.send()


def test_a_line_is_named_by_its_number():
    with pytest.raises(InvalidRequest, match="named by a number from"):
        GoipHttpManagement(ManagementSettings(DeviceId("gw"), "127.0.0.1", lines=managed(("goip01",))))


async def test_messages_both_ways_through_the_agents_own(tmp_path):
    async with (
        pages() as (towers, box),
        carrying(tmp_path / "spool.db", GoipHttpManagement(settings(box))) as site,
    ):
        await site.send("out " * 60)
        (submitted,) = await site.until_told("message.submitted")
        assert submitted["segments"] == 2
        towers.network.handsets[ANSWERS].send(LINE0, "in")
        (received,) = await site.until_told("message.received")
        assert received["body"] == "in"
        assert towers.inbox(ANSWERS) == ["out " * 60]
