"""A gateway's two halves: each falls and comes back apart from the other."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from edge_agent.contracts import Heal, IncomingCall, OutboundSms, RadioStatus, VoiceEvent, VoiceEventKind
from edge_agent.drivers.gateway.gateway import Gateway, GatewayLine
from edge_agent.drivers.gateway.management import ManagedLine
from edge_agent.drivers.gateway.profile import GatewayProfile
from edge_agent.drivers.gateway.voice import LineVoice
from edge_agent.drivers.sip.peer import LineState
from telecore.errors import DeviceLost, DeviceRefused, InvalidRequest, NoNetwork
from telecore.ids import E164, ChannelId, DeviceId
from telecore.model import ChannelState, Service
from tests.fakes.management import FakeManagement

ONE, TWO = ChannelId("site-1/goip/1"), ChannelId("site-1/goip/2")
LINES = [ManagedLine(ONE, "goip01"), ManagedLine(TWO, "goip02")]
PROFILE = GatewayProfile("acme/box", services=frozenset(Service))
UP = LineState(up=True, reason="", since=0.0)


class FakeVoice:
    """Dials nothing; ``on_event`` is what the caller gave."""

    async def dial(self, to, on_event, caller=None, *, hidden=False):
        self.dialled, self.on_event = (to, caller, hidden), on_event
        return "call"


class FakePeer:
    def __init__(self):
        self.events = None
        self.runs = asyncio.Event()
        self.opened = self.closed = 0
        self.voices = {}
        self.lost = asyncio.get_running_loop().create_future()

    def voice(self, channel):
        return self.voices.setdefault(channel, FakeVoice())

    async def open(self):
        self.opened += 1

    async def run(self, events):
        self.events = events
        self.runs.set()
        await self.lost

    async def close(self):
        self.closed += 1


class Core:
    def __init__(self):
        self.status = {}
        self.parts = []
        self.calls = []
        self.events = []
        self.changed = asyncio.Event()

    async def radio(self, channel, status):
        self.status[channel] = status
        self.changed.set()

    async def part(self, part):
        self.parts.append(part)

    async def event(self, event):
        self.events.append(event)

    def incoming(self, call):
        self.calls.append(call)

    async def until(self, channel, check):
        async with asyncio.timeout(5):
            while channel not in self.status or not check(self.status[channel]):
                self.changed.clear()
                await self.changed.wait()


class Bench:
    """``boxes``: one for each opening of the tongue, the last for ever."""

    def __init__(self, *boxes, peer=True):
        self.boxes = list(boxes)
        self.peer = FakePeer() if peer else None
        self.core = Core()
        self.pauses = []
        lines = [GatewayLine(line.channel, line, (E164("+85510000001"),)) for line in LINES]
        make = self._next if boxes else None
        self.gateway = Gateway(DeviceId("goip"), PROFILE, lines, self.peer, make, sleep=self._sleep)

    def _next(self):
        return self.boxes.pop(0) if len(self.boxes) > 1 else self.boxes[0]

    async def _sleep(self, seconds):
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    @asynccontextmanager
    async def running(self):
        await self.gateway.open()
        task = asyncio.create_task(self.gateway.run(self.core))
        try:
            if self.peer is not None:
                await self.peer.runs.wait()
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])
            await self.gateway.close()


async def test_both_halves_up():
    box = FakeManagement(LINES)
    bench = Bench(box)
    async with bench.running():
        await bench.core.until(ONE, lambda status: "no calls yet" in status.reason)
        bench.peer.events.line_changed(ONE, UP)
        await bench.core.until(ONE, lambda status: not status.without and status.state is ChannelState.REGISTERED)
        await bench.core.until(TWO, lambda status: status.without == {Service.VOICE})
        one = bench.gateway.channels[0]
        assert isinstance(one.voice, LineVoice)
        heard = []
        assert await one.voice.dial("+85512000001", heard.append, "+85510000001", hidden=True) == "call"
        voice = bench.peer.voices[ONE]
        assert voice.dialled == ("+85512000001", "+85510000001", True)
        voice.on_event(VoiceEvent(VoiceEventKind.ENDED, 18))
        assert heard == [VoiceEvent(VoiceEventKind.ENDED, 18)]
        assert one.numbers == ("+85510000001",)
        refs = []
        await one.sms.submit(OutboundSms("+85512000001", "Hi"), 0, lambda ref: _note(refs, ref))
        assert (box.sent[0].body, refs[0].ref) == ("Hi", 1)
        assert (await one.ussd.request("*100#")).text == "answer to *100#"
        await one.radio.restart()
        assert box.restarted == ["goip01"]
        assert (await one.radio.status()).state is ChannelState.REGISTERED
        assert {event.device.model for event in bench.core.events} == {"Box"}
    assert (box.closed, bench.peer.closed) == (1, 1)


async def _note(refs, ref):
    refs.append(ref)


async def test_a_box_whose_tongue_falls_silent_goes_on_with_calls_and_is_asked_again(caplog):
    first, second = FakeManagement(LINES), FakeManagement(LINES)
    bench = Bench(first, second)
    async with bench.running():
        await first.running.wait()
        bench.peer.events.line_changed(ONE, UP)
        second.refuse = DeviceLost("no route to host")
        first.lose(DeviceLost("no keep-alive for 90 s"))
        await bench.core.until(ONE, lambda status: "no keep-alive" in status.reason)
        await bench.core.until(ONE, lambda status: "no route" in status.reason)
        status = bench.core.status[ONE]
        assert (status.state, status.without) == (ChannelState.REGISTERED, {Service.SMS, Service.USSD})
        with pytest.raises(NoNetwork, match="no route to host"):
            await bench.gateway.channels[0].sms.submit(OutboundSms("+85512000001", "Hi"), 0, None)
        async with asyncio.timeout(5):
            while len(bench.pauses) < 4:  # noqa: ASYNC110
                await asyncio.sleep(0)
        assert sum("no route" in record.message for record in caplog.records if record.levelname == "WARNING") == 1
        second.refuse = None
        await bench.core.until(ONE, lambda status: not status.without)
        assert len(bench.core.events) == len(LINES)  # its identity is told once, for it is the same box
        assert first.closed == 1
        assert second.closed >= 1


async def test_a_wrong_password_is_not_tried_often():
    box = FakeManagement(LINES, DeviceRefused("error", 401, "wrong password"))
    bench = Bench(box)
    async with bench.running():
        await bench.core.until(ONE, lambda status: "wrong password" in status.reason)
        assert bench.core.status[ONE].state is ChannelState.FAULTY
        async with asyncio.timeout(5):
            while len(bench.pauses) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0)
        assert min(bench.pauses) >= 60


async def test_an_option_that_cannot_be_costs_the_tongue_and_not_the_calls():
    box = FakeManagement(LINES, InvalidRequest("timezone: must be an offset"))
    bench = Bench(box)
    async with bench.running():
        bench.peer.events.line_changed(ONE, UP)
        await bench.core.until(ONE, lambda status: "timezone: must be an offset" in status.reason)
        await bench.core.until(ONE, lambda status: status.without == {Service.SMS, Service.USSD})


async def test_calls_and_sip_messages_go_to_the_core():
    bench = Bench(FakeManagement(LINES))
    async with bench.running():
        await bench.boxes[0].running.wait()
        call = IncomingCall(ONE, None, None)
        bench.peer.events.incoming(call)
        await bench.peer.events.message(TWO, "k1", "+85512000001", "by SIP")
        assert bench.core.calls == [call]
        assert [(part.channel, part.key, part.body) for part in bench.core.parts] == [(TWO, "k1", "by SIP")]
    with pytest.raises(NoNetwork):
        await bench.gateway.message(TWO, "k2", "+85512000001", "too late")


async def test_without_a_tongue_a_line_is_what_its_sip_is():
    bench = Bench()
    async with bench.running():
        bench.peer.events.line_changed(ONE, UP)
        await bench.core.until(ONE, lambda status: status.state is ChannelState.REGISTERED)
        channel = bench.gateway.channels[0]
        assert (channel.sms, channel.ussd, channel.radio) == (None, None, None)
        assert channel.voice is bench.peer.voices[ONE]


async def test_a_lost_address_ends_it_and_closes_all():
    box = FakeManagement(LINES)
    bench = Bench(box)
    async with bench.running() as running:
        await box.running.wait()
        bench.peer.lost.set_exception(DeviceLost("the address 192.168.8.2 is gone"))
        with pytest.raises(DeviceLost, match=r"192\.168\.8\.2"):
            await running
    assert box.closed == 1


async def test_an_address_that_is_lost_while_a_box_is_being_opened_lets_go_of_that_too():
    first, second = FakeManagement(LINES), FakeManagement(LINES)
    opening = asyncio.Event()

    async def open_slowly():
        opening.set()
        await asyncio.Event().wait()

    second.open = open_slowly
    bench = Bench(first, second)
    async with bench.running() as running:
        await first.running.wait()
        first.lose(DeviceLost("no keep-alive for 90 s"))
        await asyncio.wait_for(opening.wait(), 5)
        bench.peer.lost.set_exception(DeviceLost("the address 192.168.8.2 is gone"))
        with pytest.raises(DeviceLost):
            await running
        assert second.closed == 1


async def test_a_box_is_not_reset_by_the_ladder():
    with pytest.raises(DeviceRefused, match="not reset by itself"):
        await Bench().gateway.heal(Heal.SOFT_RESET)


async def test_a_status_that_is_the_same_is_told_once():
    box = FakeManagement(LINES)
    bench = Bench(box)
    async with bench.running():
        await box.running.wait()
        bench.peer.events.line_changed(ONE, UP)
        await bench.core.until(ONE, lambda status: status.state is ChannelState.REGISTERED and not status.without)
        bench.core.status.clear()
        await box.core.radio(ONE, RadioStatus(ChannelState.REGISTERED))
        await box.core.radio(TWO, RadioStatus(ChannelState.DENIED))
        await bench.core.until(TWO, lambda status: status.state is ChannelState.DENIED)
        assert ONE not in bench.core.status
