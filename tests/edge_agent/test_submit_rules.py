"""Which message next, and what a refusal means: pure tables."""

import pytest

from edge_agent.contracts import Permit
from edge_agent.spool import QueuedSms
from edge_agent.submit_rules import (
    Again,
    GiveUp,
    Refuse,
    Wait,
    Waiting,
    admit,
    judge,
)
from telecore.commands import SendMessage
from telecore.errors import Busy, DeviceRefused, RemoteProtocolError
from telecore.ids import ChannelId, MessageSid


def waiting(sid="SM1", to="+1", *, due=0.0, deadline=None, attempts=0, setbacks=0, urgent=False):
    command = SendMessage(message=MessageSid(sid), channel=ChannelId("e/m"), to=to, body="x", urgent=urgent)
    return Waiting(QueuedSms(command, attempts=attempts), due, deadline, setbacks)


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


@pytest.mark.parametrize(
    ("code", "attempts", "delay"),
    [(0x58, 0, 1), (0x58, 3, 10), (0x58, 60, 30), (0x14, 2, 30), (0x08, 0, 10), (0x45, 1, 60), (0x64, 4, 300)],
)
def test_refusals_of_an_smsc_that_are_tried_again(code, attempts, delay):
    verdict = judge(DeviceRefused("smpp", code), waiting(attempts=attempts), 100.0)
    assert isinstance(verdict, Again)
    assert (verdict.waiting.due, verdict.refused) == (100.0 + delay, True)


@pytest.mark.parametrize(
    ("code", "attempts", "twilio"),
    [
        (0x0B, 0, 21211),
        (0x0A, 0, 21212),
        (0x01, 0, 21617),
        (0x66, 0, 30007),
        (0x65, 0, 30003),
        (0x58, 64, 30001),
        (0x08, 3, 30008),
        (0x04, 0, 30008),
        (0x42A, 0, 30008),
        (None, 0, 30008),
        # With a modem these numbers mean a network in trouble, which is asked again.
        (0x29, 0, 30008),
        (0x2A, 0, 30008),
    ],
)
def test_refusals_of_an_smsc_that_are_not(code, attempts, twilio):
    verdict = judge(DeviceRefused("smpp", code), waiting(attempts=attempts), 100.0)
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
