"""Messages as gateways really send them, and as we write them."""

from __future__ import annotations

import pytest

from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.intake import response_hop
from edge_agent.drivers.sip.message import (
    Headers,
    Request,
    Response,
    integer,
    mark_via,
    parse,
    parse_via,
    response_to,
)
from edge_agent.drivers.sip.trace import Trace, mask
from edge_agent.drivers.sip.uri import NameAddr, escape, parse_name_addr, parse_uri, shown, sip_uri, unescape
from tests.fakes.sip_site import SDP, request

GOOD = request("INVITE", 5060, body=SDP)


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


TOLERABLE: dict[str, str | bytes] = {
    "LF only": request("INVITE", 5060, body=SDP.replace("\r\n", "\n")).replace("\r\n", "\n"),
    "LF in the head only": GOOD.replace("\r\n", "\n", 9),
    "blank lines before": "\r\n\r\n" + GOOD,
    "folded with a blank": changed("From: <sip", "From:\r\n <sip"),
    "folded with a tab": changed(";tag=f1", "\r\n\t;tag=f1"),
    "blank before the colon": changed("From:", "From :"),
    "tab before the colon": changed("Call-ID:", "Call-ID\t:"),
    "no blank after the colon": changed("CSeq: ", "CSeq:"),
    "compact names": changed("From:", "f:").replace("To:", "t:").replace("Call-ID:", "i:").replace("Via:", "v:"),
    "capital compact names": changed("From:", "F:").replace("Contact:", "M:"),
    "names in capitals": changed("From:", "FROM:").replace("CSeq:", "CSEQ:"),
    "a line without a colon": changed("Max-Forwards: 70", "nonsense"),
    "a header without a value": changed("Max-Forwards: 70", "Subject:"),
    "Content-Length padded": changed("Content-Length: ", "Content-Length:        "),
    "Content-Length that is no number": GOOD[: GOOD.index("Content-Length")] + "Content-Length: x\r\n\r\n" + SDP,
    "no Content-Length": GOOD[: GOOD.index("Content-Length")].rstrip() + "\r\n\r\n" + SDP,
    "an empty display name": changed("From: <", 'From: "" <'),
    "a bare display name": changed("From: <", "From: Sok San <"),
    "an unquoted UTF-8 name": changed("From: <", "From: សុខ <"),
    "a quoted UTF-8 name": changed("From: <", 'From: "សុខ" <'),
    "a Latin-1 name": GOOD.encode().replace(b"From: <", b'From: "Andr\xe9" <'),
    "a name with < and ;": changed("From: <", 'From: "a<b>;c" <'),
    "a name with a quote in it": changed("From: <", 'From: "a \\" b" <'),
    "Anonymous": changed("<sip:goip01@", "Anonymous <sip:anonymous@"),
    "no brackets": changed("To: <sip:1000@127.0.0.1>", "To: sip:1000@127.0.0.1"),
    "# in the user": changed("sip:1000@", "sip:*100#@"),
    "+ in the user": changed("sip:1000@", "sip:+85512345678@"),
    "user=phone": changed("sip:1000@127.0.0.1", "sip:1000@127.0.0.1;user=phone"),
    "tel:": changed("To: <sip:1000@127.0.0.1>", "To: <tel:+85512345678;phone-context=x>"),
    "a password": changed("sip:goip01@127.0.0.1>;", "sip:goip01:pw@127.0.0.1>;"),
    "transport in capitals": changed("5060>", "5060;transport=UDP>"),
    "two blanks in the request line": changed("INVITE sip:1000@127.0.0.1 ", "INVITE  sip:1000@127.0.0.1  "),
    "a lower-case method": changed("INVITE sip", "invite sip"),
}


def test_there_are_33_tolerable_invites() -> None:
    assert len(TOLERABLE) == 33


@pytest.mark.parametrize("name", TOLERABLE)
def test_tolerable_invites_are_read(name: str) -> None:
    data = TOLERABLE[name]
    received = parse(data.encode() if isinstance(data, str) else data)
    message, envelope = received.message, received.envelope
    assert isinstance(message, Request)
    assert (message.method, envelope.call_id, envelope.cseq.number, envelope.sender.tag) == ("INVITE", "c1", 1, "f1")
    assert b"m=audio" in message.body
    again = parse(bytes(message)).envelope
    assert (again.via.branch, again.sender, again.recipient) == (
        envelope.via.branch,
        envelope.sender,
        envelope.recipient,
    )


def test_users_and_names() -> None:
    def user(name: str) -> str:
        data = TOLERABLE[name]
        return parse(data.encode() if isinstance(data, str) else data).envelope.recipient.uri.user

    assert user("# in the user") == "*100#"
    assert user("tel:") == "+85512345678"
    latin = TOLERABLE["a Latin-1 name"]
    assert isinstance(latin, bytes)
    received = parse(latin)
    assert shown(received.envelope.sender.name) == "André"
    assert b"Andr\xe9" in bytes(response_to(received.message, 200)) if isinstance(received.message, Request) else False


def test_octets_beyond_content_length_are_not_the_body() -> None:
    assert parse((GOOD + "garbage").encode()).message.body == SDP.encode()


