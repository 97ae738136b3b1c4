"""Dinstar's tongue against the simulated box, by real HTTP on loopback."""

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest

from edge_agent.contracts import OutboundSms, UssdState
from edge_agent.drivers.gateway.dinstar import DinstarManagement
from edge_agent.drivers.gateway.dinstar_inbox import DinstarInbox
from edge_agent.drivers.gateway.http_client import HttpAnswer
from edge_agent.drivers.gateway.management import ManagementSettings
from simulator.gateway.contracts import Submitted
from simulator.gateway.web_box import WebTrouble
from simulator.modem.core import Registration
from telecore.errors import (
    Busy,
    DeviceLost,
    DeviceRefused,
    InvalidRequest,
    NoNetwork,
    OutcomeUnknown,
    RemoteProtocolError,
)
from telecore.ids import DeviceId
from telecore.model import ChannelState
from tests.fakes.dinstar import dinstar_box, dinstar_settings
from tests.fakes.tongues import ANSWERS, CHANNELS, LINE0, LINE1, KeepingCore, managed, until


class Rig:
    def __init__(self, towers, box, tongue, core):
        self.towers, self.box, self.tongue, self.core = towers, box, tongue, core
        self.refs = []

    def line(self, number=0):
        return self.tongue.lines[number]

    async def send(self, body="hello", to=ANSWERS, *, line=0, report=True, **options):
        async def on_segment(ref):
            self.refs.append(ref)

        await self.tongue.sms(self.line(line)).submit(OutboundSms(to, body, report, **options), 0, on_segment)

    def hear(self, text, to=LINE0, sender=ANSWERS):
        """A handset sends to a line of the box."""
        self.towers.network.handsets[sender].send(to, text)

    def looks_for_ussd(self):
        return self.box.web.requests.count(("GET", "/api/query_ussd_reply"))

    async def push(self, value, *, port=None):
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"http://127.0.0.1:{port or self.tongue.hooks_port}/", data=json.dumps(value)) as answer,
        ):
            return answer.status


@asynccontextmanager
async def rig(*, hooks=True, nonce_uses=100, core=None, **options):
    async with dinstar_box(nonce_uses=nonce_uses) as (towers, box):
        tongue = DinstarManagement(dinstar_settings(box, hooks=hooks, **options))
        core = core or KeepingCore()
        await tongue.open()
        if hooks:
            box.hooks.url = f"http://127.0.0.1:{tongue.hooks_port}/dinstar"
        task = asyncio.create_task(tongue.run(core))
        made = Rig(towers, box, tongue, core)
        made.task = task
        try:
            await until(lambda: len(core.radios) == 2)
            yield made
        finally:
            task.cancel()
            await asyncio.wait([task])
            await tongue.close()


WAYS = pytest.mark.parametrize("hooks", [False, True], ids=["polled", "pushed"])


# ------------------------------------------------------------------------------------------------------ lines


async def test_each_line_is_told_with_its_sim_signal_and_network():
    async with rig() as r:
        status = r.core.radios[CHANNELS[0]][-1]
        sim = r.towers.lines[0].sim
        assert status.state is ChannelState.REGISTERED
        assert (status.sim.iccid, status.sim.imsi, status.sim.msisdn) == (sim.iccid, sim.imsi, LINE0)
        assert status.sim.operator == sim.operator.plmn
        assert status.signal.dbm == 2 * r.towers.lines[0].rssi - 113
        assert status.access == "LTE"
        assert r.tongue.identity.revision == r.box.sn


async def test_what_changes_is_told_and_what_does_not_is_not():
    async with rig() as r:
        fault = r.towers.fault("sim_removed")
        await until(lambda: r.core.state(CHANNELS[0]) is ChannelState.ABSENT)
        r.towers.over(fault)
        await until(lambda: r.core.state(CHANNELS[0]) is ChannelState.REGISTERED)
        await asyncio.sleep(0.2)
        assert len(r.core.radios[CHANNELS[1]]) == 1


