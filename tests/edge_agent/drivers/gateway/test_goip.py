"""The GoIP driver against the simulated box over real sockets, on a network that loses, doubles and reorders."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from edge_agent.contracts import OutboundSms, SubmitRef, UssdReply, UssdState
from edge_agent.drivers.gateway import goip_ussd
from edge_agent.drivers.gateway.goip import GoipManagement
from edge_agent.drivers.gateway.management import ManagedLine, ManagementSettings
from simulator.gateway.contracts import LineCall, Received, Reported, Submitted, UssdAnswer
from simulator.gateway.datagrams import Weather
from simulator.gateway.goip import GoipTongue
from simulator.gateway.goip_client import GoipHabits
from simulator.modem.core import Registration
from telecore.errors import (
    Busy,
    DeviceLost,
    DeviceRefused,
    InvalidRequest,
    NoNetwork,
    OutcomeUnknown,
)
from telecore.ids import ChannelId, DeviceId
from telecore.model import ChannelState, Service
from tests.fakes.gateway_line import timers
from tests.fakes.managed_site import ManagedSite

BEAT_S = 0.15
OPTIONS = {
    "keepalive_s": str(BEAT_S), "repeat_s": "0.08", "submit_s": "3", "silent_s": "0.6", "ussd_s": "0.6",
}  # fmt: skip
HABITS = GoipHabits(keepalive_s=BEAT_S, resend_s=0.1, boot_s=0.2)
SMS = OutboundSms("+85598765432", "Flood warning: ទឹកជំនន់")


class Site(ManagedSite[GoipManagement]):
    """A box, the agent's end of it, and what the agent is told."""

    def __init__(self, lines: int, weather: Weather, *, options: dict[str, str], habits: GoipHabits) -> None:
        super().__init__(lines)
        self.tongue = GoipTongue(self.lines, timers(), weather=weather, habits=habits)
        self.managed = tuple(
            ManagedLine(ChannelId(f"e/gw/{index + 1}"), client.ident, user=client.ident, password=client.password)
            for index, client in enumerate(self.tongue.clients)
        )
        self.settings = ManagementSettings(
            DeviceId("gw"), "127.0.0.1", listen_port=0, lines=self.managed, options=OPTIONS | options
        )
        self.management = GoipManagement(self.settings)

    async def open(self) -> None:
        await self.management.open()
        self.tongue.report_to(("127.0.0.1", self.management.listening))
        await self.tongue.start()
        self.running = asyncio.create_task(self.management.run(self.core))

    def registered(self) -> int:
        return sum(self.state(line) is ChannelState.REGISTERED for line in range(len(self.lines)))

    async def close(self) -> None:
        await self.end()
        await self.tongue.stop()


@asynccontextmanager
async def site(
    lines: int = 1,
    weather: Weather | None = None,
    *,
    options: dict[str, str] | None = None,
    habits: GoipHabits = HABITS,
    mute: int | None = None,
) -> AsyncIterator[Site]:
    made = Site(lines, weather or Weather(Random(7)), options=options or {}, habits=habits)
    if mute is not None:
        made.tongue.clients[mute].socket.muted = True
    try:
        await made.open()
        await made.until(lambda: made.registered() == lines - (mute is not None))
        yield made
    finally:
        await made.close()


