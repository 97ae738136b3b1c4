"""What kills other stacks, floods, strangers, and random octets: no crash, no call, no growth."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.drivers.sip.framing import Framing
from edge_agent.drivers.sip.hop import Hop, sendable
from edge_agent.drivers.sip.layer import TransactionLayer
from edge_agent.drivers.sip.limits import Rates
from edge_agent.drivers.sip.message import Request, parse
from edge_agent.drivers.sip.negotiation import Negotiation, NotAcceptable
from edge_agent.drivers.sip.sdp import parse_sdp
from edge_agent.drivers.sip.settings import Credentials, LineSettings, Registers, SipQuirks
from edge_agent.drivers.sip.trace import mask
from edge_agent.drivers.sip.uri import parse_name_addr, parse_uri
from telecore.errors import RemoteProtocolError
from tests.fakes.sip_site import LINE1, SDP, answer, far_end, gateway, header, request, site, visit

GOOD = request("INVITE", 5060, body=SDP)


def without(name: str) -> str:
    head, _, body = GOOD.partition("\r\n\r\n")
    return "\r\n".join(line for line in head.split("\r\n") if not line.startswith(name + ":")) + "\r\n\r\n" + body


def with_(name: str, value: str) -> str:
    head, _, body = GOOD.partition("\r\n\r\n")
    lines = [f"{name}: {value}" if line.startswith(name + ":") else line for line in head.split("\r\n")]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def started(line: str) -> str:
    return line + GOOD[GOOD.index("\r\n") :]


MALFORMED = [
    *(without(name) for name in ("Via", "From", "To", "Call-ID", "CSeq")),
    *(with_("Via", via) for via in ("", "x", "SIP/3.0/UDP h;branch=z9hG4bKa", ";;;", "SIP/2.0/UDP", "SIP/2.0/UDP ;")),
    *(with_("From", value) for value in ("", "<>", "x", '"unclosed <sip:a@b>', "<<<>>>", "sip", ";tag=1")),
    *(with_("To", value) for value in ("", "<>", "not a uri", "<:>", '"""', "<sip")),
    *(with_("CSeq", value) for value in ("", "INVITE", "1", "x INVITE", "1 BYE", "-1 INVITE", "99999999999 INVITE", "4294967296 INVITE")),  # noqa: E501
    with_("Call-ID", ""),
    with_("Content-Length", "99999"),
    *(started(line) for line in ("INVITE", "INVITE sip:1000@x", "INVITE sip:1000@x SIP/3.0", "INVITE  SIP/2.0", " ", "\0\0\0\0\0", "SIP/2.0 abc OK", "SIP/2.0 99 x")),  # noqa: E501
    "INVITE sip:x SIP/2.0\r\n\r\n",
    "\r\n\r\nINVITE",
    "A" * 60_000,
    "INVITE sip:x SIP/2.0\r\n" + "X: y\r\n" * 6000,
]  # fmt: skip


def test_there_are_46_malformed_invites() -> None:
    assert len(MALFORMED) == 46


async def test_malformed_invites_never_ring_and_ours_goes_on() -> None:
    async with visit() as (ours, far):
        for number, text in enumerate(MALFORMED):
            far.send(text.replace("z9hG4bKb1", f"z9hG4bKm{number}"), ours.port)
            await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        assert ours.told.calls.empty()
        assert ours.media.sessions == []
        assert not [text for text in far.all if text.startswith(("SIP/2.0 180", "SIP/2.0 2"))]
        far.send(request("OPTIONS", far.port, call_id="end"), ours.port)
        await far.next("SIP/2.0 200")


async def test_a_request_that_lacks_something_is_400_where_it_can_be_said() -> None:
    async with visit() as (ours, far):
        bad = without("CSeq").replace("127.0.0.1:5060", f"127.0.0.1:{far.port}")
        far.send(bad, ours.port)
        await far.next("SIP/2.0 400")
        far.send(with_("Content-Length", "99999").replace("127.0.0.1:5060", f"127.0.0.1:{far.port}"), ours.port)
        await far.next("SIP/2.0 400")


