"""Offers and answers: codecs, packet times, hold, versions, keys."""

from __future__ import annotations

import base64
import random
import re
from dataclasses import replace

import pytest

from edge_agent.drivers.sip.negotiation import Negotiation, NotAcceptable
from edge_agent.drivers.sip.sdp import parse_sdp
from edge_agent.drivers.sip.settings import SipQuirks
from telecore.audio.frames import Encoding
from tests.fakes.sip_site import SDP


def ours(**quirks: object) -> Negotiation:
    return Negotiation(replace(SipQuirks(), **quirks), "10.0.0.1", 17000, random.Random(1))  # type: ignore[arg-type]


def answered(offer: str, **quirks: object) -> tuple[str, Negotiation]:
    negotiation = ours(**quirks)
    body, _ = negotiation.answer(offer.encode())
    return body.decode(), negotiation


def test_exactly_one_codec_in_their_order_and_their_dtmf_type() -> None:
    for formats, number, encoding in (("8 0 18 4 97", 8, Encoding.PCMA), ("18 0 8 97", 0, Encoding.PCMU)):
        text, negotiation = answered(SDP.replace("8 0 18 4 97", formats))
        assert f"RTP/AVP {number} 97\r\n" in text
        assert negotiation.plan is not None
        assert (negotiation.plan.encoding, negotiation.plan.dtmf) == (encoding, 97)


def test_only_codecs_of_the_profile() -> None:
    text, _ = answered(SDP, codecs=("PCMU",))
    assert "RTP/AVP 0 97" in text
    with pytest.raises(NotAcceptable, match="codec"):
        answered(SDP.replace("8 0 18 4 97", "8"), codecs=("PCMU",))


def test_a_dynamic_number_for_a_codec_and_101_without_its_rtpmap() -> None:
    text, negotiation = answered(SDP.replace("8 0 18 4 97", "100 101") + "a=rtpmap:100 pcma/8000/1\r\n")
    assert "RTP/AVP 100 101\r\n" in text
    assert negotiation.plan is not None
    assert (negotiation.plan.payload_type, negotiation.plan.dtmf) == (100, 101)


@pytest.mark.parametrize(
    ("lines", "ptime"),
    [("a=ptime:20", 20), ("a=ptime:30", 30), ("a=ptime:60", 60), ("a=ptime:10", 20), ("a=ptime:90", 60), ("", 40),
     ("a=ptime:60\r\na=maxptime:30", 30), ("a=maxptime:5", 20)],
)  # fmt: skip
def test_sound_in_a_packet(lines: str, ptime: int) -> None:
    text, negotiation = answered(SDP.replace("a=ptime:20", lines or "a=x"), ptime_ms=40)
    assert negotiation.plan is not None
    assert negotiation.plan.ptime_ms == ptime
    assert f"a=ptime:{ptime}" in text


@pytest.mark.parametrize(
    ("direction", "ours_is", "send", "receive"),
    [("sendrecv", "sendrecv", True, True), ("sendonly", "recvonly", False, True), ("recvonly", "sendonly", True, False),
     ("inactive", "inactive", False, False)],
)  # fmt: skip
def test_directions(direction: str, ours_is: str, *, send: bool, receive: bool) -> None:
    text, negotiation = answered(SDP + f"a={direction}\r\n")
    plan = negotiation.plan
    assert plan is not None
    assert (plan.send, plan.receive) == (send, receive)
    assert f"a={ours_is}\r\n" in text
    at_session, _ = answered(SDP.replace("t=0 0", f"t=0 0\r\na={direction}"))
    assert f"a={ours_is}\r\n" in at_session


def test_the_version_rises_with_every_description_and_the_session_stays() -> None:
    negotiation = ours()
    bodies = [negotiation.offer(), negotiation.answer(SDP.encode())[0], negotiation.offer()]
    found = [re.findall(rb"o=- (\d+) (\d+) ", body)[0] for body in bodies]
    assert len({session for session, _ in found}) == 1
    versions = [int(version) for _, version in found]
    assert versions == [versions[0], versions[0] + 1, versions[0] + 2]


def test_an_offer_after_an_agreement_keeps_to_it() -> None:
    negotiation = ours()
    negotiation.answer(SDP.encode())
    assert b"RTP/AVP 8 97\r\n" in negotiation.offer()


def test_other_media_are_refused_in_their_place() -> None:
    before = SDP.replace("m=audio", "m=video 31000 RTP/AVP 31\r\nm=audio")
    text, _ = answered(before + "m=image 9 udptl t38\r\n")
    media = [(media.kind, media.port) for media in parse_sdp(text.encode())]
    assert media == [("video", 0), ("audio", 17000), ("image", 0)]


def test_keys_both_ways() -> None:
    theirs = bytes(range(30))
    line = f"a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:{base64.b64encode(theirs).decode()}|2^20\r\n"
    unusable = "a=crypto:1 F8_128_HMAC_SHA1_80 inline:AAAA\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:QUJD|1:4\r\n"
    text, negotiation = answered(SDP.replace("RTP/AVP", "RTP/SAVP") + unusable + line, srtp=True)
    plan = negotiation.plan
    assert plan is not None
    assert plan.srtp is not None
    assert (plan.srtp.suite, plan.srtp.theirs) == ("AES_CM_128_HMAC_SHA1_32", theirs)
    assert f"a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:{base64.b64encode(plan.srtp.ours).decode()}\r\n" in text
    assert base64.b64encode(plan.srtp.ours).decode() not in repr(plan)
    offer = ours(srtp=True).offer()
    assert b"RTP/SAVP 8 0 101" in offer
    assert b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" in offer
    with pytest.raises(NotAcceptable, match="encrypted"):
        answered(SDP, srtp=True, require_srtp=True)


def test_ipv6_and_rtcp_elsewhere() -> None:
    text = SDP.replace("c=IN IP4 127.0.0.1", "c=IN IP6 2001:db8::1") + "a=rtcp:40001\r\n"
    _, negotiation = answered(text)
    plan = negotiation.plan
    assert plan is not None
    assert (plan.address, plan.rtcp_port) == ("2001:db8::1", 40001)
    hostname, negotiation = answered(SDP.replace("c=IN IP4 127.0.0.1", "c=IN IP4 gw.local"))
    assert negotiation.plan is not None
    assert (negotiation.plan.address, negotiation.plan.send) == ("", False)
    assert "a=recvonly" in hostname
