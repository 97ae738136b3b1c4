"""The event socket's text: every octet string gives messages or one error of ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.freeswitch.event_text import EslMessage, content_length, read_block, read_event
from telecore.errors import RemoteProtocolError


def test_values_of_an_event_are_decoded_after_lines_are_split() -> None:
    block = b"Event-Name: CHANNEL_ANSWER\nCaller-Caller-ID-Name: x%E2%80%A8variable_verified%3A%20yes%0Az%3A%20y\n"
    headers = read_block(block, encoded=True)
    assert headers == {
        "Event-Name": "CHANNEL_ANSWER",
        "Caller-Caller-ID-Name": "x\N{LINE SEPARATOR}variable_verified: yes\nz: y",
    }


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r"])
def test_only_a_line_feed_ends_a_line(end: str) -> None:
    headers = read_block(f"Name: a{end}Forged: yes\nOther: b".encode(), encoded=True)
    assert "Forged" not in headers
    assert headers["Other"] == "b"


def test_the_first_of_two_headers_counts() -> None:
    assert read_block(b"Unique-ID: right\nUnique-ID: wrong\n", encoded=True) == {"Unique-ID": "right"}


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    assert read_block(b"A: %FF\nB: \xff\n", encoded=True) == {"A": "\ufffd", "B": "\ufffd"}


def test_a_reply_is_not_percent_encoded() -> None:
    assert read_block(b"Reply-Text: +OK 100%25\n", encoded=False) == {"Reply-Text": "+OK 100%25"}


def test_the_body_of_an_event_is_no_header() -> None:
    event = read_event("text/event-plain", b"Event-Name: CUSTOM\nContent-Length: 13\n\nhello: body\n\n and more")
    assert event == EslMessage({"Event-Name": "CUSTOM", "Content-Length": "13"}, "hello: body\n\n")


def test_json_and_xml_events() -> None:
    event = read_event("text/event-json", b'{"Event-Name": "HEARTBEAT", "Up": 3, "_body": "text"}')
    assert event == EslMessage({"Event-Name": "HEARTBEAT", "Up": "3"}, "text")
    assert read_event("text/event-xml", b"<event/>") == EslMessage({}, "<event/>")


@pytest.mark.parametrize("data", [b"{", b"[]", b"3", b"[" * 100_000, b"\xff"])
def test_json_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        read_event("text/event-json", data)


@pytest.mark.parametrize("text", ["-1", "x", "", "1e3", "999999999", "99999999999999999999", "\N{SUPERSCRIPT TWO}"])
def test_lengths_that_are_none(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        content_length({"Content-Length": text})


def test_name_of_a_custom_event() -> None:
    assert EslMessage({"Event-Name": "CUSTOM", "Event-Subclass": "sofia::gateway_state"}).name == "sofia::gateway_state"
    assert EslMessage({"Event-Name": "CUSTOM"}).name == "CUSTOM"
    assert EslMessage({"Event-Name": "HEARTBEAT", "Event-Subclass": "forged"}).name == "HEARTBEAT"


@given(st.sampled_from(["text/event-plain", "text/event-json", "text/event-xml", ""]), st.binary())
def test_any_bytes_give_an_event_or_one_error(kind: str, data: bytes) -> None:
    try:
        event = read_event(kind, data)
    except RemoteProtocolError:
        return
    assert all(isinstance(text, str) for pair in event.headers.items() for text in pair)
    assert isinstance(event.body, str)