class Stranger:
    """Somebody else on the LAN with a UDP socket."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self._socket.setblocking(False)

    def say(self, datagram: bytes, port: int) -> None:
        self._socket.sendto(datagram, ("127.0.0.1", port))

    def heard(self) -> bytes | None:
        with suppress(BlockingIOError):
            return self._socket.recv(2000)
        return None

    async def __aenter__(self) -> Stranger:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._socket.close()


# -------------------------------------------------------------------------------------------- lines and radio


async def test_every_line_is_told_once_with_its_sim_and_signal() -> None:
    async with site(2) as here:
        await here.until(lambda: here.state(0) is here.state(1) is ChannelState.REGISTERED)
        status = here.core.last_radio(here.managed[1].channel)
        assert status.sim is not None
        assert status.signal is not None
        assert (status.sim.imsi, status.sim.msisdn) == ("456060000000002", "+85512345602")
        assert (status.sim.operator, status.sim.operator_name, status.signal.dbm) == ("45606", "Smart", -79)
        told = len(here.core.radios)
        await asyncio.sleep(4 * BEAT_S)
        assert len(here.core.radios) == told
        assert here.management.identity.manufacturer == "HyberTone"


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"registration": Registration.SEARCHING}, ChannelState.SEARCHING),
        ({"has_sim": False, "registration": Registration.IDLE}, ChannelState.ABSENT),
        ({"enabled": False}, ChannelState.DISABLED),
    ],
)
async def test_a_line_that_cannot_serve_says_why(change: dict[str, object], state: ChannelState) -> None:
    async with site() as here:
        await here.until(lambda: here.state() is ChannelState.REGISTERED)
        for name, value in change.items():
            setattr(here.lines[0], name, value)
        await here.until(lambda: here.state() is state and bool(here.core.last_radio(here.managed[0].channel).reason))


async def test_a_line_that_misses_three_keepalives_is_faulty_and_a_silent_box_is_lost() -> None:
    async with site(2) as here:
        await here.until(lambda: here.state(1) is ChannelState.REGISTERED)
        here.tongue.clients[1].socket.muted = True
        await here.until(lambda: here.state(1) is ChannelState.FAULTY)
        assert here.state(0) is ChannelState.REGISTERED
        here.tongue.clients[0].socket.muted = True
        assert here.running is not None
        with pytest.raises(DeviceLost, match="silent"):
            await asyncio.wait_for(here.running, 3)


async def test_keepalives_are_answered() -> None:
    async with site() as here:
        await here.until(lambda: here.tongue.clients[0].registered)
        await asyncio.sleep(4 * BEAT_S)
        assert here.tongue.clients[0].registered


async def test_a_box_that_never_speaks_is_lost_and_told_what_to_set() -> None:
    here = Site(1, Weather(Random(1)), options={"keepalive_s": "0.05"}, habits=HABITS)
    await here.management.open()
    with pytest.raises(DeviceLost, match="SMS server must be our port"):
        await asyncio.wait_for(here.management.run(here.core), 3)
    assert here.state() is ChannelState.FAULTY
    await here.management.close()


async def test_a_line_without_a_password_is_refused() -> None:
    lines = (ManagedLine(ChannelId("e/gw/1"), "goip01"),)
    with pytest.raises(DeviceRefused, match="goip01"):
        await GoipManagement(ManagementSettings(DeviceId("gw"), "127.0.0.1", lines=lines)).open()


async def test_a_taken_port_is_told() -> None:
    async with site() as here:
        taken = ManagementSettings(
            DeviceId("gw2"), "127.0.0.1", listen_port=here.management.listening, lines=here.managed
        )
        other = GoipManagement(taken)
        with pytest.raises(DeviceLost, match="cannot listen"):
            await other.open()
        await other.close()


async def test_an_option_that_is_no_time_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="keepalive_s"):
        GoipManagement(ManagementSettings(DeviceId("gw"), "127.0.0.1", options={"keepalive_s": "soon"}))


async def test_a_box_that_was_off_is_found_again_wherever_its_lines_speak_from() -> None:
    async with site(2) as here:
        port = here.management.listening
        before = [client.socket.address for client in here.tongue.clients]
        await here.tongue.stop()
        assert here.running is not None
        with pytest.raises(DeviceLost):
            await asyncio.wait_for(here.running, 3)
        await here.management.close()
        here.management = GoipManagement(replace(here.settings, listen_port=port))
        await here.management.open()
        await here.tongue.start()
        here.running = asyncio.create_task(here.management.run(here.core))
        await here.until(lambda: here.registered() == 2)
        await here.submit(SMS)
        assert [client.socket.address for client in here.tongue.clients] != before


# ------------------------------------------------------------------------------------------------- SMS out


async def test_an_sms_goes_out_and_its_report_names_it() -> None:
    async with site() as here:
        await here.submit(SMS)
        assert here.lines[0].submitted == [(SMS.to, SMS.body)]
        assert here.refs == [SubmitRef(1, 0, 1)]
        here.lines[0].on_reported(Reported(1, SMS.to, 0, 0.0))
        await here.until(lambda: bool(here.core.reports))
        report = here.core.reports[0]
        assert (report.ref, report.recipient, report.status) == (1, SMS.to, 0)
        await here.until(lambda: "DELIVER" in here.tongue.clients[0].acknowledged)


async def test_old_firmware_that_gives_no_number_still_sends() -> None:
    async with site(habits=GoipHabits(keepalive_s=BEAT_S, report_no=False)) as here:
        await here.submit(SMS)
        assert isinstance(here.refs[0].ref, str)


async def test_a_slow_network_is_waited_for_and_asked_again() -> None:
    async with site() as here:
        here.lines[0].delay_s = 0.5
        await here.submit(SMS)
        assert len(here.lines[0].submitted) == len(here.refs) == 1


@pytest.mark.parametrize(("error", "kind", "code"), [(21, "cms", 21), (38, "cms", 38), (1, "cms", None)])
async def test_a_refusal_carries_the_networks_code(error: int, kind: str, code: int | None) -> None:
    async with site() as here:
        here.lines[0].outcomes = [Submitted(error)]
        with pytest.raises(DeviceRefused) as refused:
            await here.submit(SMS)
        assert (refused.value.kind, refused.value.code) == (kind, code)
        await here.submit(SMS)
        assert len(here.refs) == 1


async def test_a_network_that_does_not_know_leaves_it_unknown() -> None:
    async with site() as here:
        here.lines[0].outcomes = [Submitted(332)]
        with pytest.raises(OutcomeUnknown):
            await here.submit(SMS)


async def test_no_outcome_in_time_is_unknown() -> None:
    async with site(options={"submit_s": "0.3"}) as here:
        here.lines[0].outcomes = [None]
        with pytest.raises(OutcomeUnknown, match="no outcome"):
            await here.submit(SMS)
        assert len(here.lines[0].submitted) == 1


async def test_a_box_killed_between_send_and_ok_is_unknown_and_sent_nothing_again() -> None:
    async with site() as here:
        here.lines[0].outcomes = [None]
        submitting = asyncio.create_task(here.submit(SMS))
        await here.until(lambda: bool(here.lines[0].submitted))
        here.tongue.clients[0].socket.muted = True
        with pytest.raises(OutcomeUnknown, match="silent"):
            await submitting
        assert len(here.lines[0].submitted) == 1
        assert not here.refs


async def test_a_box_that_reboots_with_an_sms_in_hand_is_unknown_and_then_serves_again() -> None:
    async with site() as here:
        here.lines[0].outcomes = [None]
        submitting = asyncio.create_task(here.submit(SMS))
        await here.until(lambda: bool(here.lines[0].submitted))
        here.tongue.reboot()
        with pytest.raises(OutcomeUnknown, match="lost the session"):
            await submitting
        await here.submit(SMS)
        assert len(here.refs) == 1
        assert len(here.lines[0].submitted) == 2


async def test_a_deaf_box_is_busy_and_nothing_went_out() -> None:
    async with site() as here:
        here.tongue.clients[0].socket.muted = True
        with pytest.raises(Busy, match="before the SMS was handed over"):
            await here.submit(SMS)


async def test_a_caller_that_gives_up_still_has_the_outcome_told() -> None:
    async with site() as here:
        here.lines[0].delay_s = 0.3
        submitting = asyncio.create_task(here.submit(SMS))
        await here.until(lambda: bool(here.lines[0].submitted))
        submitting.cancel()
        await asyncio.wait({submitting})
        assert submitting.cancelled()
        assert len(here.refs) == 1


async def test_two_at_once_take_turns_on_one_line_and_none_on_two() -> None:
    async with site(2) as here:
        other = here.management.sms(here.managed[1])
        assert other is not None
        await asyncio.gather(here.submit(SMS), here.submit(SMS), other.submit(SMS, 0, here.note))
        assert [len(line.submitted) for line in here.lines] == [2, 1]
        assert len(here.refs) == 3
        for client in here.tongue.clients:
            assert not client.sessions._sessions


async def test_a_wrong_password_at_the_box_refuses_the_sms() -> None:
    async with site() as here:
        here.tongue.clients[0].sessions._password = "another"
        with pytest.raises(DeviceRefused, match="error"):
            await here.submit(SMS)
        assert not here.lines[0].submitted


@pytest.mark.parametrize(
    "sms",
    [
        OutboundSms("+855 98", "x"),
        OutboundSms("Bank", "x"),
        OutboundSms("+85598765432", ""),
        OutboundSms("+85598765432", "x" * 3001),
        OutboundSms("+85598765432", "x", flash=True),
        OutboundSms("+85598765432", "x", port=2948),
    ],
)
async def test_what_the_protocol_cannot_carry_is_refused_before_a_word(sms: OutboundSms) -> None:
    async with site() as here:
        with pytest.raises(InvalidRequest):
            await here.submit(sms)
        assert not here.lines[0].submitted


async def test_a_line_that_has_not_registered_takes_nothing() -> None:
    async with site(2, mute=1) as here:
        other = here.management.sms(here.managed[1])
        assert other is not None
        with pytest.raises(NoNetwork):
            await other.submit(SMS, 0, here.note)


async def test_a_lossy_network_loses_and_doubles_no_sms_either_way() -> None:
    weather = Weather(Random(42), loss=0.25, doubled=0.2, delay_s=0.03)
    async with site(2, weather, options={"silent_s": "2", "keepalive_s": "1"}) as here:
        await asyncio.gather(*(_some_traffic(here, index) for index in range(2)))
        assert sum(len(line.submitted) for line in here.lines) == 12
        assert len(here.refs) == 12
        # Four tries of each RECEIVE with a quarter lost: what was given up for lost was lost on the wire every time.
        lost = sum(client.lost.count("RECEIVE") for client in here.tongue.clients)
        bodies = [part.body for part in {part.key: part for part in here.core.parts}.values()]
        assert len(bodies) == len(set(bodies))
        assert len(bodies) + lost >= 12
        assert weather.dropped > 10


async def _some_traffic(here: Site, index: int) -> None:
    service = here.management.sms(here.managed[index])
    assert service is not None
    here.lines[index].delay_s = 0.1  # longer than what is late on the LAN
    for number in range(6):
        here.lines[index].on_received(Received("+85511111111", f"inbound {index} {number}", 0.0))
        busy = True
        while busy:
            with suppress(Busy):  # four tries can all be lost; nothing went out then, so Messages tries again
                await service.submit(OutboundSms("+85598765432", f"outbound {index} {number}"), 0, here.note)
                busy = False
    await here.until(lambda: not any(kind == "RECEIVE" for kind, _ in here.tongue.clients[index]._resends))


# -------------------------------------------------------------------------------------------------- SMS in


async def test_an_sms_is_acknowledged_only_when_it_is_stored() -> None:
    async with site() as here:
        here.core.slow_s = 0.15
        here.lines[0].on_received(Received("+85511111111", "hello; msg:there\nbye", 0.0))
        await asyncio.sleep(0.05)
        assert "RECEIVE" not in here.tongue.clients[0].acknowledged
        await here.until(lambda: "RECEIVE" in here.tongue.clients[0].acknowledged)
        assert [(part.sender, part.body) for part in here.core.parts] == [("+85511111111", "hello; msg:there\nbye")]


async def test_a_full_disk_acknowledges_nothing_until_it_took_it() -> None:
    async with site() as here:
        here.core.full = 2
        here.lines[0].on_received(Received("Smart", "hello", 0.0))
        await here.until(lambda: "RECEIVE" in here.tongue.clients[0].acknowledged)
        assert len(here.core.parts) == 1


async def test_a_resend_has_the_same_key_and_another_sms_another() -> None:
    async with site() as here, Stranger() as box:
        port = here.management.listening
        said = b"RECEIVE:77;id:goip01;password:goip-secret;srcnum:+85511111111;msg:%s"
        for text in (b"one", b"one", b"two"):
            box.say(said % text, port)
            await asyncio.sleep(0.05)
        await here.until(lambda: len(here.core.parts) == 3)
        first, again, other = here.core.parts
        assert first.key == again.key != other.key
        assert box.heard() == b"RECEIVE 77 OK\n"


async def test_what_the_network_says_by_ussd_itself_is_told() -> None:
    async with site() as here:
        here.tongue.clients[0].pushed("Your credit ends tomorrow")
        await here.until(lambda: bool(here.core.ussds))
        assert here.core.ussds[0][1] == UssdReply(UssdState.DONE, "Your credit ends tomorrow")
        await here.until(lambda: "USSN" in here.tongue.clients[0].acknowledged)


# ---------------------------------------------------------------------------------------------------- calls


async def test_calls_are_followed_and_their_end_tells_the_cause() -> None:
    async with site() as here:
        line = here.lines[0]
        for state in (LineCall.DIALING, LineCall.ALERTING, LineCall.IDLE):
            line.calls(state, "" if state is LineCall.IDLE else "012345678")
            await here.until(lambda: here.core.last_radio(here.managed[0].channel).call == state.value)  # noqa: B023
        await here.until(lambda: here.management.call_cause(here.managed[0], 0.0) is not None)
        assert here.management.call_cause(here.managed[0], 0.0) == 16
        assert here.management.call_cause(here.managed[0], asyncio.get_running_loop().time()) is None
        line.call_cause = 17
        for state in (LineCall.DIALING, LineCall.IDLE):
            line.calls(state, "" if state is LineCall.IDLE else "012345678")
        await here.until(lambda: here.management.call_cause(here.managed[0], 0.0) == 17)
        kinds = {"STATE", "RECORD", "HANGUP", "EXPIRY", "REMAIN"}
        await here.until(lambda: kinds <= set(here.tongue.clients[0].acknowledged))


async def test_a_line_out_of_call_minutes_carries_no_calls() -> None:
    async with site() as here, Stranger() as box:
        box.say(b"REMAIN:9;id:goip01;password:goip-secret;gsm_remain_time:0", here.management.listening)
        await here.until(lambda: here.core.last_radio(here.managed[0].channel).without == {Service.VOICE})


# ----------------------------------------------------------------------------------------------------- USSD


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (UssdAnswer("Your balance is 4.20"), UssdReply(UssdState.DONE, "Your balance is 4.20")),
        (UssdAnswer("1. Data\n2. Talk", True), UssdReply(UssdState.REPLY_WANTED, "1. Data\n2. Talk")),
        (None, UssdReply(UssdState.TIMEOUT, "")),
    ],
)
async def test_ussd(answer: UssdAnswer | None, reply: UssdReply) -> None:
    async with site() as here:
        here.lines[0].ussd_answers["*123#"] = answer
        assert await here.ussd.request("*123#") == reply
        assert here.lines[0].ussd_said == ["*123#"]
        assert here.lines[0].ended == (1 if answer is None else 0)


async def test_a_new_code_ends_the_menu_before_it_and_a_reply_does_not() -> None:
    async with site() as here:
        here.lines[0].ussd_answers["*123#"] = UssdAnswer("1. Data\n2. Talk", True)
        here.lines[0].ussd_answers["1"] = UssdAnswer("1. Day\n2. Week", True)
        await here.ussd.request("*123#")
        await here.ussd.request("1")
        assert here.lines[0].ended == 0
        await here.ussd.request("*123#")
        assert here.lines[0].ended == 1


async def test_a_code_is_no_reply_to_what_did_not_look_like_a_menu() -> None:
    async with site() as here:
        here.lines[0].ussd_answers["*100#"] = UssdAnswer("Your balance is 5.00\n0 Back", True)
        await here.ussd.request("*100#")
        await here.ussd.request("*100#")
        assert here.lines[0].ended == 1


async def test_ussd_that_the_network_does_not_know_is_refused() -> None:
    async with site() as here:
        here.lines[0].ussd_answers["*9#"] = UssdAnswer("", supported=False)
        with pytest.raises(DeviceRefused):
            await here.ussd.request("*9#")


async def test_a_code_that_is_called_off_while_an_earlier_session_is_ended_is_never_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with site() as here:
        await here.ussd.request("*100#")
        command, ending, go_on = goip_ussd.run_command, asyncio.Event(), asyncio.Event()

        async def slow(*args: Any) -> str:
            ending.set()
            await go_on.wait()
            return await command(*args)

        monkeypatch.setattr(goip_ussd, "run_command", slow)
        asking = asyncio.create_task(here.ussd.request("*105#"))
        await asyncio.wait_for(ending.wait(), 5)
        calling_off = asyncio.create_task(here.ussd.cancel())
        await asyncio.sleep(0)
        go_on.set()
        assert await asking == UssdReply(UssdState.RELEASED, "")
        await calling_off
        assert here.lines[0].ussd_said == ["*100#"]


async def test_ussd_can_be_given_up_and_is_one_at_a_time() -> None:
    async with site() as here:
        here.lines[0].ussd_answers["*5#"] = None
        asking = asyncio.create_task(here.ussd.request("*5#"))
        await here.until(lambda: bool(here.lines[0].ussd_said))
        with pytest.raises(Busy):
            await here.ussd.request("*6#")
        await here.ussd.cancel()
        assert await asking == UssdReply(UssdState.RELEASED, "")


@pytest.mark.parametrize("code", ["", 'a"b', "x\ny", "1" * 183])
async def test_a_code_that_is_none_is_refused(code: str) -> None:
    async with site() as here:
        with pytest.raises(InvalidRequest):
            await here.ussd.request(code)


# ------------------------------------------------------------------------------------------------- restarts


async def test_a_line_and_the_box_are_restarted() -> None:
    async with site(2) as here:
        assert "goip02" in await here.management.restart_line(here.managed[1])
        assert [line.restarted for line in here.lines] == [0, 1]
        await here.management.restart()
        await here.until(lambda: here.lines[0].restarted == 1)


async def test_a_silent_line_cannot_be_restarted() -> None:
    async with site() as here:
        here.tongue.clients[0].socket.muted = True
        with pytest.raises(DeviceRefused, match="error"):
            await here.management.restart_line(here.managed[0])


# -------------------------------------------------------------------------------------------------- strangers

NOTICE = b"RECEIVE:1;id:%s;password:%s;srcnum:+85511111111;msg:transfer everything"


@pytest.mark.parametrize(
    ("address", "datagram"),
    [
        ("127.0.0.2", NOTICE % (b"goip01", b"goip-secret")),
        ("127.0.0.1", NOTICE % (b"goip01", b"guess")),
        ("127.0.0.1", NOTICE % (b"goip01", b"")),
        ("127.0.0.1", NOTICE % (b"goip99", b"goip-secret")),
    ],
)
async def test_a_stranger_is_never_answered_but_counted_and_told_once(
    address: str, datagram: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with site() as here, Stranger(address) as stranger:
        with caplog.at_level(logging.WARNING):
            for _ in range(5):
                stranger.say(datagram, here.management.listening)
            await here.until(lambda: here.management.strangers == 5)
        await asyncio.sleep(0.1)
        assert stranger.heard() is None
        assert not here.core.parts
        assert len([record for record in caplog.records if "not answered" in record.message]) == 1
        assert "guess" not in caplog.text


async def test_a_stranger_cannot_take_a_lines_place() -> None:
    async with site() as here, Stranger("127.0.0.2") as stranger:
        stranger.say(b"req:1;id:goip01;pass:goip-secret;gsm_status:LOGIN;", here.management.listening)
        await here.until(lambda: here.management.strangers == 1)
        await here.submit(SMS)
        assert stranger.heard() is None


async def test_an_answer_that_nobody_waits_for_changes_nothing() -> None:
    async with site() as here, Stranger() as box:
        for sendid in range(200):
            box.say(b"OK %d 1 99\n" % sendid, here.management.listening)
        await here.submit(SMS)
        assert here.refs == [SubmitRef(1, 0, 1)]


async def test_a_flood_of_nonsense_harms_nothing() -> None:
    random = Random(3)
    async with site() as here, Stranger() as box:
        port = here.management.listening
        for number in range(300):
            box.say(random.randbytes(random.randrange(1, 200)), port)
            if number % 50 == 0:
                await asyncio.sleep(0.01)
        await here.submit(SMS)
        assert here.management._opened().malformed > 200
        assert len(here.refs) == 1


async def test_a_wait_storm_is_borne() -> None:
    async with site() as here:
        here.lines[0].delay_s = 0.3
        client = here.tongue.clients[0]
        submitting = asyncio.create_task(here.submit(SMS))
        await here.until(lambda: bool(here.lines[0].submitted))
        sendid = next(iter(client.sessions._sessions))
        for _ in range(500):
            client.say(f"WAIT {sendid} 1\n")
        await submitting
        assert here.refs == [SubmitRef(1, 0, 1)]
