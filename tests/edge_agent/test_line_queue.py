"""Which message is next: the rules in a table, and against a slow reading of them at random."""

from __future__ import annotations

from random import Random

import pytest

from edge_agent.line_queue import LineQueue
from edge_agent.spool import QueuedSms
from edge_agent.submit_rules import Expire, Sleep, Submit, Waiting
from telecore.commands import SendMessage
from telecore.ids import ChannelId, MessageSid


def waiting(sid, to, *, due=0.0, deadline=None, urgent=False):
    command = SendMessage(message=MessageSid(sid), channel=ChannelId("e/m"), to=to, body="x", urgent=urgent)
    return Waiting(QueuedSms(command), due, deadline)


A, B = waiting("SM10", "+1"), waiting("SM11", "+2")
LATER = waiting("SM12", "+1", due=110.0)
DYING = waiting("SM13", "+4", deadline=105.0)
WARNING = waiting("SM15", "+1", urgent=True)
DEAD = waiting("SM14", "+5", deadline=99.0)


def queue_of(*entries):
    queue = LineQueue()
    for entry in entries:
        queue.put(entry)
    return queue


@pytest.mark.parametrize(
    ("entries", "ready", "step"),
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
def test_what_is_next(entries, ready, step):
    assert queue_of(*entries).next(100.0, ready=ready) == step


def test_nobody_overtakes_what_is_under_way_to_the_same_recipient():
    second = waiting("SM16", "+1")
    queue = queue_of(A, second, B)
    queue.take(A)
    assert queue.next(0.0, ready=True) == Submit(B)
    queue.take(B)
    assert queue.next(0.0, ready=True) == Sleep(None)
    queue.done(MessageSid("SM10"))
    assert queue.next(0.0, ready=True) == Submit(second)


def test_what_is_put_back_stands_where_it_stood():
    queue = queue_of(A, B)
    queue.take(A)
    again = waiting("SM10", "+1", due=5.0)
    queue.put_back(again)
    assert queue.next(0.0, ready=True) == Submit(B)
    assert queue.next(5.0, ready=True) == Submit(again)
    assert len(queue) == 2


def test_a_message_is_queued_once():
    queue = queue_of(A, A)
    assert len(queue) == 1
    queue.take(A)
    queue.put(A)
    assert len(queue) == 0


def slow_next(order, busy, now):
    """The same rules, by looking at each."""
    ahead = set(busy)
    for entry in sorted(order, key=lambda entry: not entry.sms.command.urgent):
        if entry.due <= now and entry.sms.command.to not in ahead:
            return entry
        ahead.add(entry.sms.command.to)
    return None


def test_against_a_slow_reading_of_the_rules():
    random = Random(4)
    for _ in range(150):
        queue, order, places, taken, now = LineQueue(), [], {}, {}, 0.0
        for number in range(60):
            now += random.random()
            if random.random() < 0.5:
                due, to = random.choice([0, now + 2]), f"+{random.randrange(4)}"
                fresh = waiting(f"SM{number}", to, due=due, urgent=random.random() < 0.2)
                queue.put(fresh)
                order.append(fresh)
                places[fresh.sms.command.message] = number
            if taken and random.random() < 0.6:
                sid = random.choice(list(taken))
                gone = taken.pop(sid)
                if random.random() < 0.3:
                    again = Waiting(gone.sms, now + random.choice([0, 1]))
                    queue.put_back(again)
                    order.append(again)
                    order.sort(key=lambda entry: places[entry.sms.command.message])
                else:
                    queue.done(sid)
            busy = {entry.sms.command.to for entry in taken.values()}
            expected = slow_next(order, busy, now)
            step = queue.next(now, ready=True)
            assert (step.waiting if isinstance(step, Submit) else None) == expected
            if expected is not None and random.random() < 0.8:
                queue.take(expected)
                order.remove(expected)
                taken[expected.sms.command.message] = expected
        assert len(queue) == len(order)
