"""What a gateway, or anybody on its network, may say: SIP messages, descriptions, digests, RTP, RTCP, keys."""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import strategies as st

from edge_agent.drivers.sip.auth import Asked, Challenger, answer, best_challenge
from edge_agent.drivers.sip.codec import PCMA, PCMU
from edge_agent.drivers.sip.framing import Framing
from edge_agent.drivers.sip.info import read_key
from edge_agent.drivers.sip.message import Request, parse, parse_envelope, response_to
from edge_agent.drivers.sip.negotiation import Negotiation
from edge_agent.drivers.sip.rtcp import Report as RtcpReport
from edge_agent.drivers.sip.rtcp import ReportBlock, SenderInfo, build_rtcp, parse_rtcp
from edge_agent.drivers.sip.rtp_packet import build_rtp
from edge_agent.drivers.sip.rtp_receiver import RtpReceiver
from edge_agent.drivers.sip.settings import Credentials, SipQuirks
from edge_agent.drivers.sip.telephone_event import TelephoneEvent, build_event
from edge_agent.drivers.sip.trace import mask
from edge_agent.drivers.sip.uri import parse_name_addr, parse_uri, write_uri
from telecore.errors import RemoteProtocolError
from tests.fakes.sip_site import SDP, request
from tests.fakes.sip_site import answer as answered
from tests.faults.conftest import Progress, Report
from tests.faults.fuzzing import fuzz, spoiled_bytes, spoiled_lines, spoiled_text

