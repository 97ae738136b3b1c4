"""References that are texts stay what they are, whatever they look like to SQLite, and find their submit."""

from __future__ import annotations

import json
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.contracts import SmsPart, StatusReport, SubmitRef
from edge_agent.spool import parts, reports, schema, submits
from edge_agent.spool.refs import from_column, to_column
from edge_agent.spool.schema import MIGRATIONS, migrate
from telecore.commands import SendMessage

CHANNEL = "site-1/smsc"
TO = "+85512345678"


@pytest.fixture
def db():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    yield connection
    connection.close()


def begin(db, number, to=TO, segments=0):
    command = SendMessage(message=f"SM{number:032x}", channel=CHANNEL, to=to, body="x" * 400)
    assert submits.accept(db, command, 0.0)
    assert submits.begin(db, submits.Begun(command.message, segments))
    return command.message


def send(db, number, ref, to=TO):
    message = begin(db, number, to)
    submits.segment_sent(db, message, SubmitRef(ref, 0, 1), 0.0)
    return message


def report(db, ref, *others, status=0, to=TO):
    reports.store(db, StatusReport(CHANNEL, f"{ref}/{status}", ref, to, status, None, others), 0.0)


def told(db, kind="message.delivered"):
    rows = db.execute("SELECT payload FROM outbox WHERE kind = ? ORDER BY seq", (kind,)).fetchall()
    return [json.loads(payload) for (payload,) in rows]


def delivered(db):
    return [row["message"] for row in told(db)]


REFS = ["00123", "123", "12345678901234567890123", "1e5", "100000", " 7", "0x1F", "abc", "", "3.0", "-5", ":x", "#9"]


@pytest.mark.parametrize("ref", [*REFS, 123, 0, 255, -1, 2**63 - 1, 2**63, 2**70])
def test_a_reference_comes_back_as_it_went_in(db, ref):
    send(db, 1, ref)
    assert told(db, "message.submitted")[0]["refs"] == [ref]


@given(st.one_of(st.text(), st.integers()))
def test_whatever_it_is(ref):
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE t (ref INTEGER)")
    if isinstance(ref, str) and any("\ud800" <= char <= "\udfff" for char in ref):
        return
    db.execute("INSERT INTO t VALUES (?)", (to_column(ref),))
    (value,) = db.execute("SELECT ref FROM t").fetchone()
    assert from_column(value) == ref
    db.close()


def test_no_two_are_folded_into_one(db):
    messages = {ref: send(db, number, ref) for number, ref in enumerate(REFS)}
    for ref, message in messages.items():
        report(db, ref)
        assert delivered(db)[-1] == message
    assert len(delivered(db)) == len(REFS)


def test_the_number_and_the_text_of_it_are_two(db):
    send(db, 1, 77)
    report(db, "77")
    assert delivered(db) == []


def test_another_writing_of_the_ref_finds_it(db):
    message = send(db, 1, "1a2b")
    report(db, "6699", "1a2b")
    assert delivered(db) == [message]


def test_another_writing_counts_only_where_the_ref_itself_is_nobodys(db):
    ten, sixteen = send(db, 1, "10"), send(db, 2, "16")
    report(db, "10", "16", status=0x30)
    report(db, "10", "16")
    report(db, "10", "16", status=0x01)
    assert delivered(db) == [ten]
    report(db, "16", "22")
    assert delivered(db) == [ten, sixteen]


@pytest.mark.parametrize("told_as", [("1a2b",), ("6699", "zz", "1a2b")])
def test_a_report_that_overtakes_the_answer(db, told_as):
    message = begin(db, 1)
    report(db, *told_as)
    submits.segment_sent(db, message, SubmitRef("1a2b", 0, 1), 0.0)
    assert delivered(db) == [message]


def test_part_of_a_writing_is_not_the_writing(db):
    message = begin(db, 1)
    report(db, "x", "1a2b3", "01a2b")
    submits.segment_sent(db, message, SubmitRef("1a2b", 0, 1), 0.0)
    assert delivered(db) == []


def test_what_was_interrupted_is_known_by_its_report(db):
    message = begin(db, 1, segments=1)
    assert submits.doubt(db, message, 0.0), "400 characters, but the line says one segment"
    report(db, "00ff")
    submits.recognise(db, 0.0)
    assert told(db, "message.submitted")[0]["refs"] == ["00ff"]
    assert delivered(db) == [message]


def test_a_file_of_an_older_agent_goes_on(monkeypatch):
    db = sqlite3.connect(":memory:", isolation_level=None)

    monkeypatch.setattr(schema, "MIGRATIONS", MIGRATIONS[:3])
    migrate(db)
    monkeypatch.undo()
    db.execute(
        "INSERT INTO submits (message, command, channel, tail, payload, state, segment, segments, attempts, mark, at)"
        " VALUES ('SM1', 'c', ?, '2345678', '{}', 'submitted', 1, 1, 0, 0, 0)",
        (CHANNEL,),
    )
    db.execute(
        "INSERT INTO submit_refs (message, segment, channel, ref, tail, at) VALUES ('SM1', 0, ?, 17, '2345678', 0)",
        (CHANNEL,),
    )
    migrate(db)
    report(db, 17)
    assert delivered(db) == ["SM1"]
    db.close()


def part(key="k", same_for_s=600.0):
    return SmsPart(CHANNEL, key, "+85512000001", "1", None, same_for_s=same_for_s)


def test_the_same_words_later_are_another_message(db):
    assert parts.store(db, part(), None, 1000.0) is not None
    assert parts.store(db, part(), None, 1500.0) is None
    assert parts.store(db, part(), None, 2200.0) is not None
    assert parts.store(db, part(), None, 2300.0) is None
    assert parts.store(db, part(same_for_s=None), None, 9000.0) is None
