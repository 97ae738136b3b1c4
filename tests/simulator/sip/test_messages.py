"""The box's reading of SIP and SDP: lenient, and never surprised."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.sip import digest, sdp
from simulator.sip.digest import Account
from simulator.sip.manner import DigestDialect
from simulator.sip.message import (
    Message,
    SipSyntaxError,
    Spelling,
    parameter,
    parse,
    read_address,
    read_uri,
    render,
    split_list,
)
from simulator.sip.sdp import SdpError

INVITE = (
    b"INVITE sip:%2B855120@10.0.0.2 SIP/2.0\r\nv: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK7\r\n"
    b'f: "A, B" <sip:line@10.0.0.1>;tag=9\r\nt: <sip:x@10.0.0.2>\r\ni: c1\r\nCSeq: 7 INVITE\r\n'
    b"Contact: <sip:a@10.0.0.1:5062;transport=UDP>\r\nContent-Length: 4\r\n\r\nbody and more"
)


def test_compact_names_and_a_length() -> None:
    message = parse(INVITE)
    assert (message.method, message.uri, message.cseq) == ("INVITE", "sip:%2B855120@10.0.0.2", (7, "INVITE"))
    assert (message.call_id, message.branch, message.body) == ("c1", "z9hG4bK7", b"body")
    assert parameter(message.get("from"), "tag") == "9"


def test_bare_line_feeds_and_folded_lines() -> None:
    text = INVITE.replace(b"\r\n", b"\n").replace(b"sip:line@10.0.0.1>;tag=9", b"sip:line@10.0.0.1>\n ;tag=9")
    message = parse(text)
    assert parameter(message.get("from"), "tag") == "9"
    assert message.body == b"body"


def test_a_response() -> None:
    message = parse(INVITE.replace(b"INVITE sip:%2B855120@10.0.0.2 SIP/2.0", b"SIP/2.0 180 Ring Ring", 1))
    assert (message.status, message.reason) == (180, "Ring Ring")


@pytest.mark.parametrize("spelling", [Spelling(), Spelling(padded=True), Spelling(bare_lf=True)])
def test_what_is_written_is_read(spelling: Spelling) -> None:
    message = parse(INVITE)
    again = parse(render(message, spelling))
    assert (again.method, again.uri, again.body) == (message.method, message.uri, message.body)
    assert again.all("via") == message.all("via")


@pytest.mark.parametrize("missing", [b"v: ", b"f: ", b"t: ", b"i: ", b"CSeq: "])
def test_what_is_needed(missing: bytes) -> None:
    with pytest.raises(SipSyntaxError, match="there is no"):
        parse(INVITE.replace(missing, b"X-" + missing, 1))


@given(st.binary(max_size=400))
def test_random_octets(noise: bytes) -> None:
    with suppress(SipSyntaxError):
        parse(noise)


@given(st.integers(0, len(INVITE) - 1), st.binary(max_size=6), st.integers(0, 40))
def test_an_invite_that_was_damaged(at: int, noise: bytes, skip: int) -> None:
    try:
        message = parse(INVITE[:at] + noise + INVITE[at + skip :])
    except SipSyntaxError:
        return
    assert message.cseq[0] >= 0
    message.all("via"), message.branch, read_address(message.get("from")), read_uri(message.uri)


@given(st.text(max_size=80))
def test_any_text_as_an_address(text: str) -> None:
    read_uri(read_address(text).uri)
    split_list(text)
    parameter(text, "tag")
    digest.read_fields(text)


def test_addresses() -> None:
    named = read_address('"A \\" <x>" <sip:u@h:5062;transport=UDP>;tag=a1')
    assert (named.uri, named.tag) == ("sip:u@h:5062;transport=UDP", "a1")
    bare = read_address("sip:u@h;tag=a2")
    assert (bare.uri, bare.tag) == ("sip:u@h", "a2")
    uri = read_uri("sip:*100#;phone-context=x@h:5062;user=phone")
    assert (uri.user, uri.host, uri.port) == ("*100#", "h", 5062)
    assert read_uri("tel:+855").user == "+855"
    assert read_uri("sip:h:99999999").port is None
    assert split_list('<sip:a,b@c>, "x,y" <sip:d>') == ["<sip:a,b@c>", '"x,y" <sip:d>']


# ------------------------------------------------------------------------------------------------ SDP

OFFER = (
    b"v=0\r\no=- 1 5 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18 0 8 97\r\n"
    b"a=rtpmap:97 telephone-event/8000\r\na=ptime:40\r\na=sendonly\r\nm=video 4002 RTP/AVP 96\r\na=sendrecv\r\n"
)


def test_an_offer() -> None:
    offer = sdp.parse(OFFER)
    assert (offer.address, offer.port, offer.version, offer.held) == ("10.0.0.1", 4000, "5", True)
    assert (offer.payload("PCMU"), offer.payload("telephone-event"), offer.payload("opus")) == (0, 97, None)
    agreement = sdp.agree(offer, ("PCMA", "PCMU"), 20)
    assert (agreement.encoding, agreement.dtmf, agreement.ptime_ms) == ("PCMA", 97, 40)
    assert (agreement.send, agreement.receive) == (False, True)


def test_an_address_of_the_stream_itself() -> None:
    assert sdp.parse(OFFER.replace(b"97\r\n", b"97\r\nc=IN IP4 10.0.0.9\r\n", 1)).address == "10.0.0.9"


@pytest.mark.parametrize(
    "body",
    [
        OFFER.replace(b"RTP/AVP 18 0 8 97", b"RTP/SAVP 0", 1),
        OFFER.replace(b"18 0 8 97", b"18 4", 1),
        OFFER.replace(b"m=audio", b"m=image", 1),
        OFFER.replace(b"audio 4000", b"audio 400000", 1),
        b"",
    ],
)
def test_what_cannot_be_agreed_on(body: bytes) -> None:
    with pytest.raises(SdpError):
        sdp.agree(sdp.parse(body), ("PCMA", "PCMU"), 20)


@given(st.integers(0, len(OFFER) - 1), st.binary(max_size=6), st.integers(0, 60))
def test_an_offer_that_was_damaged(at: int, noise: bytes, skip: int) -> None:
    with suppress(SdpError):
        sdp.agree(sdp.parse(OFFER[:at] + noise + OFFER[at + skip :]), ("PCMA", "PCMU"), 20)


# --------------------------------------------------------------------------------------------- digest


@pytest.mark.parametrize("quoted", [True, False])
@pytest.mark.parametrize("qop", [True, False])
def test_an_answer_proves_who_gives_it(*, quoted: bool, qop: bool) -> None:
    dialect = DigestDialect(quoted=quoted, qop=qop)
    challenge = 'Digest realm="r", nonce="n", qop="auth,auth-int", opaque="o"'
    value = digest.answer([challenge], Account("u", "p"), "REGISTER", "sip:h", dialect)
    assert value is not None
    assert ("opaque" in value, "nc=" in value) == (True, qop)
    assert digest.proves(value, Account("u", "p"), "REGISTER", "n")
    for other in (("u", "x", "REGISTER", "n"), ("x", "p", "REGISTER", "n"), ("u", "p", "INVITE", "n")):
        assert not digest.proves(value, Account(other[0], other[1]), other[2], other[3])
    assert not digest.proves(value, Account("u", "p"), "REGISTER", "later")


def test_the_example_of_rfc_2617() -> None:
    """§3.5, without qop as RFC 2069 has it."""
    account = Account("Mufasa", "Circle Of Life")
    middle = "dcd98b7102dd2f0e8b11d0f600bfb0c093:00000001:0a4f113b:auth:"
    answer = digest.response(account, "testrealm@host.com", "GET", "/dir/index.html", middle)
    assert answer == "6629fae49393a05397450978507c4ef1"


@pytest.mark.parametrize("challenge", ["Basic realm=x", "Digest realm=r, nonce=n, algorithm=SHA-256", ""])
def test_a_challenge_it_cannot_answer(challenge: str) -> None:
    assert digest.answer([challenge], Account("u", "p"), "REGISTER", "sip:h", DigestDialect()) is None


def test_a_message_without_a_header() -> None:
    assert Message((), method="BYE").cseq == (0, "")
