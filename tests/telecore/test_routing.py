"""Every objection once, the order of preference, and that a decision explains itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from telecore.ids import E164, ChannelId, EdgeId
from telecore.model import ChannelState, ChannelStatus, Service, SignalLevel
from telecore.routing import Candidate, Decision, RouteRequest, Rules, decide

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


def test_a_dial_stays_at_its_edge():
    ask = RouteRequest(Service.VOICE, "+85512000001", edge=EDGE)
    far = candidate(edge=EdgeId("site-2"))
    near = candidate("modem2", number=E164("+85510000002"))
    decision = decide(ask, Rules(), [far, near])
    assert decision.chosen is near
    assert decision.passed_over == (("site-2/modem1", "is at another edge"),)
    assert decision.because == "the only channel that may"


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
