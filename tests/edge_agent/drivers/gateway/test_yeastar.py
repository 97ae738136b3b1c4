"""The Yeastar driver against the simulated box over a real connection."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime

import pytest

from edge_agent.contracts import OutboundSms, SubmitRef, UssdReply, UssdState
from edge_agent.drivers.gateway.management import ManagementSettings
from edge_agent.drivers.gateway.yeastar import TEXT_LIMIT, YeastarManagement
from edge_agent.drivers.gateway.yeastar_codec import pieces
from simulator.gateway.contracts import Received, Submitted, UssdAnswer
from simulator.gateway.manager import ManagerHabits
from simulator.modem.core import Registration
from telecore.errors import Busy, DeviceLost, DeviceRefused, InvalidRequest, OutcomeUnknown
from telecore.ids import DeviceId
from telecore.model import ChannelState
from tests.fakes.manager_site import ManagerSite, manager_site

OPTIONS = {
    "between_s": "0.01", "outcome_s": "5", "ussd_s": "5", "hold_s": "0.2", "ping_s": "0.1",
}  # fmt: skip
IMPATIENT = {"outcome_s": "0.5", "answer_s": "0.5"}
"""Where no answer comes at all."""
SMS = OutboundSms("+85598765432", 'Flood "warning": ទឹក 100%\nnow')


def site(
    lines: int = 1, habits: ManagerHabits | None = None, options: dict[str, str] | None = None
) -> AbstractAsyncContextManager[ManagerSite]:
    return manager_site(YeastarManagement, habits or ManagerHabits(), lines, OPTIONS | (options or {}))


# --------------------------------------------------------------------------------------------- opening, radio


async def test_lines_are_told_with_their_sims() -> None:
    async with site(2) as here:
        await here.until(lambda: here.state(0) is here.state(1) is ChannelState.REGISTERED)
        status = here.core.last_radio(here.managed[1].channel)
        assert status.sim is not None
        assert status.signal is not None
        assert (status.sim.imsi, status.sim.operator_name, status.signal.dbm) == ("456060000000002", "Smart", -79)
        assert here.management.identity.revision == "Asterisk Call Manager/1.1"


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"registration": Registration.SEARCHING}, ChannelState.SEARCHING),
        ({"registration": Registration.DENIED}, ChannelState.DENIED),
        ({"has_sim": False}, ChannelState.ABSENT),
        ({"enabled": False}, ChannelState.DISABLED),
    ],
)
async def test_a_line_that_cannot_serve_says_why(change: dict[str, object], state: ChannelState) -> None:
    async with site() as here:
        await here.until(lambda: here.state() is ChannelState.REGISTERED)
        for name, value in change.items():
            setattr(here.lines[0], name, value)
        await here.until(lambda: here.state() is state)
        assert here.core.last_radio(here.managed[0].channel).reason


async def test_a_port_that_the_box_does_not_have_is_faulty() -> None:
    async with site(1, ManagerHabits(offset=7)) as here:
        await here.until(lambda: here.state() is ChannelState.FAULTY)
        assert "no span 2" in here.core.last_radio(here.managed[0].channel).reason


async def test_a_wrong_password_is_refused() -> None:
    async with site() as here:
        other = YeastarManagement(here.settings("guess"))
        with pytest.raises(DeviceRefused, match="error"):
            await other.open()
        await other.close()
        assert here.tongue.refused_logins == 1


async def test_nobody_there_is_lost() -> None:
    management = YeastarManagement(ManagementSettings(DeviceId("gw"), "127.0.0.1", 1))
    with pytest.raises(DeviceLost, match="connection"):
        await management.open()
    await management.close()


@pytest.mark.parametrize("mute", ["drop", "ping"])
async def test_a_box_that_falls_silent_or_hangs_up_is_lost(mute: str) -> None:
    async with site(options=IMPATIENT) as here:
        await here.until(lambda: here.state() is ChannelState.REGISTERED)
        if mute == "drop":
            here.tongue.drop()
        else:
            here.tongue.habits.muted |= {"ping", "show"}
        assert here.running is not None
        with pytest.raises(DeviceLost):
            await asyncio.wait_for(here.running, 3)


@pytest.mark.parametrize("options", [{"index_base": "2"}, {"span_offset": "x"}, {"outcome_s": "never"}])
async def test_options_that_are_none_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        YeastarManagement(ManagementSettings(DeviceId("gw"), "127.0.0.1", options=options))


# -------------------------------------------------------------------------------------------------- SMS out


async def test_an_sms_goes_out_word_for_word() -> None:
    async with site() as here:
        await here.submit(SMS)
        assert here.lines[0].submitted == [(SMS.to, SMS.body)]
        assert [(ref.segment, ref.segments) for ref in here.refs] == [(0, 1)]


@pytest.mark.parametrize("split", [0, 1, 7])
async def test_pieces_of_any_size_are_put_together(split: int) -> None:
    async with site(1, ManagerHabits(split_bytes=split, echo_ids=False)) as here:
        await here.submit(SMS)
        assert len(here.refs) == 1


async def test_a_refused_sms_is_refused_and_nothing_more() -> None:
    async with site() as here:
        here.lines[0].outcomes = [Submitted(38)]
        with pytest.raises(DeviceRefused):
            await here.submit(SMS)
        assert not here.refs


async def test_an_outcome_that_never_comes_is_unknown() -> None:
    async with site(options=IMPATIENT) as here:
        here.tongue.habits.muted.add("outcome")
        with pytest.raises(OutcomeUnknown):
            await here.submit(SMS)
        assert len(here.lines[0].submitted) == 1


async def test_a_connection_lost_after_the_handover_is_unknown() -> None:
    async with site() as here:
        here.lines[0].outcomes = [None]
        submitting = asyncio.create_task(here.submit(SMS))
        await here.until(lambda: bool(here.lines[0].submitted))
        here.tongue.drop()
        with pytest.raises(OutcomeUnknown, match="handed over"):
            await submitting


async def test_an_unanswered_command_is_unknown_and_what_follows_is_not_confused() -> None:
    async with site(options=IMPATIENT) as here:
        here.tongue.habits.muted.add("send")
        with pytest.raises(OutcomeUnknown):
            await here.submit(SMS)
        here.tongue.habits.muted.clear()
        await here.submit(SMS)
        assert len(here.refs) == 1


async def test_without_echoed_ids_an_unanswered_command_ends_the_session() -> None:
    async with site(1, ManagerHabits(echo_ids=False), IMPATIENT) as here:
        here.tongue.habits.muted.add("send")
        with pytest.raises(OutcomeUnknown):
            await here.submit(SMS)
        assert here.running is not None
        with pytest.raises(DeviceLost):
            await asyncio.wait_for(here.running, 3)
        with pytest.raises(DeviceLost):
            await here.submit(SMS)


async def test_a_port_is_not_pressed() -> None:
    async with site(1, ManagerHabits(between_s=0.3), {"between_s": "0.3"}) as here:
        await here.submit(SMS)
        await here.submit(SMS)
        assert len(here.refs) == 2
    async with site(1, ManagerHabits(between_s=0.3)) as here:
        await here.submit(SMS)
        with pytest.raises(DeviceRefused):
            await here.submit(SMS)


async def test_nothing_is_handed_over_after_its_time() -> None:
    async with site(1, ManagerHabits(), {"between_s": "30"}) as here:
        await here.submit(SMS)
        with pytest.raises(Busy, match="after this one's time"):
            await here.submit(replace(SMS, validity_s=5))
        assert len(here.lines[0].submitted) == 1


async def test_a_text_too_long_for_one_command_is_sent_as_several() -> None:
    text = "ស្ថានភាពទឹកជំនន់ " * 20
    async with site() as here:
        await here.submit(OutboundSms("+85598765432", text))
        assert "".join(body for _, body in here.lines[0].submitted) == text
        assert [ref.segment for ref in here.refs] == list(range(len(here.refs)))
        assert len(here.refs) > 1
        assert not any(session.dropped_lines for session in here.tongue.sessions)
        before = len(here.lines[0].submitted)
        await here.submit(OutboundSms("+85598765432", text), first=len(here.refs) - 1)
        assert len(here.lines[0].submitted) == before + 1


async def test_a_caller_that_gives_up_still_has_the_outcome_told() -> None:
    async with site() as here:
        here.lines[0].delay_s = 0.2
        submitting = asyncio.create_task(here.submit(SMS))
        await here.until(lambda: bool(here.lines[0].submitted))
        submitting.cancel()
        await asyncio.wait({submitting})
        assert len(here.refs) == 1


@pytest.mark.parametrize(
    "sms",
    [
        OutboundSms('1" 2 "x', "x"),
        OutboundSms("Bank", "x"),
        OutboundSms("+85598765432", ""),
        OutboundSms("+85598765432", "x", flash=True),
        OutboundSms("+85598765432", "x", port=2948),
    ],
)
async def test_what_it_cannot_carry_is_refused_before_a_word(sms: OutboundSms) -> None:
    async with site() as here:
        with pytest.raises(InvalidRequest):
            await here.submit(sms)
        assert not here.lines[0].submitted


def test_pieces_are_whole_characters_and_the_whole_text() -> None:
    text = "a€😀\n" * 200
    assert "".join(pieces(text, TEXT_LIMIT)) == text
    assert pieces("", 10) == []
    assert pieces("😀", 1) == ["😀"]


# --------------------------------------------------------------------------------------------------- SMS in


async def test_an_sms_comes_in() -> None:
    stamp = datetime(2026, 3, 25, 17, 20, 48).astimezone()
    async with site(2) as here:
        here.lines[1].on_received(Received("+12025550100", "Got it: €5 & more", stamp.timestamp(), "+1"))
        await here.until(lambda: bool(here.core.parts))
        part = here.core.parts[0]
        assert (part.channel, part.sender, part.body) == ("e/gw/2", "+12025550100", "Got it: €5 & more")
        assert (part.sent_at, part.ref, part.parts) == (stamp, None, 1)


@pytest.mark.parametrize("base", [0, 1])
async def test_parts_are_numbered_whichever_way_the_box_counts(base: int) -> None:
    async with site(1, ManagerHabits(index_base=base, part_length=10)) as here:
        here.lines[0].on_received(Received("+85511111111", "0123456789abcdefghijKLMNO", 0.0))
        here.lines[0].on_received(Received("+85511111111", "0123456789abcdefghijklmno", 1.0))
        await here.until(lambda: len(here.core.parts) == 6)
        texts = [(part.part, part.parts, part.body) for part in here.core.parts]
        assert sorted(texts[:3]) == [(1, 3, "0123456789"), (2, 3, "abcdefghij"), (3, 3, "KLMNO")]
        assert len({part.ref for part in here.core.parts}) == 2
        assert len(here.core.keys) == 6


async def test_a_part_that_shows_nothing_is_not_kept_back_for_ever() -> None:
    async with site() as here:
        here.tongue.tell(
            "Event: ReceivedSMS\r\nID: 5\r\nGsmSpan: 2\r\nSender: +1\r\nIndex: 1\r\nTotal: 3\r\nContent: x\r\n\r\n"
        )
        await here.until(lambda: bool(here.core.parts))
        assert (here.core.parts[0].part, here.core.parts[0].parts) == (2, 3)


async def test_an_sms_in_the_middle_of_an_output_is_not_lost() -> None:
    async with site(1, ManagerHabits(inside_outputs=True)) as here:
        for number in range(5):
            here.lines[0].on_received(Received("+85511111111", f"sms {number}", 0.0))
            await here.submit(SMS)
        await here.until(lambda: len(here.core.parts) == 5)
        assert len(here.refs) == 5


async def test_a_full_disk_holds_an_sms_up_and_loses_none() -> None:
    async with site() as here:
        here.core.full = 1
        here.lines[0].on_received(Received("+85511111111", "hello", 0.0))
        await here.until(lambda: bool(here.core.parts))


async def test_what_waits_for_the_disk_when_the_box_is_lost_is_kept_all_the_same() -> None:
    async with site() as here:
        here.core.full = 1000
        here.lines[0].on_received(Received("+85511111111", "hello", 0.0))
        await here.until(lambda: here.core.full < 1000)
        here.tongue.drop()
        assert here.running is not None
        with pytest.raises(DeviceLost):
            await asyncio.wait_for(here.running, 3)
        here.core.full = 0
        await here.management.close()
        assert [part.body for part in here.core.parts] == ["hello"]


async def test_a_part_that_is_kept_back_is_kept_when_the_box_is_closed() -> None:
    async with site(options={"hold_s": "60"}) as here:
        here.tongue.tell(
            "Event: ReceivedSMS\r\nID: 5\r\nGsmSpan: 2\r\nSender: +1\r\nIndex: 1\r\nTotal: 3\r\nContent: x\r\n\r\n"
        )
        here.lines[0].on_received(Received("+85511111111", "later", 0.0))
        await here.until(lambda: bool(here.core.parts))
        await here.management.close()
        assert {part.body for part in here.core.parts} == {"later", "x"}


async def test_an_sms_from_nobody_is_kept() -> None:
    async with site() as here:
        here.tongue.tell("Event: ReceivedSMS\r\nGsmPort: 1\r\nContent: who+am+I%3F\r\n\r\n")
        await here.until(lambda: bool(here.core.parts))
        assert (here.core.parts[0].sender, here.core.parts[0].body) == ("", "who am I?")


@pytest.mark.parametrize(
    "event",
    [
        "Event: ReceivedSMS\r\nGsmSpan: 99\r\nSender: +1\r\nContent: x\r\n\r\n",
        "Event: ReceivedSMS\r\nGsmSpan: 2\r\nContent:\r\n\r\n",
        "Event: ReceivedSMS\r\nGsmSpan: two\r\nSender: 1\r\n\r\n",
        "Event: UpdateSMSSend\r\nID: nobody\r\nStatus: 1\r\n\r\n",
        "Event: \r\n\r\n",
    ],
)
async def test_events_that_say_nothing_harm_nothing(event: str) -> None:
    async with site() as here:
        here.tongue.tell(event)
        await here.submit(SMS)
        assert not here.core.parts


# ----------------------------------------------------------------------------------------------- USSD, power


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (UssdAnswer("Your balance is 4.20"), UssdReply(UssdState.DONE, "Your balance is 4.20")),
        (UssdAnswer("1. Data\n2. Talk", True), UssdReply(UssdState.REPLY_WANTED, "1. Data\n2. Talk")),
        (UssdAnswer("សមតុល្យ 4.20"), UssdReply(UssdState.DONE, "សមតុល្យ 4.20")),
    ],
)
async def test_ussd(answer: UssdAnswer, reply: UssdReply) -> None:
    async with site() as here:
        here.lines[0].ussd_answers["*123#"] = answer
        assert await here.ussd.request("*123#") == reply
        assert here.lines[0].ussd_said == ["*123#"]


async def test_ussd_that_fails_is_refused() -> None:
    async with site() as here:
        here.lines[0].ussd_answers["*9#"] = UssdAnswer("", supported=False)
        with pytest.raises(DeviceRefused):
            await here.ussd.request("*9#")


async def test_ussd_can_be_given_up_and_is_one_at_a_time() -> None:
    async with site() as here:
        here.lines[0].ussd_answers["*5#"] = None
        asking = asyncio.create_task(here.ussd.request("*5#"))
        await here.until(lambda: bool(here.lines[0].ussd_said))
        with pytest.raises(Busy):
            await here.ussd.request("*6#")
        await here.ussd.cancel()
        assert await asking == UssdReply(UssdState.RELEASED, "")


async def test_a_code_that_is_called_off_before_its_turn_is_never_said() -> None:
    async with site() as here:
        session = here.management._box.session  # type: ignore[attr-defined]
        async with session._turn:
            asking = asyncio.create_task(here.ussd.request("*5#"))
            await asyncio.sleep(0.01)
            await here.ussd.cancel()
            assert await asking == UssdReply(UssdState.RELEASED, "")
        await here.ussd.request("*6#")
        assert here.lines[0].ussd_said == ["*6#"]


async def test_a_module_is_switched_off_and_on_and_the_box_is_not() -> None:
    async with site() as here:
        said: list[bool] = []
        here.lines[0].enable = said.append  # type: ignore[method-assign]
        await here.management.restart_line(here.managed[0])
        assert said == [False, True]
        with pytest.raises(DeviceRefused):
            await here.management.restart()


async def test_a_submit_ref_names_what_was_sent() -> None:
    async with site() as here:
        await here.submit(SMS)
        assert here.refs == [SubmitRef(here.refs[0].ref, 0, 1)]
        assert str(here.refs[0].ref).isdigit()
