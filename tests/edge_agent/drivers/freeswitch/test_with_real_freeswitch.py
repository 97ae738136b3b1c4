"""The driver with a FreeSWITCH that runs: our own SIP and RTP on one side of it, a carrier on the other."""

from __future__ import annotations

import asyncio
import math
import os
import re
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edge_agent.contracts import IncomingCall, RadioService, VoiceCall, VoiceEvent, VoiceEventKind
from edge_agent.devices.runner import DeviceRunner, RunnerState
from edge_agent.drivers.freeswitch.event_socket import EventSocket
from edge_agent.drivers.freeswitch.event_text import EslMessage
from edge_agent.drivers.freeswitch.settings import FreeswitchSettings, TrunkSettings
from edge_agent.drivers.freeswitch.switch import FreeswitchDevice, on_stack
from edge_agent.drivers.sip.settings import SipSettings
from edge_agent.drivers.sip.stack import SipStack
from telecore.backoff import Policy
from telecore.errors import DeviceLost, DeviceRefused
from telecore.ids import E164, ChannelId, DeviceId
from telecore.model import ChannelState
from tests.edge_agent.drivers.freeswitch.scenes import SCENES
from tests.fakes.esl_dialogue import Record, Recorder, load, save
from tests.fakes.gateway_core import GatewayCore
from tests.fakes.real_freeswitch import PASSWORD, RealFreeswitch, eventually, free_port, needs_freeswitch
from tests.fakes.sip_carrier import TONE_AMPLITUDE, Carrier, CarrierCall, amplitude

pytestmark = [pytest.mark.freeswitch, needs_freeswitch]

CHANNEL = ChannelId("site-1/fs/trunk1")
OURS = E164("+85621000111")
TO = "+85620123456"
LOUD = TONE_AMPLITUDE * 0.8
AGENT_PORT, CARRIER_PORT = free_port(), free_port()


class Core(GatewayCore):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[IncomingCall] = []

    def incoming(self, call: IncomingCall) -> None:
        self.calls.append(call)


class Ear:
    """The agent's end of a call: speaks a tone as its clock would, and keeps what it hears."""

    def __init__(self, call: VoiceCall, hertz: float) -> None:
        assert call.pcm is not None
        self.pcm = call.pcm
        self.pcm.on_frame = self._take
        self.heard = bytearray()
        self._hertz = hertz
        self._speaking = asyncio.create_task(self._speak())

    async def hears(self, hertz: float) -> bool:
        for _ in range(60):
            if amplitude(bytes(self.heard[-6400:]), hertz) > LOUD:
                return True
            await asyncio.sleep(0.05)
        return False

    def stop(self) -> None:
        self._speaking.cancel()

    def _take(self, frame: bytes) -> None:
        self.heard += frame

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        due, at, step = loop.time(), 0, 2 * math.pi * self._hertz / 8000
        while True:
            wave = (int(TONE_AMPLITUDE * math.sin(step * (at + n))) for n in range(160))
            self.pcm.send(struct.pack("<160h", *wave))
            at, due = at + 160, due + 0.02
            await asyncio.sleep(max(0.0, due - loop.time()))