@pytest.mark.parametrize("port", ["99999", "0", "65536", "-1", "abc", "4294967296"])
async def test_the_datagram_that_kills_others(port: str) -> None:
    async with visit() as (ours, far):
        via = f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKkill"
        far.send(request("INVITE", far.port, via=via, body=SDP), ours.port)
        await asyncio.sleep(0.05)
        far.send(request("OPTIONS", far.port, branch="z9hG4bKalive", call_id="alive"), ours.port)
        async with asyncio.timeout(2):
            while "alive" not in await far.next("SIP/2.0 200"):
                pass


@pytest.mark.parametrize("name", ["localhost", "evil.example", "127.0.0.1.", "999.1.1.1", ""])
def test_only_numeric_addresses_and_real_ports_are_sent_to(name: str) -> None:
    assert not sendable(Hop(name, 5060))
    assert not sendable(Hop("127.0.0.1", 65536))
    assert not sendable(Hop("127.0.0.1", 0))
    assert sendable(Hop("127.0.0.1", 65535))
    assert sendable(Hop("::1", 5060))


async def test_a_contact_with_a_name_or_a_wrong_port_asks_no_resolver() -> None:
    async with visit() as (ours, far):
        text = request("INVITE", far.port, "Record-Route: <sip:evil.example;lr>, <sip:127.0.0.1:99999;lr>", body=SDP)
        far.send(text.replace(f"127.0.0.1:{far.port}>", "evil.example:99999>"), ours.port)
        call = await asyncio.wait_for(ours.told.calls.get(), 2)
        await call.voice.answer()
        ok = await far.next("SIP/2.0 200")
        far.send(request("ACK", far.port, to=header(ok, "To"), branch="z9hG4bKa"), ours.port)
        await asyncio.sleep(0.02)
        ending = asyncio.create_task(call.voice.hang_up())
        bye = await far.next("BYE")  # to the source, since the route is a name
        assert header(bye, "Route") == "<sip:evil.example;lr>"
        far.end_calls()
        far.send("x", ours.port)
        await ending


async def test_a_stranger_gets_403_at_most_and_never_a_line() -> None:
    told: list[tuple[str, str]] = []
    async with far_end("127.0.0.2") as stranger, visit() as (ours, far):
        ours.stack.on_stranger = lambda address, tried: told.append((address, tried))
        for number in range(60):
            text = request("INVITE", stranger.port, branch=f"z9hG4bK{number}", call_id=f"s{number}", body=SDP)
            stranger.send(text.replace("127.0.0.1", "127.0.0.2"), ours.port)
        await asyncio.sleep(0.2)
        answers = [text.split("\r\n")[0] for text in stranger.all]
        assert set(answers) == {"SIP/2.0 403 Forbidden"}
        assert 1 <= len(answers) <= 12
        assert ours.told.calls.empty()
        assert told == [("127.0.0.2", "INVITE")]
        assert [(seen.address, seen.count, seen.last) for seen in ours.stack.strangers] == [("127.0.0.2", 60, "INVITE")]
        counts = ours.stack.counts
        assert counts["transactions"] == counts["dialogs"] == 0
        assert counts["dropped"] >= 48
        del far


async def test_a_stranger_cannot_end_or_change_a_call_he_knows_of() -> None:
    async with far_end("127.0.0.2") as stranger, visit() as (ours, far):
        far.send(request("INVITE", far.port, body=SDP), ours.port)
        call = await asyncio.wait_for(ours.told.calls.get(), 2)
        await call.voice.answer()
        ok = await far.next("SIP/2.0 200")
        for method in ("BYE", "CANCEL", "ACK", "INFO"):
            text = request(method, stranger.port, to=header(ok, "To"), cseq=5, branch="z9hG4bKb1")
            stranger.send(text, ours.port)
        stranger.send(ok, ours.port)
        await asyncio.sleep(0.1)
        assert ours.told.heard.kinds == []


