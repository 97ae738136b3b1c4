"""The OpenVox driver against the simulated box over real connections."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.contracts import OutboundSms, UssdReply, UssdState
from edge_agent.drivers.gateway.management import ManagementSettings
from edge_agent.drivers.gateway.openvox import OpenVoxManagement
from edge_agent.drivers.gateway.openvox_codec import escape, iccid_in, read_sent, read_ussd
from simulator.gateway.contracts import Received, Submitted, UssdAnswer
from simulator.gateway.manager import ManagerHabits, openvox_habits
from telecore.errors import Busy, DeviceLost, DeviceRefused, InvalidRequest, OutcomeUnknown, TelecoreError
from telecore.ids import DeviceId
from telecore.model import ChannelState
from tests.fakes.manager_site import ManagerSite, manager_site

OPTIONS = {"send_s": "5", "ussd_s": "5", "ping_s": "0.1"}
SMS = OutboundSms("+85598765432", 'Flood "warning" C:\\x\nទឹក 100%')


def site(lines: int = 1, habits: ManagerHabits | None = None) -> AbstractAsyncContextManager[ManagerSite]:
    return manager_site(OpenVoxManagement, habits or openvox_habits(), lines, OPTIONS)


async def test_lines_are_told_with_the_iccid_that_the_module_was_asked_for() -> None:
    async with site(2) as here:
        await here.until(lambda: here.state(0) is here.state(1) is ChannelState.REGISTERED)
        status = here.core.last_radio(here.managed[1].channel)
        assert status.sim is not None
        assert (status.sim.imsi, status.sim.iccid) == ("456060000000002", here.lines[1].sim.iccid)


async def test_an_sms_goes_out_word_for_word() -> None:
    async with site() as here:
        await here.submit(SMS)
        assert here.lines[0].submitted == [(SMS.to, SMS.body)]
        assert [(ref.segment, ref.segments) for ref in here.refs] == [(0, 1)]


async def test_a_long_text_goes_in_segments_and_on_from_where_it_stopped() -> None:
    text = "ទឹកជំនន់ " * 30
    async with site() as here:
        await here.submit(OutboundSms("+85598765432", text))
        assert [body for _, body in here.lines[0].submitted] == [text]
        assert [ref.segment for ref in here.refs] == list(range(here.refs[0].segments))
        assert here.refs[0].segments > 2


@pytest.mark.parametrize(("error", "raised"), [(38, DeviceRefused), (314, Busy)])
async def test_what_the_network_refuses(error: int, raised: type[TelecoreError]) -> None:
    async with site() as here:
        here.lines[0].outcomes = [Submitted(error)]
        with pytest.raises(raised):
            await here.submit(SMS)
        assert not here.refs
        await here.submit(SMS)


async def test_a_network_that_does_not_answer_leaves_it_unknown() -> None:
    habits = openvox_habits()
    habits.sync_s = 0.2
    async with site(1, habits) as here:
        here.lines[0].outcomes = [None]
        with pytest.raises(OutcomeUnknown):
            await here.submit(SMS)


async def test_a_box_that_dies_after_the_handover_leaves_it_unknown() -> None:
    async with site() as here:
        here.lines[0].outcomes = [None]
        submitting = asyncio.create_task(here.submit(SMS))
        await here.until(lambda: bool(here.lines[0].submitted))
        here.tongue.drop()
        with pytest.raises(OutcomeUnknown, match="handed over"):
            await submitting
        assert here.running is not None
        with pytest.raises(DeviceLost):
            await asyncio.wait_for(here.running, 3)


async def test_a_line_that_waits_for_the_network_holds_up_no_other() -> None:
    async with site(2) as here:
        here.lines[0].outcomes = [None]
        waiting = asyncio.create_task(here.submit(SMS))
        await here.until(lambda: bool(here.lines[0].submitted))
        other = here.management.sms(here.managed[1])
        assert other is not None
        async with asyncio.timeout(1):
            await other.submit(SMS, 0, here.note)
        assert not waiting.done()
        waiting.cancel()
        here.tongue.drop()
        await asyncio.wait({waiting})


async def test_an_option_that_is_none_is_refused() -> None:
    settings = ManagementSettings(DeviceId("gw"), "127.0.0.1", options={"received": "by pigeon"})
    with pytest.raises(InvalidRequest, match="received"):
        OpenVoxManagement(settings)


async def test_a_box_that_was_off_is_found_where_it_was() -> None:
    async with site() as here:
        port = here.tongue.port
        await here.tongue.stop()
        assert here.running is not None
        with pytest.raises(DeviceLost):
            await asyncio.wait_for(here.running, 3)
        await here.management.close()
        await here.tongue.start()
        assert here.tongue.port == port
        here.management = OpenVoxManagement(here.settings())
        await here.management.open()
        here.running = asyncio.create_task(here.management.run(here.core))
        await here.submit(SMS)


async def test_what_it_cannot_carry_is_refused() -> None:
    async with site() as here:
        for sms in (OutboundSms("a b", "x"), OutboundSms("+85598765432", "x", port=1)):
            with pytest.raises(InvalidRequest):
                await here.submit(sms)


async def test_an_sms_comes_in_where_the_firmware_tells_it_as_an_event() -> None:
    async with site() as here:
        here.lines[0].on_received(Received("Smart", "សួស្តី", 0.0))
        await here.until(lambda: bool(here.core.parts))
        assert (here.core.parts[0].sender, here.core.parts[0].body) == ("Smart", "សួស្តី")


async def test_only_the_first_session_hears_events() -> None:
    async with site() as here:
        await here.submit(SMS)
        assert len(here.tongue.sessions) == 2
        here.lines[0].on_received(Received("+1", "once", 0.0))
        await here.until(lambda: bool(here.core.parts))
        await asyncio.sleep(0.1)
        assert len(here.core.parts) == 1


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (UssdAnswer("Your balance is 4.20"), UssdReply(UssdState.DONE, "Your balance is 4.20")),
        (UssdAnswer("Send 1 or 2\n\n3: no", True), UssdReply(UssdState.REPLY_WANTED, "Send 1 or 2\n\n3: no")),
    ],
)
async def test_ussd(answer: UssdAnswer, reply: UssdReply) -> None:
    async with site() as here:
        here.lines[0].ussd_answers["*123#"] = answer
        assert await here.ussd.request("*123#") == reply


async def test_ussd_that_fails_is_refused() -> None:
    async with site() as here:
        here.lines[0].ussd_answers["*9#"] = UssdAnswer("", supported=False)
        with pytest.raises(DeviceRefused):
            await here.ussd.request("*9#")


async def test_a_module_is_reset_and_the_box_is_not() -> None:
    async with site(2) as here:
        await here.management.restart_line(here.managed[1])
        assert [line.restarted for line in here.lines] == [0, 1]
        with pytest.raises(DeviceRefused):
            await here.management.restart()


@pytest.mark.parametrize(
    ("output", "reply"),
    [
        (["1:Recive USSD on span 12,responses:0,code:15", "Text:UNKNOWN APPLICATION"], ("done", "UNKNOWN APPLICATION")),
        (["1:Recive USSD on span 1,responses:1,code:0 Text:1.YA 2.Info"], ("reply_wanted", "1.YA 2.Info")),
        (["1:Recive USSD on span 1,responses:2,code:72", "Text:1794179F"], ("released", "ប\u179f")),
        (["0:Failed,timeout"], ("timeout", "")),
    ],
)
def test_ussd_answers_as_boxes_were_seen_to_write_them(output: list[str], reply: tuple[str, str]) -> None:
    read = read_ussd(output)
    assert read.state == reply[0]
    assert read.text == reply[1].replace("ប\u179f", "\u1794\u179f")


@pytest.mark.parametrize(
    ("output", "raised"),
    [
        (["[SPAN:1] SEND SMS WAS USING"], Busy),
        (["[SPAN:1] SEND SMS WAS FAILED"], DeviceRefused),
        (["Usage: gsm send sync sms <span> <destination> <message>"], DeviceRefused),
        (["No such command 'gsm send'"], DeviceRefused),
        ([], OutcomeUnknown),
        (["something else"], OutcomeUnknown),
        (["SEND TIMEOUT"], OutcomeUnknown),
    ],
)
def test_outcomes(output: list[str], raised: type[TelecoreError]) -> None:
    with pytest.raises(raised):
        read_sent(output)


def test_escapes_are_those_of_the_boxs_own_scripts() -> None:
    assert escape('a\\b\r\nc"d\ne') == 'a\\\\\\\\b\\\\nc\\"d\\\\ne'


@pytest.mark.parametrize(
    ("output", "iccid"),
    [
        (['+CRSM: 144,0,"98580506000000000000"', "OK"], "89855060000000000000"),
        (["+CRSM: 106,130", "OK"], None),
        (["ERROR"], None),
        (['+CRSM: 144,0,"FFFFFFFFFFFFFFFFFFFF"'], None),
    ],
)
def test_iccids(output: list[str], iccid: str | None) -> None:
    assert iccid_in(output) == iccid


@given(st.lists(st.text(max_size=60), max_size=4))
def test_any_output_gives_an_outcome(output: list[str]) -> None:
    for read in (read_sent, read_ussd):
        try:
            read(output)
        except TelecoreError:
            continue