async def test_a_line_is_reset_and_comes_back():
    async with rig(hooks=False) as r:
        assert "reset" in await r.tongue.restart_line(r.line(1))
        assert r.towers.lines[1].registration is not Registration.HOME
        assert r.towers.lines[0].registration is Registration.HOME
        await until(lambda: r.towers.lines[1].registration is Registration.HOME)
        await until(lambda: r.core.state(CHANNELS[1]) is ChannelState.REGISTERED)
        with pytest.raises(DeviceRefused, match="its own pages"):
            await r.tongue.restart()


async def test_a_port_that_the_box_has_not_is_faulty():
    async with rig(lines=("0", "7")) as r:
        assert r.core.state(CHANNELS[1]) is ChannelState.FAULTY
        assert "no such port" in r.core.radios[CHANNELS[1]][-1].reason


def test_a_line_is_named_by_its_port():
    with pytest.raises(InvalidRequest, match="named by a number from"):
        DinstarManagement(ManagementSettings(DeviceId("gw"), "127.0.0.1", lines=managed(("goip01",))))


# ----------------------------------------------------------------------------------------------------- SMS out


@WAYS
async def test_a_message_goes_out_and_its_report_comes_once(hooks):
    async with rig(hooks=hooks) as r:
        await r.send()
        (ref,) = r.refs
        assert (ref.ref, ref.segment, ref.segments) == (r.towers.lines[0].sim.last_reference, 0, 1)
        await until(lambda: r.core.reports)
        await asyncio.sleep(0.15)  # polls and pushes go on
        (report,) = r.core.reports
        assert (report.channel, report.ref, report.recipient, report.status) == (CHANNELS[0], ref.ref, ANSWERS, 0)


@WAYS
async def test_all_segments_of_a_long_text_are_delivered(hooks):
    async with rig(hooks=hooks) as r:
        await r.send("long " * 80)
        assert [ref.segments for ref in r.refs] == [3, 3, 3]
        assert [ref.ref for ref in r.refs] == [ref % 256 for ref in range(r.refs[0].ref, r.refs[0].ref + 3)]
        await until(lambda: len(r.core.reports) == 3)
        await asyncio.sleep(0.2)
        assert sorted(report.ref for report in r.core.reports) == sorted(ref.ref for ref in r.refs)
        assert {report.status for report in r.core.reports} == {0}


@WAYS
async def test_a_report_that_it_was_not_delivered(hooks):
    async with rig(hooks=hooks) as r:
        r.towers.fault("report_status", status=0x46)
        await r.send()
        await until(lambda: r.core.reports)
        assert r.core.reports[0].status == 0x46


@pytest.mark.parametrize(
    "text", ["plain", "ភាសាខ្មែរ 🙂", "a;b|c #param# d", "€{[]}~|\\^", "#param#"], ids=lambda text: ascii(text)[:12]
)
async def test_texts_arrive_as_they_were_written(text):
    async with rig(hooks=False) as r:
        await r.send(text)
        await until(lambda: r.towers.inbox(ANSWERS) == [text])


async def test_no_report_is_asked_for_when_none_is_wanted():
    async with rig(hooks=False) as r:
        await r.send(report=False)
        await asyncio.sleep(0.2)
        assert r.core.reports == []


async def test_what_the_network_refuses_is_refused():
    async with rig() as r:
        r.towers.fault("cms_error", code=38)
        with pytest.raises(DeviceRefused):
            await r.send()
        assert r.refs == []


async def test_a_line_without_network_takes_no_message():
    async with rig() as r:
        r.towers.fault("no_network")
        await until(lambda: r.core.state(CHANNELS[0]) is not ChannelState.REGISTERED)
        with pytest.raises(NoNetwork):
            await r.send()


async def test_what_is_too_long_for_the_box_is_said_to_the_customer():
    async with rig() as r:
        with pytest.raises(InvalidRequest, match="too long") as error:
            await r.send("x" * 1600)
        assert error.value.code == 21617