async def test_a_flood_of_registers_with_wrong_passwords_leaves_nothing_behind() -> None:
    lines = (LineSettings(LINE1, "goip01", Credentials("goip01", "s")),)
    async with far_end("127.0.0.2") as flooder, visit(registers=Registers.WITH_US, host="", lines=lines) as (ours, far):
        began = time.monotonic()
        for number in range(2000):
            wrong = (
                f'Authorization: Digest username="goip01", realm="r", nonce="{number}", uri="u", response="{number}"'
            )
            text = request(
                "REGISTER", flooder.port, wrong, branch=f"z9hG4bK{number}", call_id=f"f{number}", cseq=number
            )
            flooder.send(text, ours.port)
            if number % 100 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0.2)
        allowed = 10 + 5 * (time.monotonic() - began)  # at once, and each second: SipSettings.unknown_per_s
        assert len(flooder.all) <= allowed
        assert ours.stack.counts["transactions"] <= allowed
        assert len(ours.peer.challenger._counts) == 0
        assert ours.stack.counts["dialogs"] == 0
        del far


async def test_a_known_far_end_that_floods_is_slowed_and_served_again() -> None:
    async with far_end() as far, site(gateway(far.port), requests_per_s=20) as ours:
        began = time.monotonic()
        for number in range(200):
            far.send(request("OPTIONS", far.port, branch=f"z9hG4bK{number}", call_id=f"o{number}"), ours.port)
        await asyncio.sleep(0.15)
        assert len(far.all) <= 40 + 20 * (time.monotonic() - began)
        assert ours.stack.counts["dropped"] >= 50
        far.send(request("OPTIONS", far.port, branch="z9hG4bKz", call_id="last"), ours.port)
        async with asyncio.timeout(2):
            while "last" not in await far.next("SIP/2.0 200"):
                pass


async def test_a_far_end_that_echoes_starts_no_storm() -> None:
    async with visit() as (ours, far):
        far.echo = True
        far.send(request("OPTIONS", far.port), ours.port)
        call = await ours.peer.voice(LINE1).dial("+85512345678", lambda event: None)
        await asyncio.sleep(0.4)
        assert len(far.all) < 60
        far.echo = False
        far.end_calls()
        await call.hang_up()


async def test_keep_alives_are_no_messages() -> None:
    async with visit() as (ours, far):
        for data in (b"\0\0\0\0", b"\r\n", b"", b"\0", b"jaK\0"):
            far.send(data, ours.port)
        await far.silence(0.05)
        far.send(b"\r\n\r\n", ours.port)
        assert await far.next() == "\r\n"
        assert ours.stack.counts["malformed"] == 0


async def test_a_hundred_thousand_transactions_cannot_be_piled_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.drivers.sip.layer.MOST", 50)
    layer = TransactionLayer(lambda data, hop: None)
    for number in range(200):
        received = parse(request("OPTIONS", 1, branch=f"z9hG4bK{number}", call_id=str(number)).encode())
        layer.request(received, Hop("127.0.0.1", 1), 0.0)
    assert len(layer) == 50


PIECES = st.sampled_from(
    [b"INVITE ", b"sip:a@b", b" SIP/2.0", b"\r\n", b"\n", b" ", b"\t", b":", b";", b",", b"<", b">", b'"', b"\\", b"%",
     b"Via: SIP/2.0/UDP h:1;branch=z9hG4bK1", b"From: <sip:a@b>;tag=1", b"To: sip:c@d", b"Call-ID: x",
     b"CSeq: 1 INVITE", b"Contact: *", b"l: 5", b"i:x", b"\xff\xfe", b"\0", b"=", b"@", b"[::1]",
     b"SIP/2.0 200 OK", b"Content-Length: "]
)  # fmt: skip
OCTETS = st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=40).map(b"".join))


