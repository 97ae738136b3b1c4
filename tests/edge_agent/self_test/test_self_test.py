"""Self-tests between two lines that are wired to each other: what is measured, refused, and kept from the cloud."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from edge_agent.config import SelfTestConfig
from edge_agent.contracts import (
    Channel,
    IncomingCall,
    Permit,
    SmsPart,
    SubmitRef,
    VoiceEvent,
    VoiceEventKind,
)
from edge_agent.media.clock import MediaClock
from edge_agent.self_test import SelfTest
from edge_agent.self_test.call import Waits
from edge_agent.self_test.figures import CallFigures, SmsFigures, pairs
from edge_agent.spool import Spool
from telecore.audio.mixing import gain, mix
from telecore.commands import RunSelfTest
from telecore.errors import Busy, DeviceRefused, InvalidRequest, NoNetwork, NoRoute
from telecore.ids import Address, ChannelId, Iccid
from telecore.model import ChannelState, ChannelStatus, Sim
from telecore.sim_health import Health, HealthState, Usage

A, B = ChannelId("site-1/modem1"), ChannelId("site-1/modem2")
NUMBERS = {A: "+85510000001", B: "+85510000002"}
QUICK = Waits(ring=0.5, answer=0.5, tone=0.6, settle=0.05, hang_up=0.5)


class Pcm:
    """One end of a path; ``loss`` is how much weaker the other side hears it, ``echo`` how much comes back."""

    rate = 8000

    def __init__(self):
        self.on_frame = lambda frame: None
        self.other, self.loss, self.echo = None, 1.0, 0.0
        self.returned = bytes(320)

    def send(self, frame):
        self.other.on_frame(mix([gain(frame, self.loss), self.returned]))
        self.other.returned = gain(frame, self.other.echo)


class Voice:
    """One end of a call."""

    def __init__(self, network, sound):
        self.network = network
        self.pcm = Pcm() if sound else None
        self.detects_dtmf = False
        self.on_event = lambda event: None
        self.over = False

    async def answer(self):
        if self.network.answer_seen:
            self.network.caller.on_event(VoiceEvent(VoiceEventKind.ANSWERED))

    async def hang_up(self, cause=16):
        self.over = True

    async def send_digits(self, digits): ...


class Network:
    """Carries the SMS and the call of channel A to channel B."""

    def __init__(self):
        self.test = None
        self.arrives = self.rings = self.answer_seen = self.sound = True
        self.ends = None
        self.number_seen = NUMBERS[A]
        self.submitted = []
        self.refuse = None
        self.loss, self.echo = (1.0, 1.0), 0.0
        self.caller = self.callee = self.rung = None
        self.taken = []

    async def submit(self, sms, first, on_segment):
        if self.refuse:
            raise self.refuse
        self.submitted.append(sms)
        if self.arrives:
            asyncio.get_running_loop().call_soon(self.deliver, sms.body)
        await on_segment(SubmitRef(1, 0, 1))

    def deliver(self, body, channel=B, sender=NUMBERS[A]):
        part = SmsPart(channel, "k", Address(sender), body, datetime.now(UTC))
        self.taken.append(self.test.takes_part(part))

    async def dial(self, to, on_event, caller=None, *, hidden=False):
        if self.refuse:
            raise self.refuse
        self.caller, self.callee = Voice(self, self.sound), Voice(self, self.sound)
        self.caller.on_event = on_event
        if self.sound:
            one, other = self.caller.pcm, self.callee.pcm
            one.other, other.other = other, one
            one.loss, other.loss = self.loss
            other.echo = self.echo
        if self.ends is not None:
            on_event(VoiceEvent(VoiceEventKind.ENDED, cause=self.ends))
        elif self.rings:
            asyncio.get_running_loop().call_soon(self.ring)
        return self.caller

    def ring(self):
        number = self.number_seen and Address(self.number_seen)
        self.taken.append(self.test.takes_call(IncomingCall(B, number, self.callee)))
        self.rung = self.callee if self.taken[-1] else None


class Site:
    def __init__(self, spool, **options):
        self.network = Network()
        self.status = {
            channel: ChannelStatus(channel, ChannelState.REGISTERED, 0.0, sim=Sim(Iccid(f"89855{n}")))
            for n, channel in enumerate(NUMBERS)
        }
        self.permit = Permit()
        self.counted, self.tested, self.now = [], [], 1_768_435_200.0
        config = options.pop("config", SelfTestConfig())
        self.test = self.network.test = SelfTest(
            spool, self, config, gate=self, witness=self, clock=MediaClock(), waits=QUICK, sms_within_s=0.3,
            tested=lambda channel, passed: self.tested.append((channel, passed)), wall=lambda: self.now, look_s=0.02,
        )  # fmt: skip

    def channel(self, channel):
        return Channel(channel, sms=self.network, voice=self.network)

    def statuses(self):
        return tuple(self.status.values())

    def number(self, channel):
        return NUMBERS.get(channel)

    def sms(self, channel, to, *, urgent=False):
        return self.permit

    call = sms

    def sms_sent(self, channel, to):
        self.counted.append("sms")

    def call_ended(self, facts):
        self.counted.append(facts)

    def change(self, channel, **changes):
        self.status[channel] = replace(self.status[channel], **changes)


@pytest.fixture
async def spool(tmp_path):
    opened = await Spool.open(tmp_path / "spool.db")
    yield opened
    await opened.close()


def free(site):
    voices = [voice for voice in (site.network.caller, site.network.rung) if voice is not None]
    return all(voice.over for voice in voices) and site.test.busy(A) == site.test.busy(B) == 0


async def test_an_sms_and_a_call_are_measured_and_told_to_nobody_else(spool):
    site = Site(spool)
    command = RunSelfTest(channel=A, receiver=B)
    event = await site.test.perform(command)
    assert event.passed, event.text
    assert 0 <= event.sms_s < 0.3
    assert 0 <= event.ring_s < 0.5
    assert 0 <= event.answer_s < 0.5
    assert event.heard_to == pytest.approx(-16, abs=0.5)
    assert event.heard_back == pytest.approx(-16, abs=0.5)
    assert site.network.taken == [True, True]
    (sms,) = site.network.submitted
    assert (sms.to, sms.report) == (NUMBERS[B], False)
    assert site.counted[0] == "sms"
    assert (site.counted[1].outgoing, site.counted[1].cause, site.counted[1].talk_s > 0.5) == (True, 16, True)
    assert site.tested == [(A, True)]
    (row,) = [row for _, row in await spool.read(0, 10)]
    assert (row["kind"], row["command"]) == ("selftest.done", command.id)
    assert free(site)


async def test_sound_that_does_not_come_back_and_echo_are_told(spool):
    site = Site(spool)
    site.network.loss = (1.0, 0.0)
    event = await site.test.test(A, B, sms=False, call=True)
    assert (event.passed, event.sms_s) == (False, None)
    assert event.heard_to == pytest.approx(-16, abs=0.5)
    assert event.heard_back < -60
    assert "NOT heard back" in event.text
    site.network.loss, site.network.echo = (1.0, 1.0), 0.3
    event = await site.test.test(A, B, sms=False, call=True)
    assert event.passed
    assert "the caller hears himself" in event.text
    assert site.tested == [(A, False), (A, True)]


async def test_without_audio_ports_the_call_counts_and_the_sound_is_unknown(spool):
    site = Site(spool)
    site.network.sound = False
    event = await site.test.test(A, B, sms=False, call=True)
    assert (event.passed, event.heard_to, event.heard_back) == (True, None, None)
    assert "sound was not tried" in event.text
    assert free(site)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"arrives": False}, "SMS: did not arrive within 0 s"),
        ({"rings": False}, "did not ring there within 0 s"),
        ({"ends": 21}, "ended with cause 21 before it rang there"),
        ({"answer_seen": False}, "the answer was not seen"),
        ({"refuse": DeviceRefused("cms", 21)}, "SMS: was not sent: cms 21; call: failed: cms 21"),
        ({"number_seen": "+85512999999"}, "did not ring there"),
        ({"number_seen": None}, "did not ring there"),
    ],
)
async def test_what_goes_wrong_is_said_and_both_lines_are_free(spool, change, said):
    site = Site(spool)
    for name, value in change.items():
        setattr(site.network, name, value)
    event = await site.test.test(A, B, sms=True, call=True)
    assert not event.passed
    assert said in event.text
    assert site.tested == [(A, False)]
    assert free(site)


async def test_how_long_a_call_lasted_is_told_for_causes_that_count_only_when_they_come_at_once(spool):
    site = Site(spool)
    site.network.rings = False
    await site.test.test(A, B, sms=False, call=True)
    assert site.counted[0].lasted_s >= QUICK.ring
    assert site.counted[0].talk_s is None


async def test_customers_are_never_taken_for_a_test(spool):
    site = Site(spool)
    site.network.deliver("hello")
    site.network.deliver("Simferry self-test 0123456789ab", sender="+85512000001")
    site.network.ring()
    assert site.network.taken == [False, False, False]
    late = "Simferry self-test 0123456789ab"
    site.network.deliver(late)
    assert site.network.taken[-1], "of an earlier run of the agent, from a number of this site"


async def test_a_test_message_that_comes_late_is_still_a_test(spool):
    site = Site(spool)
    site.network.arrives = False
    await site.test.test(A, B, sms=True, call=False)
    site.network.deliver(site.network.submitted[0].body, sender="12345")
    assert site.network.taken == [True]


async def test_it_begins_nothing_on_a_line_that_is_busy_or_away(spool):
    site = Site(spool)
    with pytest.raises(InvalidRequest):
        await site.test.test(A, A, sms=True, call=True)
    with pytest.raises(InvalidRequest):
        await site.test.test(A, B, sms=False, call=False)
    with pytest.raises(NoNetwork):
        await site.test.test(A, ChannelId("site-1/modem9"), sms=True, call=True)
    site.change(B, busy_legs=1)
    with pytest.raises(Busy):
        await site.test.test(A, B, sms=True, call=True)
    site.change(B, busy_legs=0, state=ChannelState.SEARCHING)
    with pytest.raises(NoNetwork):
        await site.test.test(A, B, sms=True, call=True)
    site.change(B, state=ChannelState.REGISTERED)
    running = asyncio.create_task(site.test.test(A, B, sms=False, call=True))
    await asyncio.sleep(0.05)
    assert (site.test.busy(A), site.test.busy(B)) == (1, 1)
    with pytest.raises(Busy):
        await site.test.test(B, A, sms=True, call=False)
    assert (await running).passed


async def test_quotas_hold_and_a_sim_in_doubt_may_be_tested(spool):
    site = Site(spool)
    site.permit = Permit("20 SMS an hour are reached", code=30022)
    with pytest.raises(NoRoute, match="20 SMS an hour"):
        await site.test.test(A, B, sms=True, call=False)
    site.change(A, health=Health(HealthState.SUSPECT_BLOCKED, 0.0, share=0))
    assert (await site.test.test(A, B, sms=True, call=False)).passed
    site.change(A, usage=Usage(limit="20 SMS an hour"))
    with pytest.raises(NoRoute):
        await site.test.test(A, B, sms=True, call=False)
    for state in (HealthState.RETIRED, HealthState.COOLDOWN):
        site.change(A, usage=None, health=Health(state, 0.0, share=0, forced=True))
        with pytest.raises(NoRoute):
            await site.test.test(A, B, sms=True, call=False)


async def test_a_cancelled_test_hangs_up(spool):
    site = Site(spool)
    running = asyncio.create_task(site.test.test(A, B, sms=False, call=True))
    await asyncio.sleep(0.2)
    running.cancel()
    await asyncio.wait([running])
    assert site.network.caller.over
    assert site.network.callee.over
    assert free(site)


async def test_the_schedule_tests_each_sim_once_in_its_time(spool):
    site = Site(spool, config=SelfTestConfig(every_h=24.0, call=False))
    task = asyncio.create_task(site.test.run())
    try:
        async with asyncio.timeout(3):
            while len(site.tested) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert [channel for channel, _ in site.tested] == [A, B]
        site.change(A, busy_legs=1)
        site.now += 24 * 3600
        await asyncio.sleep(0.1)
        assert len(site.tested) == 2
        site.change(A, busy_legs=0)
        async with asyncio.timeout(3):
            while len(site.tested) < 4:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def test_pairs_are_a_ring():
    a, b, c = (ChannelId(name) for name in "abc")
    assert pairs([]) == pairs([a]) == []
    assert pairs([b, a]) == [(a, b), (b, a)]
    assert pairs([c, a, b]) == [(a, b), (b, c), (c, a)]


def test_sentences():
    assert SmsFigures(2.34).sentence() == "SMS: arrived after 2.3 s"
    assert not CallFigures(ring_s=1.0).passed
    assert CallFigures(1.0, 0.5, -20.0, -50.0).sentence() == (
        "call: rang after 1.0 s, answered 0.5 s after it was picked up, heard there with -20 dBm0, NOT heard back"
    )
