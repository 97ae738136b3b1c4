"""What a SIM's gate and witness have to do with calls."""

from __future__ import annotations

import pytest

from edge_agent.contracts import Permit
from edge_agent.unguarded import Unguarded
from telecore.commands import HangUp, RouteDial, RoutedLeg
from telecore.errors import DeviceRefused, NoRoute
from telecore.ids import CallSid, new_sid
from telecore.notices import RouteWanted
from telecore.twiml.control import DialSpec, DialTarget
from telecore.twiml.verbs.dial import Dial
from tests.fakes.edge import ONE, TWO, FakeEdge
from tests.fakes.line import settle


class Watch(Unguarded):
    """Refuses when told to; keeps what it hears."""

    def __init__(self):
        self.reason = ""
        self.asked = []
        self.facts = []
        self.sounds = []

    def call(self, channel, to, *, urgent=False):
        self.asked.append((channel, to, urgent))
        return Permit(self.reason, None, 30010) if self.reason else Permit()

    def call_ended(self, facts):
        self.facts.append(facts)

    def call_sound(self, channel, verdict):
        self.sounds.append((channel, verdict))


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
async def edge(tmp_path, watch):
    async with FakeEdge(tmp_path, gate=watch, witness=watch) as edge:
        yield edge


async def test_a_call_that_the_gate_refuses_is_not_dialled(edge, watch):
    watch.reason = "the quota of the day is used up"
    with pytest.raises(NoRoute, match="quota of the day") as refusal:
        await edge.place()
    assert refusal.value.code == 30010
    assert edge.lines[ONE].dialled == []
    assert watch.facts == []


async def test_urgent_and_hidden_are_passed_on(edge, watch):
    await edge.place(urgent=True, hide_caller=True)
    assert watch.asked == [(ONE, "+85512000002", True)]
    assert edge.lines[ONE].hidden


async def test_the_witness_hears_of_an_answered_call(edge, watch):
    call, voice = await edge.place()
    voice.ring()
    voice.pick_up()
    voice.drop(16)
    await edge.until(lambda: watch.facts)
    facts = watch.facts[0]
    assert (facts.channel, facts.to, facts.outgoing, facts.cause, facts.by_us) == (ONE, "+85512000002", True, 16, False)
    assert facts.ring_s is not None
    assert facts.talk_s is not None
    await edge.until(lambda: edge.events("call.ended"))
    assert call == edge.events("call.ended")[0].call


async def test_what_we_ended_ourselves_says_nothing_of_the_sim(edge, watch):
    call, voice = await edge.place()
    voice.ring()
    edge.calls.hang_up(HangUp(call=call))
    await edge.until(lambda: watch.facts)
    assert (watch.facts[0].by_us, watch.facts[0].talk_s) == (True, None)


async def test_a_call_that_the_modem_would_not_dial_was_never_on_the_network(edge, watch):
    edge.lines[ONE].error = DeviceRefused("cme", 3)
    await edge.place()
    await edge.until(lambda: edge.events("call.ended"))
    assert watch.facts == []


async def test_an_incoming_call_is_told_too(edge, watch):
    _, voice = await edge.ring()
    voice.drop(16)
    await edge.until(lambda: watch.facts)
    facts = watch.facts[0]
    assert (facts.outgoing, facts.to, facts.ring_s) == (False, "+85512000001", None)


async def test_a_refused_leg_of_a_dial_fails_and_is_not_dialled(edge, watch):
    call, voice = await edge.ring()
    await edge.run_page(call, Dial(DialSpec((DialTarget("+85512000003"),))))
    wanted = edge.told(RouteWanted)[-1]
    watch.reason = "blocked"
    leg = RoutedLeg(CallSid(new_sid("CA")), TWO, "+85512000003", 0)
    edge.calls.route_dial(RouteDial(call=call, dial=wanted.dial, legs=(leg,)))
    await settle()
    await edge.until(lambda: [e for e in edge.events("call.ended") if e.call == leg.call])
    assert next(e for e in edge.events("call.ended") if e.call == leg.call).cause == 47
    assert edge.lines[TWO].dialled == []
    assert watch.facts == []


async def test_the_sound_of_a_call_is_judged_after_three_seconds(edge, watch):
    for _ in range(2):
        call, voice = await edge.place()
        voice.pick_up()
        await edge.tick(150)
        told = [event for event in edge.events("call.sound") if event.call == call]
        assert [(event.channel, event.verdict) for event in told] == [(ONE, "not_heard")]
        voice.drop(16)
        await ended_of(edge, call)
        edge.lines[ONE].voice = type(voice)()
    assert watch.sounds == [(ONE, "not_heard")] * 2
    assert edge.calls.sounds() == {ONE: "not_heard"}


async def ended_of(edge, call):
    await edge.until(lambda: [event for event in edge.events("call.ended") if event.call == call])