@given(OCTETS)
@settings(max_examples=400, deadline=None)
def test_random_octets_are_a_message_or_an_error(data: bytes) -> None:
    try:
        received = parse(data)
    except RemoteProtocolError:
        return
    bytes(received.message)
    mask(data)


@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=0, max_size=4))
@settings(max_examples=300, deadline=None)
def test_a_damaged_invite_is_a_message_or_an_error(at: int, octets: bytes) -> None:
    data = GOOD.encode()
    try:
        received = parse(data[:at] + octets + data[at + len(octets) :])
    except RemoteProtocolError:
        return
    assert isinstance(received.message, Request) or received.message.status
    again = parse(bytes(received.message))
    assert again.envelope.call_id == received.envelope.call_id


@given(st.one_of(st.text(max_size=120), st.lists(st.sampled_from('"<>;:@,sip\\ =%5[]*#'), max_size=40).map("".join)))
@settings(max_examples=150, deadline=None)
def test_random_text_is_a_uri_or_an_error(text: str) -> None:
    for read in (parse_uri, parse_name_addr):
        try:
            str(read(text))
        except RemoteProtocolError:
            continue


SDP_PIECES = st.sampled_from(
    ["v=0\r\n", "m=audio 30000 RTP/AVP 8 0\r\n", "m=audio 1 RTP/SAVP 0\n", "c=IN IP4 1.2.3.4\r\n", "c=IN IP6 ::1\n",
     "a=sendonly\n", "a=rtpmap:101 telephone-event/8000\n", "a=rtpmap:999999 x\n", "a=ptime:99999\n", "a=ptime:0\n",
     "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\n", "m=audio 0 RTP/AVP 0\n", "m=audio 99999 RTP/AVP 0\n",
     "a=maxptime:5\n", "m=video 1 RTP/AVP 31\n", "\0", "m=\n"]
)  # fmt: skip


@given(st.one_of(st.binary(max_size=200), st.lists(SDP_PIECES, max_size=20).map(lambda lines: "".join(lines).encode())))
@settings(max_examples=400, deadline=None)
def test_random_descriptions_are_media_or_an_error(body: bytes) -> None:
    with suppress(RemoteProtocolError):
        parse_sdp(body)
    try:
        answered, plan = Negotiation(SipQuirks(srtp=True), "127.0.0.1", 17000, random.Random(1)).answer(body)
    except NotAcceptable:
        return
    assert plan.ptime_ms in (20, 30, 40, 60)
    assert len(parse_sdp(answered)) == len(parse_sdp(body))


@given(st.lists(st.binary(max_size=80), max_size=10))
@settings(max_examples=200, deadline=None)
def test_a_stream_of_random_octets_is_cut_or_refused(chunks: list[bytes]) -> None:
    framing = Framing()
    try:
        for chunk in chunks:
            framing.feed(chunk)
    except RemoteProtocolError:
        return


def test_a_stream_is_cut_at_every_place() -> None:
    data = request("OPTIONS", 1, body="hello").encode() * 2 + b"\r\n\r\n"
    for size in (1, 7, 100, 10_000):
        framing = Framing()
        cut = [message for at in range(0, len(data), size) for message in framing.feed(data[at : at + size])]
        assert [message[-5:] for message in cut] == [b"hello", b"hello"]


VALUES = [
    "", "0", "-1", "99999999999", "*", "<", '"', ";", ",", "<sip:>", "sip:", "tel:", "<sip:a@b>;tag=", ";tag=1",
    "Q.850;cause=", "Q.850;cause=999", "1 INVITE", "x y z", "inline:", "\udcff", "sip:%zz@h", "90;refresher=x",
    "1;refresher=uac", "<sip:x:99999>", "Digest", 'Digest username="goip01", nonce="..", response="0"', "100rel",
    "application/dtmf-relay", "text/plain;charset=utf-16be",
]  # fmt: skip
NAMES = [
    "Contact", "Require", "Supported", "Session-Expires", "Min-SE", "Reason", "Record-Route", "Route", "Expires",
    "RAck", "RSeq", "Content-Type", "Authorization", "P-Asserted-Identity", "Remote-Party-ID", "Privacy", "Allow",
    "Date", "To", "From", "Via", "WWW-Authenticate",
]  # fmt: skip
BODIES = [SDP, "", "x", "Signal=", SDP[:40], SDP.replace("8 0 18 4 97", "18")]
METHODS = ["INVITE", "REGISTER", "MESSAGE", "OPTIONS", "INFO", "UPDATE", "BYE", "PRACK", "CANCEL", "ACK"]