@pytest.mark.parametrize("option", [{"flash": True}, {"port": 2948}], ids=["flash", "port"])
async def test_what_the_box_cannot_send_is_said(option):
    async with rig() as r:
        with pytest.raises(InvalidRequest):
            await r.send(**option)


@pytest.mark.parametrize("kind", [WebTrouble.LOST, WebTrouble.TRUNCATED, WebTrouble.SLOW], ids=str)
async def test_a_send_whose_answer_is_lost_is_looked_for_and_sent_once(kind):
    async with rig(hooks=False) as r:
        r.box.web.upset("/api/send_sms", kind)
        await r.send()
        assert len(r.refs) == 1
        await asyncio.sleep(0.2)
        assert r.towers.lines[0].sim.counters.submits == 1


@pytest.mark.parametrize(
    ("kind", "status"),
    [(WebTrouble.CUT, 0), (WebTrouble.STATUS, 500), (WebTrouble.PAGE, 0), (WebTrouble.HUGE, 0)],
    ids=str,
)
async def test_a_send_that_nobody_knows_of_is_unknown_and_not_repeated(kind, status):
    async with rig(hooks=False) as r:
        r.box.web.upset("/api/send_sms", kind, status=status)
        with pytest.raises(OutcomeUnknown):
            await r.send()
        await asyncio.sleep(0.2)
        assert r.towers.lines[0].sim.counters.submits == 0
        assert [path for _, path in r.box.web.requests].count("/api/send_sms") <= 1


async def test_a_box_that_is_not_there_took_nothing():
    async with rig(hooks=False, poll_s=30) as r:
        await r.box.stop()
        with pytest.raises(DeviceLost, match="is gone"):
            await r.send()


async def test_two_lines_send_at_once():
    async with rig() as r:
        await asyncio.gather(*(r.send(f"n{n}", line=n % 2) for n in range(12)))
        assert len(r.refs) == 12
        await until(lambda: len(r.core.reports) == 12)
        assert r.towers.lines[0].sim.counters.submits == r.towers.lines[1].sim.counters.submits == 6


async def test_a_report_that_overtakes_the_result_of_its_submit_is_told_once():
    async with rig() as r:
        handed = []
        r.box._lines[0].submit = lambda to, text, done, report=True: handed.append(done)
        sending = asyncio.create_task(r.send())
        await until(lambda: handed)
        row = {"port": 0, "number": ANSWERS, "ref_id": 9, "status_code": 0, "time": "2026-05-04 10:00:00"}
        assert await r.push({"sms_deliver_status": [row]}) == 200
        handed[0](Submitted(None, 9, 1))
        r.box._sent[-1].status = "DELIVERED"
        await sending
        await asyncio.sleep(0.2)
        assert [report.ref for report in r.core.reports] == [9]


async def test_a_box_that_is_lost_leaves_its_sends_unknown():
    async with rig(hooks=False) as r:
        r.box._lines[0].submit = lambda *args, **options: None
        sending = asyncio.create_task(r.send())
        await until(lambda: ("POST", "/api/send_sms") in r.box.web.requests)
        await r.box.stop()
        with pytest.raises(OutcomeUnknown):
            await sending
        with pytest.raises(DeviceLost, match="3 times"):
            await asyncio.wait_for(r.task, 5)


# ------------------------------------------------------------------------------------------------------ SMS in


@WAYS
async def test_a_received_text_is_told_once_whichever_way_it_comes(hooks):
    async with rig(hooks=hooks) as r:
        r.hear("first")
        await until(lambda: r.core.parts)
        r.hear("ភាសា 🙂; two|three", to=LINE1)
        await until(lambda: len(r.core.parts) == 2)
        await asyncio.sleep(0.15)
        assert r.core.bodies() == ["first", "ភាសា 🙂; two|three"]
        assert [part.channel for part in r.core.parts] == list(CHANNELS)
        assert r.core.parts[0].sender == ANSWERS
        assert abs(r.core.parts[0].sent_at.timestamp() - r.towers.timers.now()) < 10


