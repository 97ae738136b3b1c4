"""How a line stands: every mix of what SIP and the box's own tongue say."""

from __future__ import annotations

import pytest

from edge_agent.contracts import RadioStatus
from edge_agent.drivers.gateway.line_state import Known, stands
from edge_agent.drivers.sip.peer import LineState
from telecore.ids import Iccid
from telecore.model import ChannelState, Service, Sim

UP = LineState(up=True, reason="registered", since=0.0)
DOWN = LineState(up=False, reason="not registered with us", since=0.0)
SIM = Sim(Iccid("8985500000000000001"))
GOOD = RadioStatus(ChannelState.REGISTERED, SIM)
DENIED = RadioStatus(ChannelState.DENIED, SIM, reason="the network refuses it")
VOICE, TEXTS = frozenset({Service.VOICE}), frozenset({Service.SMS, Service.USSD})


@pytest.mark.parametrize(
    ("known", "state", "without", "words"),
    [
        (Known(managed=True, sip=UP, radio=GOOD), ChannelState.REGISTERED, frozenset(), ""),
        (Known(managed=True, sip=DOWN, radio=GOOD), ChannelState.REGISTERED, VOICE, "no calls: not registered with us"),
        (Known(managed=True, sip=None, radio=GOOD), ChannelState.REGISTERED, VOICE, "nothing heard of its SIP"),
        (Known(managed=True, sip=UP, radio=DENIED), ChannelState.DENIED, frozenset(), "the network refuses it"),
        (Known(managed=True, sip=DOWN, radio=DENIED), ChannelState.DENIED, VOICE, "refuses it; no calls"),
        (Known(managed=True, sip=UP, lost="silent"), ChannelState.REGISTERED, TEXTS, "calls only: silent"),
        (Known(managed=True, sip=UP, radio=GOOD, lost="silent"), ChannelState.REGISTERED, TEXTS, "calls only: silent"),
        (Known(managed=True, sip=DOWN, lost="silent"), ChannelState.FAULTY, frozenset(), "silent; not registered"),
        (Known(managed=True, sip=None, lost="silent"), ChannelState.FAULTY, frozenset(), "silent"),
        (Known(managed=True), ChannelState.SEARCHING, frozenset(), "has not answered yet"),
        (Known(managed=False), ChannelState.SEARCHING, frozenset(), "nothing heard"),
        (Known(managed=False, sip=UP), ChannelState.REGISTERED, frozenset(), ""),
        (Known(managed=False, sip=DOWN), ChannelState.FAULTY, frozenset(), "not registered with us"),
    ],
)
def test_a_line(known, state, without, words):
    status = stands(known)
    assert (status.state, status.without) == (state, without)
    assert words in status.reason
    assert bool(words) == bool(status.reason)


def test_the_sim_is_remembered_while_the_box_is_silent():
    assert stands(Known(managed=True, sip=UP, radio=GOOD, lost="silent")).sim == SIM