class Site:
    def __init__(self, switch: RealFreeswitch, **changes: object) -> None:
        self.switch = switch
        self.plan: Callable[[CarrierCall], None] = CarrierCall.answer
        self.carrier = Carrier(self._planned)
        self.core = Core()
        self.changes = changes
        self.told: list[VoiceEvent] = []
        self.running: asyncio.Task[None] | None = None
        self.device = self.make()

    def _planned(self, call: CarrierCall) -> None:
        self.plan(call)

    def make(self, port: int | None = None, poll_s: float = 0.5) -> FreeswitchDevice:
        trunk = TrunkSettings(CHANNEL, "trunk1", number=OURS, max_calls=10)
        settings = FreeswitchSettings(
            DeviceId("fs"),
            PASSWORD,
            (trunk,),
            port=port or self.switch.esl_port,
            sip_port=self.switch.sip_port,
            poll_s=poll_s,
            **self.changes,  # type: ignore[arg-type]
        )
        return on_stack(settings, SipStack(SipSettings(port=AGENT_PORT, rtp_low=28000, rtp_high=28199)))

    async def start(self) -> None:
        await self.carrier.start(CARRIER_PORT)
        await self.device.open()
        self.running = asyncio.create_task(self.device.run(self.core))
        radio = self.device.channels[0].radio
        assert radio is not None
        if (await radio.status()).state is not ChannelState.REGISTERED:
            await radio.restart()
        await self.stands(ChannelState.REGISTERED)

    async def stop(self) -> None:
        await self.leave()
        await self.carrier.stop()

    async def leave(self) -> None:
        if self.running is not None:
            self.running.cancel()
            with suppress(asyncio.CancelledError, DeviceLost):
                await self.running
        await self.device.close()

    async def stands(self, state: ChannelState) -> None:
        await eventually(lambda: self.core.last_radio(CHANNEL).state is state, 10)

    async def dial(self, *, hidden: bool = False) -> VoiceCall:
        voice = self.device.channels[0].voice
        assert voice is not None
        return await voice.dial(TO, self.told.append, OURS, hidden=hidden)

    async def end(self) -> int | None:
        await eventually(lambda: bool(self.told) and self.told[-1].kind is VoiceEventKind.ENDED)
        return self.told[-1].cause

    def kinds(self) -> list[str]:
        return [event.kind.value for event in self.told]


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealFreeswitch]:
    switch = RealFreeswitch(tmp_path_factory.mktemp("freeswitch"), AGENT_PORT, CARRIER_PORT)
    switch.start()
    yield switch
    switch.stop()


@pytest.fixture
async def site(switch: RealFreeswitch) -> AsyncIterator[Site]:
    site = Site(switch)
    await site.start()
    yield site
    await site.stop()


async def test_which_it_is(site: Site) -> None:
    assert site.device.identity.revision.startswith(("1.10.", "1.11."))


# out


async def test_a_call_out_with_sound_and_keys_both_ways(site: Site) -> None:
    def plan(call: CarrierCall) -> None:
        call.ring()
        call.tone = 700

    site.plan = plan
    call = await site.dial()
    far = await site.carrier.arrived()
    assert far.invite is not None
    assert far.invite.user == TO
    assert OURS in far.invite.get("From")
    await eventually(lambda: site.kinds() == ["ringing"])
    far.answer()
    await eventually(lambda: site.kinds() == ["ringing", "answered"])
    ear = Ear(call, 1000)
    assert await far.hears(1000) > LOUD
    assert await ear.hears(700)
    await call.send_digits("15#")
    await far.until(lambda far: far.digits == "15#")
    far.press("9*")
    await eventually(lambda: "".join(event.digit for event in site.told) == "9*")
    ear.stop()
    far.bye(17)
    assert await site.end() == 17


async def test_early_media_is_heard_before_the_answer(site: Site) -> None:
    def plan(call: CarrierCall) -> None:
        call.ring(183)
        call.tone = 440

    site.plan = plan
    call = await site.dial()
    await eventually(lambda: site.kinds() == ["ringing"])
    ear = Ear(call, 1000)
    assert await ear.hears(440)
    assert site.kinds() == ["ringing"]
    ear.stop()
    await call.hang_up()


@pytest.mark.parametrize(
    ("code", "reason", "cause"),
    [
        (486, "", 17),
        (404, "", 1),
        (480, "", 18),
        (603, "", 21),
        (503, "", 41),
        (302, "", 23),
        (500, 'Q.850;cause=27;text="x"', 27),
        (480, 'Q.850;cause=20;text="x"', 20),
    ],
)
async def test_why_the_trunk_refuses(site: Site, code: int, reason: str, cause: int) -> None:
    site.plan = lambda call: call.refuse(code, reason)
    await site.dial()
    assert await site.end() == cause
    assert site.kinds() == ["ended"]


async def test_nobody_answers(switch: RealFreeswitch) -> None:
    site = Site(switch, ring_limit_s=1)
    await site.start()
    site.plan = CarrierCall.ring
    await site.dial()
    assert await site.end() == 19
    assert (await site.carrier.arrived()).ended.is_set()
    await site.stop()


async def test_we_hang_up_while_it_rings(site: Site) -> None:
    site.plan = CarrierCall.ring
    call = await site.dial()
    far = await site.carrier.arrived()
    await eventually(lambda: site.kinds() == ["ringing"])
    await call.hang_up()
    await asyncio.wait_for(far.ended.wait(), 2)
    assert await site.end() == 16


