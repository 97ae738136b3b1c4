"""A FreeSWITCH as a device, on an event socket and SIP that a test plays."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from edge_agent.contracts import Heal, IncomingCall, VoiceCall, VoiceEvent, VoiceEventKind, VoiceService
from edge_agent.drivers.freeswitch.settings import FreeswitchSettings, TrunkSettings, peer_of
from edge_agent.drivers.freeswitch.switch import FreeswitchDevice
from edge_agent.drivers.sip.peer import LineState
from telecore.errors import Busy, DeviceLost, DeviceRefused, InvalidRequest, NoNetwork, TimedOut
from telecore.ids import E164, ChannelId, DeviceId
from telecore.model import ChannelState
from tests.fakes.agent_legs import AgentLegs, Leg
from tests.fakes.event_socket import PASSWORD, event
from tests.fakes.freeswitch import FakeFreeswitch
from tests.fakes.gateway_core import GatewayCore

CHANNEL = ChannelId("site-1/fs/trunk1")
TO = "+85620123456"
LISTEN = "127.0.0.1:5060"


class SwitchCore(GatewayCore):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[IncomingCall] = []

    def incoming(self, call: IncomingCall) -> None:
        self.calls.append(call)


class Site:
    """A device in service."""

    def __init__(self, fake: FakeFreeswitch, settings: FreeswitchSettings) -> None:
        self.fake = fake
        self.core = SwitchCore()
        self.device = FreeswitchDevice(settings, fake.legs, lambda: LISTEN)
        self.running: asyncio.Task[None] | None = None
        self.told: list[VoiceEvent] = []

    async def start(self) -> None:
        await self.device.open()
        self.running = asyncio.create_task(self.device.run(self.core))
        await until(lambda: bool(self.core.radios))

    async def stop(self) -> None:
        if self.running is not None:
            self.running.cancel()
            with suppress(asyncio.CancelledError, DeviceLost):
                await self.running
        await self.device.close()

    @property
    def voice(self) -> VoiceService:
        voice = self.device.channels[0].voice
        assert voice is not None
        return voice

    async def dial(self) -> VoiceCall:
        return await self.voice.dial(TO, self.told.append, E164("+85621000111"))

    def ended(self) -> int | None:
        return next((event.cause for event in self.told if event.kind is VoiceEventKind.ENDED), None)


async def until(wanted: Callable[[], bool]) -> None:
    for _ in range(1000):
        if wanted():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("not in time")


@pytest.fixture
async def fake() -> AsyncIterator[FakeFreeswitch]:
    async with FakeFreeswitch(AgentLegs()) as fake:
        yield fake


def settings_of(fake: FakeFreeswitch, **changes: object) -> FreeswitchSettings:
    trunk = TrunkSettings(CHANNEL, "trunk1", max_calls=2, numbers=(E164("+85621000111"),))
    made = FreeswitchSettings(DeviceId("fs"), PASSWORD, (trunk,), port=fake.port, poll_s=0.05)
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
async def site(fake: FakeFreeswitch) -> AsyncIterator[Site]:
    site = Site(fake, settings_of(fake))
    await site.start()
    yield site
    await site.stop()


# opening


async def test_what_it_is_and_what_it_has(site: Site) -> None:
    assert (site.device.identity.model, site.device.identity.revision) == ("FreeSWITCH", "1.11.2")
    channel = site.device.channels[0]
    assert (channel.id, channel.capacity, channel.numbers) == (CHANNEL, 2, ("+85621000111",))
    assert site.core.last_radio(CHANNEL).state is ChannelState.REGISTERED


async def test_calls_of_an_earlier_process_are_hung_up_before_any_comes_in(fake: FakeFreeswitch, site: Site) -> None:
    assert f"api hupall MANAGER_REQUEST simferry {LISTEN}" in fake.commands
    assert fake.legs.is_open


async def test_a_freeswitch_that_still_starts(fake: FakeFreeswitch) -> None:
    fake.version = "-ERR version Command not found!\n"
    site = Site(fake, settings_of(fake))
    with pytest.raises(DeviceLost, match="starting"):
        await site.device.open()
    assert not fake.legs.is_open


async def test_a_wrong_password(fake: FakeFreeswitch) -> None:
    with pytest.raises(DeviceRefused, match="password"):
        await Site(fake, settings_of(fake, password="wrong")).device.open()


def test_settings_that_cannot_be(fake: FakeFreeswitch) -> None:
    trunk = TrunkSettings(CHANNEL, "trunk1", dial_string="sofia/gateway/{trunk}/{number} &x")
    with pytest.raises(InvalidRequest):
        FreeswitchDevice(settings_of(fake, trunks=(trunk,)), fake.legs, lambda: LISTEN)


def test_the_password_is_in_no_log(fake: FakeFreeswitch) -> None:
    assert PASSWORD not in repr(settings_of(fake))


def test_freeswitch_as_a_sip_peer(fake: FakeFreeswitch) -> None:
    peer = peer_of(settings_of(fake))
    assert (peer.host, peer.port, peer.max_calls) == ("127.0.0.1", 5080, 2)
    assert [(line.channel, line.user) for line in peer.lines] == [(CHANNEL, "trunk1")]


# how trunks stand


async def test_a_trunk_goes_down_and_comes_back(fake: FakeFreeswitch, site: Site) -> None:
    fake.tell_gateway("FAILED", "DOWN", Phrase="Forbidden", Status="403")
    await until(lambda: site.core.last_radio(CHANNEL).state is ChannelState.FAULTY)
    assert site.core.last_radio(CHANNEL).reason == "registration refused: 403 Forbidden"
    with pytest.raises(NoNetwork, match="refused"):
        await site.dial()
    fake.tell_gateway("REGED", "UP")
    await until(lambda: site.core.last_radio(CHANNEL).state is ChannelState.REGISTERED)


async def test_the_renewal_of_a_registration_is_no_news(fake: FakeFreeswitch, site: Site) -> None:
    for state in ("UNREGED", "TRYING", "REGISTER", "REGED"):
        fake.tell_gateway(state, "UP")
    await fake.until("api sofia", 4)
    assert len(site.core.radios) == 1


async def test_what_no_event_told_is_found_by_asking(fake: FakeFreeswitch, site: Site) -> None:
    fake.status = "DOWN"
    await until(lambda: site.core.last_radio(CHANNEL).state is ChannelState.FAULTY)


async def test_a_trunk_that_goes_down_in_the_moment_in_which_it_is_asked_for(
    fake: FakeFreeswitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(fake, settings_of(fake, poll_s=60.0))
    await site.start()
    socket, trunk = site.device._socket, site.device._trunks["trunk1"]
    assert socket is not None
    ask = socket.api

    async def slow(text: str) -> str:
        answer = await ask(text)
        fake.tell_gateway("FAILED", "DOWN", Phrase="Forbidden", Status="403")
        await until(lambda: trunk.gateway is not None and trunk.gateway.state == "FAILED")
        return answer

    monkeypatch.setattr(socket, "api", slow)
    assert (await trunk.status()).state is ChannelState.FAULTY
    assert trunk.gateway is not None
    assert trunk.gateway.state == "FAILED"
    await site.stop()


async def test_a_gateway_that_is_taken_out(fake: FakeFreeswitch, site: Site) -> None:
    fake.known = False
    fake.send(event({"Event-Name": "CUSTOM", "Event-Subclass": "sofia::gateway_delete", "Gateway": "trunk1"}))
    await until(lambda: "no such gateway" in site.core.last_radio(CHANNEL).reason)


async def test_events_of_other_trunks_and_calls_are_ignored(fake: FakeFreeswitch, site: Site) -> None:
    custom = {"Event-Name": "CUSTOM", "Event-Subclass": "sofia::gateway_state", "Gateway": "other"}
    fake.send(event({**custom, "State": "FAILED", "Ping-Status": "DOWN"}))
    fake.tell("CHANNEL_ANSWER", "unknown")
    fake.tell("CHANNEL_HANGUP_COMPLETE", "", Hangup_Cause="USER_BUSY")
    await fake.until("api sofia", 4)
    assert len(site.core.radios) == 1


async def test_sip_with_freeswitch_is_down(fake: FakeFreeswitch, site: Site) -> None:
    await until(lambda: fake.legs.events is not None)
    assert fake.legs.events is not None
    fake.legs.events.line_changed(CHANNEL, LineState(up=False, reason="no answer to OPTIONS", since=1.0))
    await until(lambda: site.core.last_radio(CHANNEL).reason == "SIP with FreeSWITCH: no answer to OPTIONS")


async def test_restarting_a_trunk(fake: FakeFreeswitch, site: Site) -> None:
    radio = site.device.channels[0].radio
    assert radio is not None
    await radio.restart()
    assert "api sofia profile trunks register trunk1" in fake.commands
    fake.state = "NOREG"
    await radio.restart()
    assert fake.commands.index("api sofia profile trunks killgw trunk1") < fake.commands.index(
        "api sofia profile trunks rescan"
    )
    fake.known = False
    with pytest.raises(DeviceRefused):
        await radio.restart()


async def test_a_freeswitch_that_hangs(fake: FakeFreeswitch, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.device._socket, "_command_limit_s", 0.1)
    fake.mute = True
    assert site.running is not None
    with pytest.raises(DeviceLost, match="no answer"):
        await asyncio.wait_for(site.running, 3)


# calls out


async def test_a_call_from_ring_to_end(fake: FakeFreeswitch, site: Site) -> None:
    call = await site.dial()
    assert fake.leg.answered
    assert call.pcm is fake.leg.pcm
    assert call.detects_dtmf
    fake.tell("CHANNEL_PROGRESS", fake.theirs)
    fake.tell("CHANNEL_PROGRESS_MEDIA", fake.theirs)
    fake.tell("CHANNEL_ANSWER", fake.ours)
    fake.tell("CHANNEL_ANSWER", fake.theirs)
    await until(lambda: len(site.told) >= 2)
    fake.leg.on_event(VoiceEvent(VoiceEventKind.DIGIT, digit="5"))
    await call.send_digits("12#")
    assert fake.leg.digits == "12#"
    fake.tell("CHANNEL_HANGUP_COMPLETE", fake.theirs, Hangup_Cause="USER_BUSY")
    fake.tell("CHANNEL_HANGUP_COMPLETE", fake.ours, Hangup_Cause="USER_BUSY")
    await until(lambda: site.ended() is not None)
    assert [event.kind.value for event in site.told] == ["ringing", "answered", "digit", "ended"]
    assert site.ended() == 17
    await call.hang_up()


async def test_news_that_come_before_the_handle_are_kept(fake: FakeFreeswitch, site: Site) -> None:
    async def at_once(command: str) -> bytes:
        answer = await fake._originate(command)
        fake.tell("CHANNEL_PROGRESS", fake.theirs)
        fake.tell("CHANNEL_HANGUP_COMPLETE", fake.theirs, Hangup_Cause="UNALLOCATED_NUMBER")
        return answer

    fake.answers["bgapi originate"] = at_once
    await site.dial()
    await until(lambda: site.ended() is not None)
    assert [event.kind.value for event in site.told] == ["ringing", "ended"]
    assert site.ended() == 1


async def test_a_trunk_that_cannot_be_dialled_at_all(fake: FakeFreeswitch, site: Site) -> None:
    await site.dial()
    fake.tell("CHANNEL_HANGUP_COMPLETE", fake.ours, Hangup_Cause="GATEWAY_DOWN")
    await until(lambda: site.ended() is not None)
    assert site.ended() == 38


async def test_hanging_up_has_our_cause(fake: FakeFreeswitch, site: Site) -> None:
    call = await site.dial()
    fake.tell("CHANNEL_ANSWER", fake.theirs)
    await asyncio.gather(call.hang_up(17), call.hang_up(17))
    assert fake.killed == [(fake.theirs, "USER_BUSY"), (fake.ours, "USER_BUSY")]
    assert fake.leg.hung_up == 17
    await until(lambda: site.ended() is not None)
    assert site.ended() == 17
    assert sum(event.kind is VoiceEventKind.ENDED for event in site.told) == 1


async def test_our_leg_ends_and_nobody_tells_why(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.drivers.freeswitch.trunk.GRACE_S", 0.05)
    await site.dial()
    site.fake.leg.on_event(VoiceEvent(VoiceEventKind.ENDED, 41))
    await until(lambda: site.ended() is not None)
    assert site.ended() == 41


async def test_our_leg_ends_first_and_the_trunk_tells_why(fake: FakeFreeswitch, site: Site) -> None:
    await site.dial()
    fake.leg.on_event(VoiceEvent(VoiceEventKind.ENDED, 16))
    fake.tell("CHANNEL_HANGUP_COMPLETE", fake.theirs, Hangup_Cause="NO_ANSWER")
    await until(lambda: site.ended() is not None)
    assert site.ended() == 19


async def test_no_more_calls_than_the_trunk_carries(fake: FakeFreeswitch, site: Site) -> None:
    first = await site.dial()
    await site.dial()
    with pytest.raises(Busy):
        await site.dial()
    await asyncio.gather(first.hang_up())
    await site.voice.dial(TO, site.told.append)


async def test_calls_that_came_in_count_too(fake: FakeFreeswitch, site: Site) -> None:
    fake.legs.full = True
    with pytest.raises(Busy):
        await site.dial()


async def test_a_line_of_which_nothing_was_seen_is_not_down(fake: FakeFreeswitch, site: Site) -> None:
    await until(lambda: fake.legs.events is not None)
    assert fake.legs.events is not None
    fake.legs.events.line_changed(CHANNEL, LineState(up=False, reason="not yet seen", since=0.0))
    await fake.until("api sofia", 4)
    assert site.core.last_radio(CHANNEL).state is ChannelState.REGISTERED


async def test_freeswitch_refuses_to_dial(fake: FakeFreeswitch, site: Site) -> None:
    fake.refuses = "SWITCH_CONGESTION"
    with pytest.raises(DeviceRefused, match="SWITCH_CONGESTION"):
        await site.dial()
    fake.refuses = ""
    await asyncio.gather(site.dial(), site.dial())


async def test_freeswitch_never_calls_us(fake: FakeFreeswitch, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.drivers.freeswitch.trunk.OUR_LEG_S", 0.05)
    fake.calls_us = False
    with pytest.raises(TimedOut):
        await site.dial()
    assert fake.killed == [(fake.theirs, "NORMAL_CLEARING"), (fake.ours, "NORMAL_CLEARING")]
    assert all(claim.cancelled() for _, claim in fake.legs.claims.values())


async def test_our_leg_is_gone_before_it_is_answered(fake: FakeFreeswitch, site: Site) -> None:
    fake.leg_refuses = True
    with pytest.raises(DeviceRefused):
        await site.dial()
    assert fake.leg.hung_up == 16


async def test_who_dialled_goes_away_meanwhile(fake: FakeFreeswitch, site: Site) -> None:
    fake.calls_us = False
    dialling = asyncio.create_task(site.dial())
    await fake.until("bgapi originate")
    dialling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dialling
    assert len(fake.killed) == 2


@pytest.mark.parametrize("to", ["+8562,1", "1}{x=y", "123&park", "*100#"])
async def test_numbers_that_are_none(fake: FakeFreeswitch, site: Site, to: str) -> None:
    with pytest.raises(InvalidRequest):
        await site.voice.dial(to, site.told.append)
    assert not any(command.startswith("bgapi") for command in fake.commands)


# and in


async def test_a_call_that_comes_in_is_handed_on(fake: FakeFreeswitch, site: Site) -> None:
    await until(lambda: fake.legs.events is not None)
    assert fake.legs.events is not None
    call = IncomingCall(CHANNEL, None, Leg())
    fake.legs.events.incoming(call)
    assert site.core.calls == [call]


# losing it


async def test_freeswitch_dies_in_a_call(fake: FakeFreeswitch, site: Site) -> None:
    await site.dial()
    fake.tell("CHANNEL_ANSWER", fake.theirs)
    await until(lambda: bool(site.told))
    fake.cut()
    assert site.running is not None
    with pytest.raises(DeviceLost):
        await asyncio.wait_for(site.running, 2)
    assert site.ended() == 38
    await site.device.close()
    assert not fake.legs.is_open
    with pytest.raises(DeviceLost):
        await site.device.run(site.core)


async def test_freeswitch_dies_while_dialling(fake: FakeFreeswitch, site: Site) -> None:
    fake.calls_us = False
    dialling = asyncio.create_task(site.dial())
    await fake.until("bgapi originate")
    fake.cut()
    with pytest.raises(DeviceLost):
        await asyncio.wait_for(dialling, 2)


async def test_it_cannot_be_reset_by_us(site: Site) -> None:
    with pytest.raises(DeviceRefused):
        await site.device.heal(Heal.SOFT_RESET)


async def test_threads_and_descriptors_after_50_openings(fake: FakeFreeswitch) -> None:
    async def once() -> None:
        site = Site(fake, settings_of(fake))
        await site.start()
        await site.dial()
        await site.stop()

    await once()
    await asyncio.sleep(0.02)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        await once()
    await asyncio.sleep(0.02)
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("esl ")] == []
    assert len(os.listdir("/proc/self/fd")) <= before
    assert len([task for task in asyncio.all_tasks() if not task.done()]) < 10
