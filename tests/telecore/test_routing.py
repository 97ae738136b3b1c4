"""Every objection once, the order of preference, and that a decision explains itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from telecore.ids import E164, ChannelId, EdgeId
from telecore.model import ChannelState, ChannelStatus, Service, SignalLevel
from telecore.routing import LASTING, PASSING, Candidate, Decision, RouteRequest, Rules, decide
from telecore.sim_health import Health, HealthState, Usage

EDGE = EdgeId("site-1")
FROM = E164("+85510000001")


def candidate(name: str = "modem1", **changes) -> Candidate:
    status_fields = {key: changes.pop(key) for key in list(changes) if key in ChannelStatus.__dataclass_fields__}
    edge = changes.get("edge", EDGE)
    status = ChannelStatus(ChannelId(f"{edge}/{name}"), ChannelState.REGISTERED, 0.0, frozenset(Service))
    fields = {"edge": EDGE, "connected": True, "number": FROM} | changes
    return Candidate(status=replace(status, **status_fields), **fields)


ASK = RouteRequest(Service.SMS, "+85512000001", sender=FROM, waits=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"number": E164("+85510000002")}, "another number"),
        ({"number": None}, "another number"),
        ({"connected": False}, "not connected"),
        ({"state": ChannelState.SEARCHING, "reason": "no network"}, "is searching: no network"),
        ({"state": ChannelState.LOCKED}, "is locked"),
        ({"offers": frozenset({Service.VOICE})}, "does not offer sms"),
        ({"down": frozenset({Service.SMS}), "reason": "calls only: silent"}, "has no sms now: calls only: silent"),
        ({"sent_today": 200}, "daily limit of 200"),
    ],
)
def test_each_objection_is_named(changes, words):
    decision = decide(ASK, Rules(sms_per_day=200), [candidate(**changes)])
    assert decision.chosen is None
    ((channel, reason),) = decision.passed_over
    assert channel == "site-1/modem1"
    assert words in reason
    assert reason in decision.sentence()


def test_busy_stops_a_call_but_not_a_message_that_waits():
    busy = candidate(legs=1)
    assert decide(ASK, Rules(), [busy]).chosen is busy
    call = RouteRequest(Service.VOICE, "+85512000001", sender=FROM)
    assert "busy" in decide(call, Rules(), [busy]).passed_over[0][1]
    assert "busy" in decide(call, Rules(), [candidate(busy_legs=1)]).passed_over[0][1]
    assert decide(call, Rules(legs=2), [busy]).chosen is busy


def test_of_very_many_channels_a_sentence_tells_the_first():
    call = RouteRequest(Service.VOICE, "+85512000001")
    busy = [candidate(f"modem{n}", legs=1) for n in range(4000)]
    decision = decide(call, Rules(), busy)
    assert len(decision.passed_over) == 4000
    for said in (decision.sentence(), decision.outline()):
        assert said.count("is busy with a call") == 20
        assert said.endswith("; and 3980 more)")


def test_a_trunk_carries_as_many_calls_as_it_may_from_any_of_its_numbers():
    second = E164("+85523000002")
    trunk = candidate(number=None, numbers=(E164("+85523000001"), second), capacity=3, legs=2)
    call = RouteRequest(Service.VOICE, "+85512000001", sender=second)
    assert decide(call, Rules(), [trunk]).chosen is trunk
    full = replace(trunk, legs=3)
    assert "busy with 3 calls" in decide(call, Rules(), [full]).passed_over[0][1]
    assert decide(replace(call, sender=FROM), Rules(), [trunk]).chosen is None


def test_a_dial_stays_at_its_edge_if_it_can():
    ask = RouteRequest(Service.VOICE, "+85512000001", near=EDGE)
    far = candidate(edge=EdgeId("site-2"))
    near = candidate("modem2", number=E164("+85510000002"), usage=Usage(minutes_day=50.0))
    decision = decide(ask, Rules(), [far, near])
    assert decision.chosen is near
    assert decision.passed_over == (("site-2/modem1", "may, but site-1/modem2 is better"),)
    busy = replace(near, legs=1)
    decision = decide(ask, Rules(), [busy, far])
    assert decision.chosen is far
    farther = candidate("modem3", edge=EdgeId("site-3"))
    assert decide(ask, Rules(), [busy, far, farther]).because == "none of edge site-1 may"
    assert decide(replace(ask, prefer=far.channel), Rules(), [near, far]).chosen is far


def test_the_preferred_then_the_least_used_then_the_best_heard():
    ask = RouteRequest(Service.SMS, "+85512000001", waits=True)
    tired, fresh = candidate("a", sent_today=5), candidate("b", sent_today=1, signal=SignalLevel(-90))
    loud = candidate("c", sent_today=1, signal=SignalLevel(-60))
    for order in permutations([tired, fresh, loud]):
        assert decide(ask, Rules(), order).chosen is loud
        assert decide(replace(ask, prefer=tired.channel), Rules(), order).chosen is tired
    because = decide(replace(ask, prefer=tired.channel), Rules(), [tired, fresh]).because
    assert because == "the channel asked for"


def test_nothing_at_all_and_a_foreign_sender_read_differently():
    assert decide(ASK, Rules(), []).because == "there is no channel at all"
    other = decide(ASK, Rules(), [candidate(number=E164("+85510000009"))])
    assert other.because == "no channel has the SIM of the sender's number"
    assert "now" in decide(ASK, Rules(), [candidate(connected=False)]).because


def test_a_customer_is_not_told_what_a_device_said():
    one, two, where = ChannelId("s/one"), ChannelId("s/two"), "/dev/serial/by-id/usb-1: no such port"
    absent = Decision(None, "no channel may carry this voice now", ((one, f"is absent: {where}"), (two, "is busy")))
    assert where in absent.sentence()
    assert absent.outline() == f"no channel may carry this voice now ({one}: is absent; {two}: is busy)"


def well(state: HealthState, share: int = 0, **more) -> Health:
    return Health(state, 0.0, "cause 50: twice", share, **more)


@pytest.mark.parametrize("state", sorted(LASTING))
def test_a_sim_that_no_waiting_mends_is_refused_at_once(state):
    decision = decide(ASK, Rules(), [candidate(health=well(state))])
    assert (decision.chosen, decision.lasting) == (None, True)
    assert state.value.replace("_", " ") in decision.sentence()
    assert "cause 50" in decision.sentence()
    assert "cause 50" not in decision.outline()
    away = decide(ASK, Rules(), [candidate(health=well(state), connected=False, state=ChannelState.LOCKED)])
    assert away.lasting


@pytest.mark.parametrize("state", sorted(PASSING))
def test_a_message_waits_at_the_edge_for_a_sim_that_rests_but_a_call_does_not(state):
    resting = candidate(health=well(state))
    assert decide(ASK, Rules(), [resting]).chosen is resting
    refused = decide(replace(ASK, service=Service.VOICE, waits=False), Rules(), [resting])
    assert (refused.chosen, refused.lasting) == (None, False)
    assert f"({state})" in refused.sentence()


def test_a_warning_goes_above_quotas_but_not_above_a_person():
    call = RouteRequest(Service.VOICE, "+85512000001", sender=FROM, urgent=True)
    for state in (HealthState.QUOTA, HealthState.EXHAUSTED, HealthState.SUSPECT_BLOCKED, HealthState.COOLDOWN):
        assert decide(call, Rules(), [candidate(health=well(state))]).chosen is not None
        assert decide(call, Rules(), [candidate(health=well(state, forced=True))]).chosen is None
    assert decide(call, Rules(), [candidate(health=well(HealthState.RETIRED))]).lasting


def test_another_number_is_no_lasting_refusal_and_one_good_sim_is_enough():
    bad = candidate("bad", health=well(HealthState.RETIRED))
    good = candidate("good", health=well(HealthState.HEALTHY, 100))
    assert decide(ASK, Rules(), [bad, good]).chosen is good
    assert not decide(ASK, Rules(), [candidate(number=E164("+85510000002"))]).lasting
    foreign = candidate("other", number=E164("+85510000002"))
    assert decide(ASK, Rules(), [bad, foreign]).lasting


def test_a_degraded_sim_comes_after_a_healthy_one_and_probation_gets_its_share():
    ask = RouteRequest(Service.SMS, "+85512000001", waits=True)
    healthy = candidate("z", health=well(HealthState.HEALTHY, 100))
    trial = candidate("a", health=well(HealthState.PROBATION, 10))
    assert decide(ask, Rules(), [trial, healthy]).chosen is healthy
    assert "probation and gets 10 %" in decide(ask, Rules(), [trial, healthy]).sentence()
    sent = {"site-1/z": 0, "site-1/a": 0}
    for _ in range(110):
        found = [replace(one, status=replace(one.status, sent_today=sent[one.channel])) for one in (healthy, trial)]
        decision = decide(ask, Rules(), found)
        sent[decision.chosen.channel] += 1
        if decision.chosen.channel == "site-1/a":
            assert "gets 10 %" in decision.because
    assert 9 <= sent["site-1/a"] <= 11


def test_calls_go_by_the_minutes_of_the_day():
    call = RouteRequest(Service.VOICE, "+85512000001")
    tired, fresh = candidate("a", usage=Usage(minutes_day=9.5)), candidate("b", usage=Usage(minutes_day=1.0))
    assert decide(call, Rules(), [tired, fresh]).chosen is fresh


def test_among_numbers_of_a_service_the_known_one_goes_first_then_the_rested_then_the_recipients_operator():
    others = [E164(f"+8551000000{n}") for n in range(4)]
    known = candidate("modem1", number=others[0], sent_today=100)
    resting = candidate("modem2", number=others[1], health=Health(HealthState.COOLDOWN, 0.0, "", 0))
    own_net = candidate("modem3", number=others[2], sent_today=50)
    idle = candidate("modem4", number=others[3])
    ask = RouteRequest(Service.SMS, "+85512000001", known=others[0], on_net=frozenset(others[1:3]), waits=True)
    for order in permutations([known, resting, own_net, idle]):
        decision = decide(ask, Rules(), order)
        assert (decision.chosen, decision.because) == (known, "the number that the recipient knows")
    decision = decide(ask, Rules(), [resting, idle, own_net])
    assert (decision.chosen, decision.because) == (own_net, "of the recipient's operator, the best of 3")
    assert decide(ask, Rules(), [resting, idle]).chosen is idle
    assert decide(ask, Rules(), [resting]).chosen is resting
    gone = replace(known, connected=False)
    assert decide(ask, Rules(), [gone, idle]).chosen is idle