async def test_we_hang_up_with_our_cause(site: Site) -> None:
    call = await site.dial()
    far = await site.carrier.arrived()
    await eventually(lambda: site.kinds()[-1:] == ["answered"])
    await call.hang_up(31)
    await asyncio.wait_for(far.ended.wait(), 2)
    assert far.cause == 31
    assert await site.end() == 31


async def test_a_hidden_number(site: Site) -> None:
    call = await site.dial(hidden=True)
    far = await site.carrier.arrived()
    assert far.invite is not None
    assert OURS not in far.invite.get("From")
    assert far.invite.get("Privacy") == "id"
    assert OURS in far.invite.get("P-Asserted-Identity") + far.invite.get("P-Preferred-Identity")
    await call.hang_up()


async def test_a_carrier_cannot_send_our_call_elsewhere(site: Site) -> None:
    call = await site.dial()
    far = await site.carrier.arrived()
    await eventually(lambda: site.kinds()[-1:] == ["answered"])
    site.carrier.request(far, "REFER", f"Refer-To: <sip:0900@127.0.0.1:{site.switch.trunk_port}>\r\n")
    await far.until(lambda far: far.other_code >= 200)
    assert far.other_code >= 300
    assert site.kinds()[-1] == "answered"
    await call.hang_up()


async def test_ten_calls_at_once(site: Site) -> None:
    calls = await asyncio.gather(*(site.dial() for _ in range(10)))
    await eventually(lambda: site.kinds().count("answered") == 10)
    await asyncio.gather(*(call.hang_up() for call in calls))
    await eventually(lambda: all(far.ended.is_set() for far in site.carrier.calls))
    assert site.kinds().count("ended") == 10


async def test_the_trunk_of_another_freeswitch(tmp_path: Path) -> None:
    """Ours calls by a trunk that ends in a second one, whose agent the carrier of the other tests plays."""
    beyond = free_port()
    far = RealFreeswitch(tmp_path / "far", beyond, free_port(), trunk_register="false")
    near = RealFreeswitch(tmp_path / "near", AGENT_PORT, far.trunk_port, trunk_register="false")
    await asyncio.gather(asyncio.to_thread(far.start), asyncio.to_thread(near.start))
    site = Site(near)

    def plan(call: CarrierCall) -> None:
        call.ring()
        call.answer()
        call.tone = 700

    site.plan = plan
    await site.carrier.start(beyond)
    await site.device.open()
    site.running = asyncio.create_task(site.device.run(site.core))
    await site.stands(ChannelState.REGISTERED)
    call = await site.dial()
    end = await site.carrier.arrived()
    assert end.invite is not None
    assert TO in end.invite.get("To")
    assert OURS in end.invite.get("From")
    await eventually(lambda: site.kinds() == ["ringing", "answered"])
    ear = Ear(call, 1000)
    assert await end.hears(1000) > LOUD
    assert await ear.hears(700)
    await call.send_digits("7#")
    await end.until(lambda end: end.digits == "7#")
    ear.stop()
    end.bye(27)
    assert await site.end() == 27
    await site.stop()
    near.stop()
    far.stop()


# in


async def called(site: Site) -> tuple[CarrierCall, IncomingCall]:
    far = await site.carrier.call(OURS, ("127.0.0.1", site.switch.trunk_port), "+85620777888")
    await eventually(lambda: bool(site.core.calls))
    return far, site.core.calls[0]


async def test_a_call_in_with_sound_both_ways(site: Site) -> None:
    far, call = await called(site)
    assert (call.channel, call.caller, call.called) == (CHANNEL, "+85620777888", OURS)
    far.tone = 700
    await call.voice.answer()
    await far.until(lambda far: far.code == 200)
    call.voice.on_event = site.told.append
    ear = Ear(call.voice, 1000)
    assert await far.hears(1000) > LOUD
    assert await ear.hears(700)
    far.press("42")
    await eventually(lambda: "".join(event.digit for event in site.told) == "42")
    ear.stop()
    far.bye()
    assert await site.end() == 16


