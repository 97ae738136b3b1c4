"""The books see what they are for: each kind of loss, doubling and untruth, and nothing where all is well."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.books import Books, Facts, Told

OUT, IN, HANDSET, SIM = "out 1", "in 1", "+855120", "+855100"


def message(
    sid: str, body: str, status: str, direction: str = "outbound-api", code: int | None = None
) -> dict[str, Any]:
    return {"sid": sid, "body": body, "status": status, "direction": direction, "error_code": code}


def call(sid: str, status: str, *, inbound: bool = False) -> dict[str, Any]:
    ends = {"from": HANDSET, "to": SIM} if inbound else {"from": SIM, "to": HANDSET}
    times = {"start_time": "x", "end_time": "y", "duration": "3"}
    return {"sid": sid, "status": status, "direction": "inbound" if inbound else "outbound-api", **ends, **times}


def told(hook: str, token: str, **params: str) -> Told:
    return Told(hook, params, token)


BOOKS = Books(
    sms_asked={OUT: HANDSET},
    sms_accepted={OUT: "SM1"},
    sms_in={IN: SIM},
    calls_asked=Counter({HANDSET: 1}),
    calls_accepted={"CA1": HANDSET},
)
LEG = {"id": "1", "state": "ended", "answered_at": "x"}
GOOD = Facts(
    messages=[message("SM1", OUT, "delivered"), message("SM2", IN, "received", "inbound")],
    calls=[call("CA1", "completed"), call("CA2", "completed", inbound=True)],
    inboxes={HANDSET: [OUT]},
    network={"1": LEG | {"from": SIM, "to": HANDSET}, "2": LEG | {"id": "2", "from": HANDSET, "to": SIM}},
    told=[
        told("sms", "t1", Body=IN),
        told("sms_status", "t2", MessageSid="SM1", MessageStatus="sent"),
        told("sms_status", "t3", MessageSid="SM1", MessageStatus="delivered"),
        told("sms_status", "t3", MessageSid="SM1", MessageStatus="delivered"),
        told("call_status", "t4", CallSid="CA1", CallStatus="initiated"),
        told("call_status", "t5", CallSid="CA1", CallStatus="completed"),
        told("call_status", "t6", CallSid="CA2", CallStatus="completed"),
    ],
)
UNKNOWN = [message("SM1", OUT, "failed", code=30008), GOOD.messages[1]]
FAILED = [message("SM1", OUT, "failed", code=30003), GOOD.messages[1]]
END = told("sms_status", "t3", MessageSid="SM1", MessageStatus="failed")
SWAPPED = [*GOOD.told[:1], GOOD.told[2], GOOD.told[1], *GOOD.told[4:]]


def test_good_books_balance() -> None:
    balance = BOOKS.balance(GOOD)
    assert balance.faults == []
    assert (balance.counts["sms_delivered"], balance.counts["callbacks_told_again"]) == (1, 1)


def test_what_is_unknown_may_have_arrived_or_not() -> None:
    ended = [*GOOD.told[:2], END, *GOOD.told[4:]]
    for inbox in ([], [OUT]):
        balance = BOOKS.balance(replace(GOOD, messages=UNKNOWN, told=ended, inboxes={HANDSET: inbox}))
        assert (balance.faults, balance.counts["sms_unknown"]) == ([], 1)


@pytest.mark.parametrize(
    ("facts", "kind", "words"),
    [
        (replace(GOOD, inboxes={HANDSET: []}), "lost", "did not arrive"),
        (replace(GOOD, inboxes={HANDSET: [OUT, OUT]}), "doubled", "arrived 2 times"),
        (replace(GOOD, messages=GOOD.messages[1:]), "lost", "was accepted as SM1 and is not there"),
        (replace(GOOD, messages=[message("SM1", OUT, "sending"), GOOD.messages[1]]), "lost", "is still sending"),
        (replace(GOOD, messages=FAILED), "wrong", "is told as failed (30003) and arrived"),
        (replace(GOOD, messages=GOOD.messages[:1]), "lost", "inbound SMS 'in 1' to +855100 is not there"),
        (replace(GOOD, messages=[*GOOD.messages, message("SM3", IN, "received", "inbound")]), "doubled", "2 records"),
        (replace(GOOD, told=GOOD.told[1:]), "lost", "was never told to the application"),
        (replace(GOOD, told=[*GOOD.told, told("sms", "t9", Body=IN)]), "doubled", "under 2 tokens"),
        (replace(GOOD, told=GOOD.told[:2] + GOOD.told[4:]), "lost", "its final callbacks were []"),
        (replace(GOOD, told=SWAPPED), "wrong", "came as ['delivered', 'sent']"),
        (replace(GOOD, calls=GOOD.calls[1:]), "lost", "call CA1 to +855120 was accepted and is not there"),
        (replace(GOOD, calls=[call("CA1", "in-progress"), GOOD.calls[1]]), "wrong", "is still in-progress"),
        (replace(GOOD, calls=[*GOOD.calls, call("CA3", "failed")]), "doubled", "2 records of calls to it, of 1 asked"),
        (replace(GOOD, network=GOOD.network | {"3": LEG | {"from": SIM, "to": HANDSET}}), "doubled", "dialled 2 times"),
        (replace(GOOD, network={"2": GOOD.network["2"]}), "wrong", "1 completed calls to it, of 0 it answered"),
        (replace(GOOD, calls=GOOD.calls[:1]), "lost", "had 1 calls answered, of which 0 have a record"),
        (replace(GOOD, busy=["CA1"]), "wrong", "a channel is still busy: CA1"),
    ],
)
def test_each_fault_is_seen(facts: Facts, kind: str, words: str) -> None:
    found = getattr(BOOKS.balance(facts), kind)
    assert [sentence for sentence in found if words in sentence], found
