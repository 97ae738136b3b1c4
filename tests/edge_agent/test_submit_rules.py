"""Which message next, and what a refusal means: pure tables."""

import pytest

from edge_agent.contracts import Permit
from edge_agent.spool import QueuedSms
from edge_agent.submit_rules import (
    Again,
    Expire,
    GiveUp,
    Refuse,
    Sleep,
    Submit,
    Wait,
    Waiting,
    admit,
    judge,
    next_step,
)
from telecore.commands import SendMessage
from telecore.errors import Busy, DeviceRefused, RemoteProtocolError
from telecore.ids import ChannelId, MessageSid


def waiting(sid="SM1", to="+1", *, due=0.0, deadline=None, attempts=0, setbacks=0, urgent=False):
    command = SendMessage(message=MessageSid(sid), channel=ChannelId("e/m"), to=to, body="x", urgent=urgent)
    return Waiting(QueuedSms(command, attempts=attempts), due, deadline, setbacks)


A, B = waiting("SM10", "+1"), waiting("SM11", "+2")
LATER = waiting("SM12", "+1", due=110.0)
DYING = waiting("SM13", "+4", deadline=105.0)
WARNING = waiting("SM15", "+1", urgent=True)
DEAD = waiting("SM14", "+5", deadline=99.0)


@pytest.mark.parametrize(
    ("queue", "ready", "step"),
    [
        ([], True, Sleep(None)),
        ([A, B], True, Submit(A)),
        ([A, B], False, Sleep(None)),
        ([LATER, B], True, Submit(B)),
        ([A, B, WARNING], True, Submit(WARNING)),
        ([LATER, A], True, Sleep(10.0)),
        ([LATER], False, Sleep(None)),
        ([LATER, DYING], False, Sleep(5.0)),
        ([A, DEAD], True, Expire(DEAD)),
        ([DEAD], False, Expire(DEAD)),
    ],
)
def test_next_step(queue, ready, step):
    assert next_step(queue, 100.0, ready=ready) == step


@pytest.mark.parametrize(
    ("code", "attempts", "delay"),
    [
        (41, 0, 10),
        (41, 4, 300),
        (42, 0, 60),
        (38, 2, 300),
        (208, 0, 30),
        (212, 1, 30),
        (314, 0, 2),
        (500, 0, 20),
        (None, 0, 20),
        (322, 1, 60),
        (300, 0, 5),
        (21, 0, 30),
        (310, 0, 5),
    ],
)
def test_refusals_that_are_tried_again(code, attempts, delay):
    verdict = judge(DeviceRefused("cms", code), waiting(attempts=attempts), 100.0)
    assert isinstance(verdict, Again)
    assert (verdict.waiting.due, verdict.waiting.sms.attempts, verdict.refused) == (100.0 + delay, attempts + 1, True)


@pytest.mark.parametrize(
    ("code", "attempts", "twilio"),
    [(41, 5, 30017), (500, 1, 30008), (1, 0, 30005), (50, 0, 30004), (302, 0, 30008), (310, 3, 30008)],
)
def test_refusals_that_are_not(code, attempts, twilio):
    verdict = judge(DeviceRefused("cms", code), waiting(attempts=attempts), 100.0)
    assert isinstance(verdict, GiveUp)
    assert (verdict.code, verdict.uncertain) == (twilio, False)


def test_a_line_that_never_becomes_able_is_given_up():
    verdict = judge(Busy("in use"), waiting(setbacks=2), 100.0)
    assert isinstance(verdict, Again)
    assert not verdict.refused
    assert isinstance(judge(Busy("in use"), waiting(setbacks=59), 100.0), GiveUp)


def test_nonsense_leaves_the_outcome_unknown():
    verdict = judge(RemoteProtocolError("garbage"), waiting(), 0.0)
    assert isinstance(verdict, GiveUp)
    assert verdict.uncertain


@pytest.mark.parametrize(
    ("permit", "deadline", "verdict"),
    [
        (Permit(), None, None),
        (Permit("full", 60.0), None, Wait(160.0)),
        (Permit("full", 60.0), 200.0, Wait(160.0)),
        (Permit("full", 60.0, 30022), 150.0, Refuse(30022, "full; its time runs out before that")),
        (Permit("blocked", None, 30007), None, Refuse(30007, "blocked")),
    ],
)
def test_what_becomes_of_a_message_that_its_sim_may_not_carry(permit, deadline, verdict):
    assert admit(permit, waiting(deadline=deadline), 100.0) == verdict