async def test_a_call_in_to_where_the_trunk_registered(site: Site) -> None:
    radio = site.device.channels[0].radio
    assert radio is not None
    await radio.restart()
    await eventually(lambda: bool(site.carrier.contact))
    far = ("127.0.0.1", site.switch.trunk_port)
    await site.carrier.call(OURS, far, "+85620777888", target=site.carrier.contact)
    await eventually(lambda: bool(site.core.calls))
    call = site.core.calls[0]
    assert (call.channel, call.caller, call.called) == (CHANNEL, "+85620777888", OURS)


async def test_a_call_in_is_refused_with_its_cause(site: Site) -> None:
    far, call = await called(site)
    await call.voice.hang_up(17)
    await far.until(lambda far: far.code >= 300)
    assert far.code == 486


async def test_a_caller_gives_up(site: Site) -> None:
    far, call = await called(site)
    call.voice.on_event = site.told.append
    await far.until(lambda far: far.code >= 180)
    site.carrier.cancel(far)
    await eventually(lambda: site.kinds() == ["ended"])


async def test_a_number_that_could_be_a_command_is_not_let_in(site: Site) -> None:
    far = await site.carrier.call("x%27%7D&system(id)", ("127.0.0.1", site.switch.trunk_port), "+85620777888")
    await far.until(lambda far: far.code >= 300)
    assert site.core.calls == []


async def test_a_caller_cannot_forge_headers(site: Site) -> None:
    events: list[EslMessage] = []
    socket = EventSocket("127.0.0.1", site.switch.esl_port, PASSWORD, events.append)
    await socket.open()
    await socket.command("event plain ALL")
    name = "x\N{LINE SEPARATOR}variable_verified: yes"
    await site.carrier.call(OURS, ("127.0.0.1", site.switch.trunk_port), "+85620777888", name=name)
    await eventually(lambda: any(name in event.get("Caller-Caller-ID-Name") for event in events))
    assert not any("variable_verified" in event.headers for event in events)
    await socket.close()


# the event socket of the real one


async def test_bytes_commands_and_jobs(switch: RealFreeswitch) -> None:
    events: list[EslMessage] = []
    socket = EventSocket("127.0.0.1", switch.esl_port, PASSWORD, events.append)
    await socket.open()
    assert await socket.api("url_decode %FF") == "\ufffd"
    assert await socket.api("url_decode %D0%9F") == "П"
    with pytest.raises(DeviceRefused, match="command not found"):
        await socket.command("nonsense")
    await socket.command("event plain BACKGROUND_JOB")
    assert "UP" in await socket.job("status", 5)
    await socket.command("event json HEARTBEAT CUSTOM a::b")
    await socket.command("sendevent CUSTOM", (("Event-Subclass", "a::b"), ("Note", "Ж: x")))
    await eventually(lambda: bool(events))
    assert events[0].get("Note") == "Ж: x"
    await socket.command("event xml CUSTOM a::b")
    await socket.command("sendevent CUSTOM", (("Event-Subclass", "a::b"),))
    assert "UP" in await socket.api("status")
    await socket.close()


async def test_a_wrong_password(switch: RealFreeswitch) -> None:
    with pytest.raises(DeviceRefused, match="password"):
        await EventSocket("127.0.0.1", switch.esl_port, "wrong", print).open()


# what it says is what was recorded


class RealScene:
    def __init__(self, site: Site) -> None:
        self.site = site

    @property
    def radio(self) -> RadioService:
        radio = self.site.device.channels[0].radio
        assert radio is not None
        return radio

    async def dial(self) -> VoiceCall:
        return await self.site.dial()

    async def told(self, *kinds: str) -> None:
        await eventually(lambda: self.site.kinds() == list(kinds))

    async def stands(self, state: ChannelState) -> None:
        await self.site.stands(state)

    async def carrier(self, what: str) -> None:
        if what == "bye":
            self.site.carrier.calls[-1].bye()
        elif what.startswith("register"):
            self.site.carrier.register = int(what.split(" ")[1])
        else:
            self.site.plan = _rings_and_answers if what == "ring, answer" else lambda call: call.refuse(486)


def _rings_and_answers(call: CarrierCall) -> None:
    call.ring()
    asyncio.get_running_loop().call_later(0.1, call.answer)