@WAYS
async def test_what_cannot_be_kept_is_not_lost(hooks):
    async with rig(hooks=hooks) as r:
        r.core.full = True
        r.hear("kept")
        await asyncio.sleep(0.15)
        assert r.core.parts == []
        r.core.full = False
        await until(lambda: r.core.parts)
        await asyncio.sleep(0.2)
        assert r.core.bodies() == ["kept"]


async def test_the_key_of_a_text_is_the_same_pushed_polled_and_after_a_restart_of_the_box():
    keys = set()
    for hooks in (True, False):
        async with rig(hooks=hooks, poll_s=0.05 if not hooks else 30) as r:
            row = {"incoming_sms_id": 4, "port": 0, "number": "123", "timestamp": "2026-05-04 10:00:00", "text": "x"}
            if hooks:
                assert await r.push({"sn": r.box.sn, "sms": [row]}) == 200
            else:
                r.box._received.append(row | {"incoming_sms_id": 9, "smsc": "+1"})
            await until(lambda: r.core.parts)
            keys |= {part.key for part in r.core.parts}
    assert len(keys) == 1


async def test_a_box_that_restarts_loses_and_doubles_nothing():
    async with rig(hooks=False) as r:
        for number in range(3):
            r.hear(f"before {number}")
        await until(lambda: len(r.core.parts) == 3)
        await r.box.stop()
        r.box.forget()
        await r.box.start()
        r.hear("after")
        await until(lambda: "after" in r.core.bodies())
        await asyncio.sleep(0.2)
        assert sorted(r.core.bodies()) == ["after", "before 0", "before 1", "before 2"]


# ------------------------------------------------------------------------------------------------------- USSD


@WAYS
async def test_a_ussd_code_is_answered(hooks):
    async with rig(hooks=hooks) as r:
        reply = await r.tongue.ussd(r.line()).request("*100#")
        assert reply.text
        await asyncio.sleep(0.1)
        assert r.core.said == []


async def test_the_same_answer_again_is_an_answer():
    """The network is slower than the first look; an answer that was there before it is taken for the old one."""
    async with rig(hooks=False, ussd_s="5") as r:
        line = r.box._lines[0]
        ask, held = line.ussd, []

        async def once_looked(text, done):
            looks = r.looks_for_ussd()
            await until(lambda: r.looks_for_ussd() > looks)
            ask(text, done)

        line.ussd = lambda text, done: held.append(asyncio.create_task(once_looked(text, done)))
        ussd = r.tongue.ussd(r.line())
        first, second = await ussd.request("*100#"), await ussd.request("*100#")
        assert first == second
        assert first.state is UssdState.DONE
        assert len(held) == 2


async def test_a_menu_is_one_and_is_gone_through():
    async with rig() as r:
        ussd = r.tongue.ussd(r.line())
        menu = await ussd.request("*123#")
        assert menu.state is UssdState.REPLY_WANTED, menu
        assert "Your number" in (await ussd.request("3")).text
        await ussd.request("*123#")
        assert "Your number" in (await ussd.request("*99#")).text, "a code ends the session of a menu"


async def test_what_the_network_says_by_itself_is_told():
    async with rig() as r:
        r.towers.lines[1].push_ussd("Your bundle ends today")
        await until(lambda: r.core.said)
        ((channel, reply),) = r.core.said
        assert (channel, reply.text) == (CHANNELS[1], "Your bundle ends today")


async def test_a_network_that_does_not_answer_a_code():
    async with rig() as r:
        r.box._lines[0].ussd = lambda text, done: None
        reply = await r.tongue.ussd(r.line()).request("*100#")
        assert reply.state is UssdState.TIMEOUT


