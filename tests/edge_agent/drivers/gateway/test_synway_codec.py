"""Synway's answers as values: as real boxes write them, with separators in messages, and anything else."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.gateway import synway_codec as codec
from edge_agent.drivers.gateway.box_values import zone_of
from edge_agent.drivers.gateway.synway_codec import Inbox, ReceivedSms, TaskState, TaskStates
from telecore.errors import DeviceRefused, RemoteProtocolError
from telecore.model import ChannelState

STATES = TaskStates(frozenset({"1"}), frozenset({"2"}), frozenset({"3", "4"}))


def test_what_is_sent():
    assert codec.send_sms(1, "+855", "hi") == {
        "event": "txsms", "userid": "0", "num": "+855", "port": "1", "encoding": "0", "smsinfo": "hi",
    }  # fmt: skip
    assert [codec.send_sms(1, "1", text)["encoding"] for text in ("ភ", "é", "`", "a")] == ["8", "8", "8", "0"]
    assert codec.received_since("1", "2", [1, 3])["port"] == "1,3"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"result": "error", "content": "no such port"}, DeviceRefused),
        ({"result": "", "content": "x"}, RemoteProtocolError),
        ({}, RemoteProtocolError),
        ([], RemoteProtocolError),
        ("ok", RemoteProtocolError),
    ],
)
def test_answers_that_say_no(answer, error):
    with pytest.raises(error):
        codec.content(answer)


def test_answers():
    assert codec.content({"result": "ok", "content": "x"}) == "x"
    assert codec.content({"result": "OK", "content": None}) == ""
    assert codec.read_states("total:4;portstate:0,3,11,x;", 1) == {1: 0, 2: 3, 3: 11}
    assert codec.read_states("total:2;ConnectState:1, 5", 0) == {0: 1, 1: 5}
    assert codec.read_states("nonsense", 1) == {}
    assert codec.read_identities("2:89860058111551226470.3:89860058111551226471.") == {
        2: "89860058111551226470", 3: "89860058111551226471",
    }  # fmt: skip
    assert codec.read_identities("total:2;1:+85510000001;2:<NULL>;") == {1: "+85510000001"}
    assert codec.read_task_id("taskid:123") == "123"
    assert codec.read_task_id("queued") is None


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("total:1;2:10086:1", TaskState.WAITING),
        ("total:1;2:10086:2", TaskState.SENT),
        ("taskid:5;2:10086:4;", TaskState.FAILED),
        ("total:1;2:10086:9", TaskState.UNKNOWN),
        ("total:1;2:10086:send success", TaskState.SENT),
        ("no available port", TaskState.FAILED),
        ("send fail", TaskState.FAILED),
        ("", TaskState.WAITING),
    ],
)
def test_tasks(text, state):
    assert codec.read_task(text, STATES)[0] is state


ONE = "2026-05-04 10:00:00:1(C)(-1):+85512:"


def test_an_inbox_as_boxes_write_it():
    text = (
        "total:3;2026-05-04 10:00:00:1(C)(61411990001):+85512:hi; you|me: ok|E;"
        "20260504100100:26(C) (-1):Bank:|E;2026-05-04 10:02:00:2(-1)(-1):123:last|E;"
    )
    assert codec.read_inbox(text).records == (
        ReceivedSms(1, "2026-05-04 10:00:00", "+85512", "hi; you|me: ok"),
        ReceivedSms(26, "20260504100100", "Bank", ""),
        ReceivedSms(2, "2026-05-04 10:02:00", "123", "last"),
    )
    assert codec.read_inbox("total:0;") == codec.read_inbox("") == codec.read_inbox("nonsense") == Inbox()


@pytest.mark.parametrize("text", ["a;b|E;c", "|E", ";", "2026-05-04 10:00:00", "line\nline", "x|E;total:5;", ":(C):"])
def test_one_text_with_separators_in_it(text):
    (record,) = codec.read_inbox(f"total:1;{ONE}{text}|E;").records
    assert record.text == text


def test_nobody_speaks_for_another_by_a_clever_text():
    clever = "x|E;2026-05-04 10:00:01:1(C)(-1):Bank:your PIN please"
    (record,) = codec.read_inbox(f"total:1;{ONE}{clever}|E;").records
    assert (record.sender, record.text) == ("+85512", clever)
    inbox = codec.read_inbox(f"total:2;{ONE}{clever}|E;2026-05-04 10:00:02:1(C)(-1):1:y|E;")
    assert inbox.records == ()
    assert "Bank" in inbox.doubtful
    assert inbox.stamps == ("20260504100000", "20260504100001", "20260504100002")


def test_both_ways_of_writing_a_time_are_one_key():
    one, other = ReceivedSms(1, "2026-05-04 10:00:00", "1", "x"), ReceivedSms(1, "20260504100000", "1", "x")
    assert one.key == other.key
    assert one.sent_at(zone_of("+07:00")).isoformat() == "2026-05-04T03:00:00+00:00"
    assert ReceivedSms(1, "20269999999999", "1", "x").sent_at(None) is None


@pytest.mark.parametrize(
    ("port", "connected", "state"),
    [
        (0, 1, ChannelState.REGISTERED), (0, 5, ChannelState.REGISTERED), (0, 3, ChannelState.DENIED),
        (0, 2, ChannelState.SEARCHING), (0, 0, ChannelState.SEARCHING), (0, 4, ChannelState.SEARCHING),
        (11, 0, ChannelState.FAULTY), (11, None, ChannelState.FAULTY), (0, None, ChannelState.REGISTERED),
        (None, None, ChannelState.SEARCHING),
    ],
)  # fmt: skip
def test_states(port, connected, state):
    assert codec.state_of(port, connected)[0] is state


PIECES = st.sampled_from([ONE, "|E;", ";", ":", "total:2;", "2026-05-04 10:00:00:1", "(C)", "portstate:", "taskid:"])


@given(st.lists(PIECES | st.text(max_size=6), max_size=20).map("".join))
def test_any_text_gives_values(text):
    codec.read_inbox(text)
    codec.read_inbox(f"total:2;{text}")
    codec.read_states(text, 1)
    codec.read_identities(text)
    codec.read_task(text, STATES)


@given(
    st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5)
)
def test_any_json_gives_a_text_or_an_error(value):
    with suppress(RemoteProtocolError, DeviceRefused):
        codec.content(value)


def test_a_long_inbox_is_read_in_no_time():
    assert len(codec.read_inbox("total:5000;" + f"{ONE}{'x' * 100}|E;" * 5000).records) == 5000
    codec.read_inbox("total:1;" + "2026-05-04 10:00:00:1" * 20_000)
    codec.read_inbox("total:1;" + "2026-05-04 10:00:00:1" + "()" * 50_000)
