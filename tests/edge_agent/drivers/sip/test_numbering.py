"""Who calls and who is called, wherever a box writes it; keys by INFO; texts of MESSAGEs."""

from __future__ import annotations

import pytest

from edge_agent.drivers.sip.info import read_key, write_key
from edge_agent.drivers.sip.message import Received, parse
from edge_agent.drivers.sip.numbering import parties, write_number
from edge_agent.drivers.sip.settings import LineSettings, SipQuirks
from edge_agent.drivers.sip.texts import is_text, text_of
from tests.fakes.sip_site import LINE1, request

LINE = LineSettings(LINE1, "goip01")


def invite(*lines: str, sender: str = "<sip:goip01@x>;tag=1", uri: str = "sip:1000@x") -> Received:
    return parse(request("INVITE", 5060, *lines, sender=sender, uri=uri).encode())


@pytest.mark.parametrize(
    ("where", "lines", "sender", "caller"),
    [
        ("from", (), "<sip:+85512345678@x>;tag=1", "+85512345678"),
        ("from", (), '"012345678" <sip:goip01@x>;tag=1', "+85512345678"),
        ("from", ("P-Asserted-Identity: <tel:+85512345678>",), "<sip:goip01@x>;tag=1", "+85512345678"),
        ("pai", ('P-Asserted-Identity: "x" <sip:+85599999999@x>',), "<sip:012345678@x>;tag=1", "+85599999999"),
        ("rpid", ("Remote-Party-ID: <sip:+85599999999@x>;party=calling",), "<sip:0@x>;tag=1", "+85599999999"),
        ("display", (), '"+85512345678" <sip:goip01@x>;tag=1', "+85512345678"),
        ("from", (), "Anonymous <sip:anonymous@anonymous.invalid>;tag=1", None),
        ("from", ("Privacy: id", "P-Asserted-Identity: <sip:+85512345678@x>"), "<sip:anonymous@x>;tag=1", None),
        ("from", (), '"Sok" <sip:goip01@x>;tag=1', None),
        ("from", (), "<sip:1333@x>;tag=1", "1333"),
        ("from", (), "<sip:SMART@x>;tag=1", "SMART"),
        ("from", (), "<sip:+85512345678;npdi@x>;tag=1", "+85512345678"),
    ],
)
def test_the_caller(where: str, lines: tuple[str, ...], sender: str, caller: str | None) -> None:
    found = parties(invite(*lines, sender=sender), LINE, SipQuirks(caller_from=where, country="855"))
    assert found.caller == caller


def test_the_number_that_was_called() -> None:
    assert parties(invite(uri="sip:+85510000001@x"), LINE, SipQuirks()).called == "+85510000001"
    assert parties(invite(uri="sip:85510000001@x"), LINE, SipQuirks(number_format="digits")).called == "+85510000001"
    assert parties(invite(uri="sip:1000@x"), LINE, SipQuirks()).called is None


def test_how_numbers_are_written() -> None:
    assert write_number("+85512345678", SipQuirks(number_format="national", country="855")) == "012345678"
    assert write_number("+6612345678", SipQuirks(number_format="national", country="855")) == "+6612345678"
    assert write_number("1333", SipQuirks(number_format="digits")) == "1333"


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", b"Signal= #\r\n", "#"),
        ("Application/DTMF-Relay; charset=x", b"signal: 11", "#"),
        ("application/dtmf-relay", b"Signal=10", "*"),
        ("application/dtmf-relay", b"Signal=15", "D"),
        ("application/dtmf", b"9", "9"),
        ("application/dtmf", b" a ", "A"),
        ("application/dtmf", b"16", None),
        ("application/dtmf-relay", b"Signal=", None),
        ("application/dtmf-relay", b"Signal=99", None),
        ("text/plain", b"5", None),
    ],
)
def test_keys_by_info(kind: str, body: bytes, key: str | None) -> None:
    assert read_key(kind, body) == key


def test_keys_are_written_as_they_are_read() -> None:
    for key in "0123456789*#ABCD":
        assert read_key("application/dtmf-relay", write_key(key)) == key


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("text/plain", "ជំរាបសួរ".encode(), "ជំរាបសួរ"),
        ("text/plain;charset=UTF-8", b"hi", "hi"),
        ("text/plain", b"caf\xe9", "café"),
        ('text/plain; charset="iso-8859-1"', b"caf\xe9", "café"),
        ("text/plain;charset=utf-16be", "ខ្មែរ".encode("utf-16-be"), "ខ្មែរ"),
        ("text/plain;charset=nonsense", b"x", "x"),
        ("", b"x", "x"),
    ],
)
def test_texts(kind: str, body: bytes, text: str) -> None:
    lines = [f"Content-Type: {kind}"] if kind else []
    head = request("MESSAGE", 5060, *lines).replace("Content-Length: 0", f"Content-Length: {len(body)}")
    received = parse(head.encode() + body)
    assert is_text(received)
    assert text_of(received) == text