async def test_who_waits_for_an_answer_that_is_called_off_hears_so():
    async with rig() as r:
        r.box._lines[0].ussd = lambda text, done: None
        ussd = r.tongue.ussd(r.line())
        asking = asyncio.create_task(ussd.request("*100#"))
        await until(lambda: ("POST", "/api/send_ussd") in r.box.web.requests)
        with pytest.raises(Busy):
            await ussd.request("*101#")
        await ussd.cancel()
        assert (await asking).state is UssdState.RELEASED


async def test_a_code_that_is_called_off_before_it_is_said_is_never_said():
    async with rig(hooks=False) as r:
        said, looking, go_on = [], asyncio.Event(), asyncio.Event()
        r.box._lines[0].ussd = lambda text, done: said.append(text)
        ussd = r.tongue.ussd(r.line())
        look = ussd._look

        async def slow():
            looking.set()
            await go_on.wait()
            return await look()

        ussd._look = slow
        asking = asyncio.create_task(ussd.request("*100#"))
        await looking.wait()
        calling_off = asyncio.create_task(ussd.cancel())
        await asyncio.sleep(0)
        go_on.set()
        assert (await asking).state is UssdState.RELEASED
        await calling_off
        assert said == []


async def test_a_line_without_network_takes_no_code():
    async with rig() as r:
        r.towers.fault("no_network")
        await until(lambda: r.core.state(CHANNELS[0]) is not ChannelState.REGISTERED)
        with pytest.raises(NoNetwork):
            await r.tongue.ussd(r.line()).request("*100#")


# --------------------------------------------------------------------------------------------------- webhooks


async def test_who_is_not_the_box_is_not_listened_to(caplog):
    async with dinstar_box() as (_, box):
        tongue = DinstarManagement(dinstar_settings(box))
        tongue._hooks.listener._host = "127.0.0.9"
        await tongue.open()
        try:
            for _ in range(3):
                with pytest.raises(aiohttp.ClientError):
                    await Rig(None, box, tongue, None).push({"sms": []})
            assert tongue._hooks.listener.strangers == 3
            assert sum("was not listened to" in record.message for record in caplog.records) == 1
        finally:
            await tongue.close()


async def test_webhooks_of_all_kinds_are_answered_and_nonsense_is_refused():
    async with rig() as r:
        began = asyncio.get_running_loop().time()
        assert r.tongue.tells_causes
        assert r.tongue.call_cause(r.line(1), began) is None
        sn = r.box.sn
        cdr = {"port": 1, "direction": "ip->gsm", "duration": 3, "gsm_code": 17, "source_number": "1"}
        assert await r.push({"sn": sn, "cdr": [cdr]}) == 200
        assert r.tongue.call_cause(r.line(1), began) == 17
        assert r.tongue.call_cause(r.line(0), began) is None
        assert r.tongue.call_cause(r.line(1), asyncio.get_running_loop().time() + 1) is None
        assert await r.push({"sn": sn, "exception_info": {"port": 1, "type": "call_fail", "action": "reset"}}) == 200
        assert await r.push({"sn": sn, "device": {"port_number": 8, "IP": "127.0.0.1", "status": "power_on"}}) == 200
        assert await r.push({"sn": sn, "register": [{"port": 1, "iccid": "<NULL>", "status": "down"}]}) == 200
        assert await r.push({"sn": sn, "something_new": 1}) == 200
        assert await r.push({"sn": "another-box", "sms": []}) == 404
        assert await r.push([1, 2]) == 400
        odd = {
            "sn": sn,
            "sms": [{"port": "x"}, 5, {"port": 9, "text": "no such line"}],
            "ussd": [{"port": 40, "text": "a"}],
        }
        assert await r.push(odd) == 200
        assert r.core.parts == []


# ---------------------------------------------------------------------------------------- boxes that do not work


async def test_a_wrong_password_is_said():
    async with dinstar_box() as (_, box):
        tongue = DinstarManagement(dinstar_settings(box, password="wrong"))
        with pytest.raises(DeviceRefused, match="user and password"):
            await tongue.open()
        await tongue.close()