def damaged(text: str, rng: random.Random) -> bytes:
    data = bytearray(text.encode("utf-8", "surrogateescape"))
    for _ in range(rng.choice([0, 0, 1, 3])):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def some_line(rng: random.Random) -> str:
    return f"{rng.choice(NAMES)}: {rng.choice(VALUES)}"


async def test_thousands_of_damaged_messages_raise_nothing_and_leave_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Straight into the intake, where whatever is raised is seen; into calls that live, too."""
    rng = random.Random(7)
    lines = (LineSettings(LINE1, "goip01", Credentials("goip01", "s")),)
    async with visit(registers=Registers.WITH_US, lines=lines, max_calls=5) as (ours, far):
        far.send(request("INVITE", far.port, body=SDP, call_id="live", branch="z9hG4bKlive"), ours.port)
        call = await asyncio.wait_for(ours.told.calls.get(), 2)
        await call.voice.answer()
        to = header(await far.next("SIP/2.0 200"), "To")
        far.send(request("ACK", far.port, to=to, call_id="live", branch="z9hG4bKack"), ours.port)
        await asyncio.sleep(0.02)
        for number in range(3000):
            method = rng.choice(METHODS)
            within = rng.random() < 0.5 and method != "BYE"
            text = request(
                method, far.port, some_line(rng), some_line(rng), to=to if within else "<sip:goip01@x>",
                call_id="live" if within else f"c{number}", cseq=number + 2, branch=f"z9hG4bK{number}",
                body=rng.choice(BODIES),
            )  # fmt: skip
            if rng.random() < 0.3:
                text = "SIP/2.0 200 OK" + text[text.index("\r\n") :]
            ours.stack._intake.take(damaged(text, rng), Hop("127.0.0.1", far.port))
            if number % 50 == 0:
                ours.stack._intake._known = Rates(1e9)
                await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        assert not [record for record in caplog.records if record.levelname == "ERROR"]
        assert ours.stack.counts["dialogs"] <= 6
        far.end_calls()
        await call.voice.hang_up()
        while not ours.told.calls.empty():
            await ours.told.calls.get_nowait().voice.hang_up()
        assert ours.stack.counts["dialogs"] == 0


async def test_hundreds_of_damaged_answers_raise_nothing_and_leave_nothing(caplog: pytest.LogCaptureFixture) -> None:
    rng = random.Random(11)
    async with visit(max_calls=500, credentials=Credentials("s", "p")) as (ours, far):
        calls = [await ours.peer.voice(LINE1).dial("+85512345678", lambda event: None) for _ in range(60)]
        await far.next("INVITE")
        statuses = ["100 x", "180 x", "183 x", "200 OK", "302 x", "401 x", "407 x", "422 x", "486 x", "491 x", "699 x"]
        for _ in range(600):
            text = rng.choice(far.all)
            if not text.startswith("SIP/2.0"):
                reply = answer(text, rng.choice(statuses), some_line(rng), some_line(rng), body=rng.choice(BODIES))
                ours.stack._intake.take(damaged(reply, rng), Hop("127.0.0.1", far.port))
            await asyncio.sleep(0)
        far.end_calls()
        await asyncio.gather(*(call.hang_up() for call in calls))
        await asyncio.sleep(0.1)
        assert not [record for record in caplog.records if record.levelname == "ERROR"]
        assert ours.peer.lines[LINE1].calls == {}
        assert ours.stack.counts["dialogs"] == 0