def shape(records: list[Record]) -> list[str]:
    """Who said what kind of thing, as far as it is the same each time. Only what the agent says is in order: two
    connections meet in it."""
    said = [text.split("\n")[0] for side, text in records if side == "agent"]
    events = {f"{name}" for _, text in records for name in re.findall(r"Event-Name: (\w+)", text)}
    return [*said, *sorted(events)]


@pytest.mark.parametrize("name", SCENES)
async def test_what_it_says_is_what_was_recorded(site: Site, name: str) -> None:
    """With SIMFERRY_RECORD set, what it says is what will have been recorded."""
    await site.leave()
    recorder = Recorder(site.switch.esl_port)
    await recorder.start()
    site.device = site.make(port=recorder.port, poll_s=1000.0)
    await site.device.open()
    site.running = asyncio.create_task(site.device.run(site.core))
    await SCENES[name](RealScene(site))
    await asyncio.sleep(0.3)
    await site.leave()
    await recorder.stop()
    version = ".".join(site.device.identity.revision.split(".")[:2])
    path = Path(__file__).parent / "dialogues" / f"{version}-{name}.jsonl"
    if os.environ.get("SIMFERRY_RECORD"):
        save(path, recorder.records)
    assert shape(recorder.records) == shape(load(path))


# trunks and FreeSWITCH that go and come


async def test_a_trunk_that_is_refused_and_taken_back(site: Site) -> None:
    radio = site.device.channels[0].radio
    assert radio is not None
    site.carrier.register = 403
    await radio.restart()
    await site.stands(ChannelState.FAULTY)
    assert "registration refused" in site.core.last_radio(CHANNEL).reason
    site.carrier.register = 200
    await radio.restart()
    await site.stands(ChannelState.REGISTERED)


async def test_an_agent_that_died_left_a_call(site: Site) -> None:
    await site.dial()
    far = await site.carrier.arrived()
    await eventually(lambda: site.kinds()[-1:] == ["answered"])
    assert site.running is not None
    site.running.cancel()
    await site.device._peer.stack._endpoint.close()  # type: ignore[attr-defined]  # no BYE: as when the process is killed
    await site.device._socket.close()  # type: ignore[union-attr]
    assert not far.ended.is_set()
    other = site.make()
    await other.open()
    await asyncio.wait_for(far.ended.wait(), 2)
    await other.close()


async def makes_the_gateway_anew(site: Site) -> None:
    """What restarting does to a trunk that does not register."""
    events: list[EslMessage] = []
    socket = EventSocket("127.0.0.1", site.switch.esl_port, PASSWORD, events.append)
    await socket.open()
    await socket.command("event plain CUSTOM sofia::gateway_add sofia::gateway_delete")
    radio = site.device.channels[0].radio
    assert radio is not None
    await radio.restart()
    await eventually(lambda: {event.name for event in events} == {"sofia::gateway_add", "sofia::gateway_delete"})
    await eventually(lambda: site.core.last_radio(CHANNEL).state is ChannelState.REGISTERED)
    await socket.close()


async def test_freeswitch_is_killed_in_a_call_and_comes_back(tmp_path: Path) -> None:
    switch = RealFreeswitch(tmp_path / "freeswitch", AGENT_PORT, CARRIER_PORT, trunk_register="false")
    switch.start()
    site = Site(switch)
    await site.carrier.start(CARRIER_PORT)
    soon = Policy(first=0.1, factor=1.0, cap=0.1)
    made: list[FreeswitchDevice] = []

    def make() -> FreeswitchDevice:
        made.append(site.make())
        return made[-1]

    runner = DeviceRunner("fs", make, [CHANNEL], site.core, stopping=asyncio.Event(), retry=soon, absent_retry=soon)
    running = asyncio.create_task(runner.run())
    await site.stands(ChannelState.REGISTERED)
    site.device = made[-1]
    await makes_the_gateway_anew(site)
    await site.dial()
    await eventually(lambda: site.kinds()[-1:] == ["answered"])
    switch.kill()
    assert await site.end() == 38
    await site.stands(ChannelState.FAULTY)
    assert runner.status.state is not RunnerState.SERVING
    await asyncio.to_thread(switch.start)
    await site.stands(ChannelState.REGISTERED)
    site.device = made[-1]
    await site.dial()
    await eventually(lambda: site.kinds().count("answered") == 2)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    await site.carrier.stop()
    switch.stop()