async def test_stale_nonces_cost_nothing():
    async with rig(nonce_uses=2) as r:
        for number in range(5):
            await r.send(f"n{number}")
        assert r.towers.lines[0].sim.counters.submits == 5


@pytest.mark.parametrize(
    ("kind", "status", "error", "words"),
    [
        (WebTrouble.PAGE, 0, RemoteProtocolError, "switched off"),
        (WebTrouble.REDIRECT, 0, DeviceRefused, "switched off"),
        (WebTrouble.STATUS, 404, DeviceRefused, "switched off"),
        (WebTrouble.STATUS, 403, DeviceRefused, "refuses our address"),
        (WebTrouble.STATUS, 503, DeviceRefused, "503"),
        (WebTrouble.HUGE, 0, RemoteProtocolError, "more than"),
    ],
)
async def test_a_box_that_answers_with_something_else_is_told_of_clearly(kind, status, error, words):
    async with dinstar_box() as (_, box):
        box.web.upset("/api", kind, 9, status)
        tongue = DinstarManagement(dinstar_settings(box))
        with pytest.raises(error, match=words):
            await tongue.open()
        await tongue.close()


async def test_one_bad_answer_is_forgiven_and_three_are_not():
    async with rig(hooks=False) as r:
        r.box.web.upset("/api/get_port_info", WebTrouble.TRUNCATED, 2)
        await asyncio.sleep(0.25)
        assert not r.task.done()
        r.box.web.upset("/api/get_port_info", WebTrouble.STATUS, 99)
        with pytest.raises(DeviceLost, match="3 times in a row"):
            await asyncio.wait_for(r.task, 5)


@pytest.mark.parametrize("body", ["hello", "x" * 300], ids=["one", "two"])
async def test_a_report_on_what_an_earlier_life_sent_is_asked_for_until_it_comes(body):
    async with rig(hooks=False) as r:
        r.towers.fault("late_delivery_report", delay_s=0.8)
        await r.send(body)
        r.task.cancel()
        await asyncio.wait([r.task])
        await r.tongue.close()
        again, core = DinstarManagement(dinstar_settings(r.box)), KeepingCore()
        await again.open()
        serving = asyncio.create_task(again.run(core))
        try:
            await until(lambda: len(core.radios) == 2)
            assert core.reports == []
            refs = {ref.ref for ref in r.refs}
            await until(lambda: {report.ref for report in core.reports} == refs)
        finally:
            serving.cancel()
            await asyncio.wait([serving])
            await again.close()
        assert {(report.recipient, report.status) for report in core.reports} == {(ANSWERS, 0)}


async def test_a_report_that_never_comes_is_waited_for():
    async with rig(hooks=False) as r:
        r.towers.fault("no_delivery_report")
        await r.send()
        await asyncio.sleep(0.2)
        assert r.core.reports == []
        assert r.tongue._opened().outbox.awaiting == 1


async def test_a_box_that_restarts_while_its_list_is_read_is_read_from_the_beginning():
    """It counts its messages anew, so those after the restart have lower numbers."""

    class Box:
        rows = [{"port": 0, "number": "+1", "text": "old", "incoming_sms_id": 500}]

        async def get(self, path, query):
            above = int(dict(query)["incoming_sms_id"])
            rows = [row for row in self.rows if row["incoming_sms_id"] > above]
            return HttpAnswer(path, 200, "", json.dumps({"error_code": 200, "sms": rows}).encode())

    class Core(KeepingCore):
        async def part(self, part):
            await super().part(part)
            if part.body == "old":
                box.rows = [{"port": 0, "number": "+1", "text": "new", "incoming_sms_id": 1}]
                inbox.rewind()

    box, core = Box(), Core()
    inbox = DinstarInbox(box, {0: CHANNELS[0]}, None)
    await inbox.poll(core)
    assert [part.body for part in core.parts] == ["old", "new"]