METHODS = ("INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "INFO", "PRACK", "UPDATE", "NOTIFY", "REFER")
DIGEST = (
    'Digest username="goip01", realm="simferry", nonce="abc", uri="sip:1000@127.0.0.1", response="'
    + "0" * 32 + '", algorithm=MD5, qop=auth, nc=00000001, cnonce="xyz"'
)  # fmt: skip
HEADERS = (
    "v: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx;received=1.2.3.4;rport=99999", "Via: SIP/2.0/TCP [::1]:5060;branch=z",
    "Record-Route: <sip:10.0.0.1;lr>,<sip:h;lr>", "Contact: *", "m: <sip:a@b>;expires=-1", "Content-Length: 99999",
    "l: 0", "c: application/sdp", f"Authorization: {DIGEST}", "Require: 100rel", "RSeq: 4294967296", "RAck: 1 1 INVITE",
    "Session-Expires: 90;refresher=uas", "Min-SE: 99999999999", "Expires: ٣", "Max-Forwards: 0", " folded",
    "P-Asserted-Identity: \"x\" <sip:+855@h;user=phone>", "Remote-Party-ID: <sip:*100%23@h>;party=calling",
    'From: "\\"<sip:x@y>', "To: <sip:%00%ff@[::ffff:1.2.3.4]:0;transport=tls>", "CSeq: 4294967295 INVITE", ": x", "x",
    "Diversion: <tel:+1>;reason=unconditional", "Retry-After: 1e9 (x);duration=y", "WWW-Authenticate: Digest realm=",
    'Proxy-Authenticate: Digest realm="a", nonce="b", qop="auth,auth-int", algorithm=SHA-256, stale=TRUE',
)  # fmt: skip
INVITE = request("INVITE", 5060, body=SDP)
MESSAGES = [
    *(request(method, 5060, HEADERS[n], body=SDP if n % 2 else "") for n, method in enumerate(METHODS)),
    *(answered(INVITE, status, body=SDP) for status in ("100 Trying", "183 Progress", "200 OK", "401 No", "699 x")),
]
LINES = [message.split("\r\n") for message in MESSAGES]
HEADS = [line for message in LINES for line in message]
SDP_WORDS = (
    "m=audio 0 RTP/AVP 0", "m=audio 65536 RTP/SAVP 8 101", "m=video 9 RTP/AVP 96", "a=rtpmap:101 telephone-event/8000",
    "a=rtpmap:0 PCMU/0", "a=ptime:0", "a=maxptime:-1", "a=sendonly", "a=inactive", "c=IN IP6 ::1", "c=IN IP4 0.0.0.0",
    "c=IN IP4 224.1.1.1/127", "o=- 99999999999999999999 1 IN IP4 x", "a=fmtp:101 0-15", "t=", "v=1", "a=rtcp-mux",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40, "a=crypto:x", "m=", "m=audio", "a", "=", "b=AS:64",
)  # fmt: skip


def read_message(text: str) -> None:
    """All that is read of a message before somebody decides what to do with it, and its answer written."""
    data = text.encode("utf-8", "surrogateescape")
    mask(data)
    framing = Framing()
    _or_refused(lambda: framing.feed(data))
    received = parse(data)
    parse_envelope(received.message)
    for name in ("from", "to", "contact", "record-route", "p-asserted-identity", "remote-party-id"):
        for value in received.message.headers.all(name):
            _or_refused(lambda value=value: parse_name_addr(value))  # type: ignore[misc]
    best_challenge(received.message.headers.all("www-authenticate"))
    if isinstance(received.message, Request):
        again = bytes(response_to(received.message, 200))
        assert len(again) < 4 * len(data) + 2000


def _or_refused(work: Callable[[], object]) -> None:
    try:
        work()
    except RemoteProtocolError:
        return


def test_messages(report: Report, progress: Progress) -> None:
    texts = st.one_of(spoiled_lines(LINES, (*HEADERS, *HEADS), "\r\n"), spoiled_text(MESSAGES))
    report("fuzz: SIP messages", **fuzz(texts, read_message, (RemoteProtocolError,), progress, share=0.3).figures())


def test_descriptions(report: Report, progress: Progress) -> None:
    """An offer is answered or refused; an answer to ours is accepted or refused; both more than once in a call."""

    def negotiate(bodies: tuple[bool, list[str]]) -> None:
        srtp, texts = bodies
        talk = Negotiation(SipQuirks(srtp=srtp), "127.0.0.1", 40000, random.Random(1))
        for number, text in enumerate(texts):
            data = text.encode("utf-8", "surrogateescape")
            if number % 2:
                talk.offer()
                talk.accept(data)
            else:
                body, plan = talk.answer(data)
                assert len(body) < 4000
                assert 0 <= plan.port < 65536

    text = spoiled_lines([SDP.split("\r\n"), [*SDP.split("\r\n"), *SDP_WORDS[:6]]], SDP_WORDS, "\r\n")
    bodies = st.tuples(st.booleans(), st.lists(text, min_size=1, max_size=3))
    report("fuzz: SDP", **fuzz(bodies, negotiate, (RemoteProtocolError,), progress, share=0.3).figures())


def test_uris_and_digests(report: Report, progress: Progress) -> None:
    credentials, asked = Credentials("goip01", "secret"), Asked("REGISTER", "sip:127.0.0.1", b"")
    challenger = Challenger(random.Random(1), lambda: 1000.0)

    def take(text: str) -> None:
        challenger.check(text, credentials, asked)
        challenge = best_challenge([text])
        if challenge is not None and challenge.known:
            answer(challenge, credentials, asked, 1, "c")
        parse_name_addr(text)
        write_uri(parse_uri(text))

    uris = (
        DIGEST, 'Digest realm="x", nonce="y", algorithm=MD5-sess, qop="auth"',
        '"A \\" B" <sip:+855%20@h:5060;lr>;tag=1',
        "sip:a@[::1]:5060;transport=udp?x=y", "sips:*100#@h", "tel:+1-201;phone-context=x", "<sip:a@b>,<sip:c@d>",
    )  # fmt: skip
    report(
        "fuzz: SIP URIs and digests",
        **fuzz(spoiled_text(uris), take, (RemoteProtocolError,), progress, share=0.2).figures(),
    )


RTP = [
    build_rtp(0, 1, 160, 7, bytes(160)), build_rtp(8, 65535, 2**32 - 1, 7, bytes(160)),
    build_rtp(13, 2, 320, 7, b"\x20"),
    *(build_rtp(101, n, 480, 7, build_event(TelephoneEvent(5, n > 2, 10, 160 * n))) for n in range(1, 4)),
]  # fmt: skip
BLOCK = ReportBlock(7, 12, -1, 65536, 3, 4, 5)
RTCP = [
    build_rtcp(RtcpReport(7, SenderInfo(1 << 40, 160, 1, 160), (BLOCK,)), "x@y"),
    build_rtcp(RtcpReport(7, None, (BLOCK, BLOCK), goodbye=True), "x@y"),
]  # fmt: skip


def receiver() -> RtpReceiver:
    made = RtpReceiver()
    made.plan(PCMU, 0, 101, listening=True)
    return made


def test_sound(report: Report, progress: Progress) -> None:
    """A burst of packets in any order, of any age: what is played out stays in step, keys are keys."""

    def take(packets: list[bytes]) -> None:
        ear, now = receiver(), 0.0
        for packet in packets:
            try:
                key = ear.take(packet, now)
                assert key == "" or key in "0123456789*#ABCD"
            except RemoteProtocolError:
                pass
            now += 0.02
            for _ in range(2):
                frame = ear.playout.pull()
                assert frame is None or len(frame) <= 2000
        ear.plan(PCMA, 8, None, listening=True)
        for packet in packets:
            _or_refused(lambda packet=packet: parse_rtcp(packet))  # type: ignore[misc]

    packets = st.lists(spoiled_bytes([*RTP, *RTCP]), min_size=1, max_size=8)
    report("fuzz: RTP and RTCP", **fuzz(packets, take, (), progress, share=0.2).figures())


def test_keys_by_info(report: Report, progress: Progress) -> None:
    bodies = (b"Signal=5\r\nDuration=160\r\n", b"5", b"Signal= *\r\n", b"Signal=16\nDuration=x")
    kinds = ("application/dtmf-relay", "application/dtmf", "APPLICATION/DTMF; x=y", "", "text/plain")

    def take(said: tuple[str, bytes]) -> None:
        key = read_key(*said)
        assert key is None or (len(key) == 1 and key in "0123456789*#ABCD")

    said = st.tuples(st.sampled_from(kinds), spoiled_bytes(bodies))
    report("fuzz: SIP INFO", **fuzz(said, take, (RemoteProtocolError,), progress, seconds=0.3).figures())