def test_several_vias_in_one_line_go_back_in_their_order() -> None:
    text = changed("Via: SIP", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKtop, SIP")
    received = parse(text.encode())
    assert received.envelope.via.branch == "z9hG4bKtop"
    assert isinstance(received.message, Request)
    back = parse(bytes(response_to(received.message, 180, tag="x")))
    assert [parse_via(via).branch for via in back.message.headers.listed("via")] == ["z9hG4bKtop", "z9hG4bKb1"]
    assert back.envelope.recipient.tag == "x"


def test_a_line_break_in_a_value_begins_no_header() -> None:
    data = bytes(Response(200, "OK", Headers([("subject", "a\r\nEvil: 1"), ("x", "y\nEvil: 2")])))
    assert b"\r\nEvil" not in data
    assert b"\nEvil" not in data


def test_uris_are_written_as_they_can_be_read() -> None:
    for user in ("*100#", "a b", "+855", "ជា", 'x"@;', "%41"):
        assert parse_uri(str(sip_uri(user, "10.0.0.1", 5070, lr=None))).user == user
        assert unescape(escape(user)) == user
    name = NameAddr(sip_uri("a", "h"), 'say "hi" \\', {"tag": "1"})
    assert parse_name_addr(str(name)).name == name.name
    assert str(sip_uri("a", "2001:db8::1", 5060)) == "sip:a@[2001:db8::1]:5060"
    assert (parse_uri("sip:a@[2001:DB8::1]:5070").host, parse_uri("sip:a@[2001:DB8::1]:5070").port) == (
        "2001:db8::1",
        5070,
    )
    assert parse_uri("sip:h:99999").port is None
    assert parse_uri("sip:10.0.0.1;lr").user == ""


@pytest.mark.parametrize(
    ("via", "hop"),
    [
        ("SIP/2.0/UDP 192.0.2.7:5062;branch=a", Hop("192.0.2.7", 5062)),
        ("SIP/2.0/UDP 192.0.2.7;branch=a", Hop("192.0.2.7", 5060)),
        ("SIP/2.0/UDP 192.0.2.7:99999;branch=a", Hop("192.0.2.7", 40000)),
        ("SIP/2.0/UDP 192.0.2.7:5062;rport;branch=a", Hop("192.0.2.7", 40000)),
        ("SIP/2.0/UDP 10.1.1.1:5062;branch=a", Hop("192.0.2.7", 40000)),
        ("SIP / 2.0 / udp box.local;branch=a", Hop("192.0.2.7", 40000)),
    ],
)
def test_where_a_response_goes(via: str, hop: Hop) -> None:
    assert response_hop(parse_via(via), Hop("192.0.2.7", 40000)) == hop


def test_received_and_rport_are_filled_in() -> None:
    marked = mark_via(parse_via("SIP/2.0/UDP 10.1.1.1;rport;branch=a;x"), "192.0.2.7", 4000)
    assert marked == "SIP/2.0/UDP 10.1.1.1;rport=4000;branch=a;x;received=192.0.2.7"
    assert mark_via(parse_via("SIP/2.0/UDP 1.1.1.1;branch=a"), "1.1.1.1", 4) == "SIP/2.0/UDP 1.1.1.1;branch=a"
    assert integer("99999999999") is None or integer("9999999999") == 1 << 31


def test_a_trace_is_bounded_and_hides_what_is_private() -> None:
    text = request(
        "MESSAGE", 5060, 'Authorization: Digest username="u", response="abcdef"', "Content-Type: text/plain",
        sender='"Sok San" <sip:+85512345678@10.0.0.1>;tag=1', uri="sip:85510000001@10.0.0.1", body="my secret",
    )  # fmt: skip
    masked = mask(text.encode())
    for private in ("12345678", "Sok San", "secret", "abcdef", "10000001"):
        assert private not in masked
    keyed = mask(b"SIP/2.0 200 OK\r\n\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\r\nSignal=5\r\n")
    assert "AAAA" not in keyed
    assert "Signal=5" not in keyed
    trace = Trace(3)
    for number in range(1000):
        trace.note(f"10.0.{number % 250}.{number % 7}", b"x" * 9000, 0.0, sent=False)
    assert len(trace._kept) <= 256
    for number in range(9):
        trace.note("10.9.9.9", b"%d" % number, 1.0, sent=True)
    assert trace.shown("10.9.9.9") == ("1.000 > 6", "1.000 > 7", "1.000 > 8")


def test_options_push_nothing_else_out_of_the_trace():
    trace = Trace(20)
    trace.note("10.0.0.1", request("REGISTER", 5060).encode(), 1.0, sent=False)
    for number in range(100):
        trace.note("10.0.0.1", request("OPTIONS", 5060).encode(), 2.0 + number, sent=True)
        trace.note("10.0.0.1", b"SIP/2.0 200 OK\r\nCSeq: 9 OPTIONS\r\n\r\n", 2.5 + number, sent=False)
    trace.note("10.0.0.1", request("INVITE", 5060).encode(), 200.0, sent=False)
    shown = trace.shown("10.0.0.1")
    assert shown[0].startswith("1.000 < REGISTER")
    assert shown[-1].startswith("200.000 < INVITE")
    assert len(shown) == 10
