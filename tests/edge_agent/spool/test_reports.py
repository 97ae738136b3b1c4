"""Status reports find their submit, whatever comes early, late, twice, or under a reference that was used before."""

from __future__ import annotations

import json
import sqlite3

import pytest

from edge_agent.contracts import StatusReport, SubmitRef
from edge_agent.spool import reports, submits
from edge_agent.spool.schema import migrate
from telecore.commands import SendMessage

CHANNEL = "site-1/modem1"
TO = "+85512345678"
DELIVERED, TRYING, GAVE_UP, TEMPORARY_GAVE_UP = 0x00, 0x20, 0x46, 0x62


@pytest.fixture
def db():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    yield connection
    connection.close()


def send(db, number, *refs, to=TO):
    """A message whose segments got these references."""
    command = SendMessage(message=f"SM{number:032x}", channel=CHANNEL, to=to, body="x")
    assert submits.accept(db, command, 0.0)
    assert submits.begin(db, submits.Begun(command.message))
    for segment, ref in enumerate(refs):
        submits.segment_sent(db, command.message, SubmitRef(ref, segment, len(refs)), 0.0)
    return command.message


def report(db, ref, status=DELIVERED, *, key=None, recipient=TO):
    reports.store(db, StatusReport(CHANNEL, key or f"{ref}/{status}", ref, recipient, status, None), 0.0)


def told(db):
    """What the cloud hears after the submit, as (message, kind)."""
    rows = [
        (kind, json.loads(payload)) for kind, payload in db.execute("SELECT kind, payload FROM outbox ORDER BY seq")
    ]
    return [(event["message"], kind) for kind, event in rows if kind != "message.submitted"]


@pytest.mark.parametrize("status", [0x20, 0x21, 0x25, 0x30, 0x3F])
def test_a_temporary_status_is_no_end(db, status):
    message = send(db, 1, 5)
    report(db, 5, status)
    assert told(db) == []
    report(db, 5, DELIVERED)
    assert told(db) == [(message, "message.delivered")]


@pytest.mark.parametrize("status", [0x40, 0x46, 0x5F, 0x60, 0x62, 0x7F])
def test_who_has_given_up_has_failed(db, status):
    message = send(db, 1, 5)
    report(db, 5, status)
    assert told(db) == [(message, "message.failed")]


DAY = 24 * 3600.0


def test_a_report_ends_a_message_within_seven_days_and_not_later(db):
    early, late = send(db, 1, 5), send(db, 2, 6)
    submits.tidy(db, 6.9 * DAY)
    report(db, 5)
    assert told(db) == [(early, "message.delivered")]
    submits.tidy(db, 7.1 * DAY)
    report(db, 6)
    again = send(db, 3, 6)
    assert told(db) == [(early, "message.delivered")], f"neither {late} nor {again}"


def test_a_week_without_a_report_tells_nothing(db):
    message = send(db, 1, 5)
    for day in range(9):
        submits.tidy(db, day * DAY)
        reports.tidy(db, day * DAY)
    assert told(db) == []
    kinds = [kind for (kind,) in db.execute("SELECT kind FROM outbox")]
    assert kinds == ["message.submitted"], message


def test_references_wrap_within_a_message_and_after_256_of_them(db):
    long = send(db, 1, 254, 255, 0)
    for ref in (0, 255, 254):
        report(db, ref)
    assert told(db) == [(long, "message.delivered")]
    again = send(db, 2, 254)
    assert told(db) == [(long, "message.delivered")], "a report of the round before says nothing of this one"
    report(db, 254, key="later")
    assert told(db)[1:] == [(again, "message.delivered")]


def test_the_same_reference_to_somebody_else(db):
    one, other = send(db, 1, 9), send(db, 2, 9, to="+85599000000")
    report(db, 9, GAVE_UP, recipient="099000000")  # the national form of the other
    assert told(db) == [(other, "message.failed")]
    report(db, 9)
    assert told(db)[1:] == [(one, "message.delivered")]


def test_a_report_before_its_submit_is_known_and_the_same_twice(db):
    command = SendMessage(message=f"SM{1:032x}", channel=CHANNEL, to=TO, body="x")
    submits.accept(db, command, 0.0)
    submits.begin(db, submits.Begun(command.message))
    report(db, 3)
    report(db, 3)
    assert told(db) == []
    submits.segment_sent(db, command.message, SubmitRef(3, 0, 1), 0.0)
    assert told(db) == [(command.message, "message.delivered")]
    report(db, 3)
    assert len(told(db)) == 1


def test_a_report_of_nothing_we_sent(db):
    report(db, 77, TEMPORARY_GAVE_UP)
    assert told(db) == []
