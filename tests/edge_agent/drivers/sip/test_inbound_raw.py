"""Calls that come, datagram by datagram."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from edge_agent.contracts import IncomingCall, VoiceEvent, VoiceEventKind
from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.settings import Credentials, LineSettings
from telecore.errors import DeviceRefused
from tests.fakes.sip_media import FakeMediaPorts
from tests.fakes.sip_site import (
    CALM,
    LINE1,
    LINE2,
    SDP,
    RawFarEnd,
    Site,
    answer,
    far_end,
    header,
    request,
    tag_of,
    visit,
)

Pair = tuple[Site, RawFarEnd]


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with visit() as both:
        yield both


async def offered(pair: Pair, *lines: str, body: str = SDP, **more: Any) -> tuple[IncomingCall, str]:
    """A call that rings, and our 180."""
    ours, far = pair
    far.send(request("INVITE", far.port, *lines, body=body, **more), ours.port)
    await far.next("SIP/2.0 100")
    ringing = await far.next("SIP/2.0 180")
    return await asyncio.wait_for(ours.told.calls.get(), 2), ringing


async def answered(pair: Pair, *lines: str, **more: Any) -> tuple[IncomingCall, str]:
    """A call that is up, and our 200."""
    ours, far = pair
    call, _ = await offered(pair, *lines, **more)
    await call.voice.answer()
    ok = await far.next("SIP/2.0 200")
    far.send(request("ACK", far.port, to=header(ok, "To"), branch="z9hG4bKack"), ours.port)
    await asyncio.sleep(0.01)
    return call, ok


def within(pair: Pair, method: str, ok: str, cseq: int, *lines: str, **more: Any) -> None:
    """Send a request in the dialog of this 200."""
    ours, far = pair
    text = request(method, far.port, *lines, to=header(ok, "To"), cseq=cseq, branch=f"z9hG4bKd{cseq}{method}", **more)
    far.send(text, ours.port)


async def reached(far: RawFarEnd, cseq: str) -> None:
    """Until our 200 to this request is here; others are passed over."""
    while header(await far.next("SIP/2.0 200"), "CSeq") != cseq:
        pass


async def test_100_at_once_then_180_and_the_caller_is_told(pair: Pair) -> None:
    call, ringing = await offered(pair, sender='"Sok" <sip:+85512345678@127.0.0.1>;tag=f1', uri="sip:goip02@127.0.0.1")
    assert (call.channel, call.caller) == (LINE2, "+85512345678")
    assert header(ringing, "Contact").startswith(f"<sip:goip02@127.0.0.1:{pair[0].port}")


async def test_a_repeated_invite_gets_the_same_200_and_is_no_second_call(pair: Pair) -> None:
    ours, far = pair
    _, ok = await answered(pair)
    far.send(request("INVITE", far.port, body=SDP), ours.port)
    assert await far.next("SIP/2.0 200") == ok
    assert ours.told.calls.empty()
    assert ours.stack.counts["dialogs"] == 1


async def test_a_repeated_invite_while_it_rings_gets_the_180_again(pair: Pair) -> None:
    ours, far = pair
    _, ringing = await offered(pair)
    far.send(request("INVITE", far.port, body=SDP), ours.port)
    assert await far.next("SIP/2.0 180") == ringing
    assert ours.told.calls.empty()


async def test_the_same_invite_by_another_way_is_a_loop(pair: Pair) -> None:
    ours, far = pair
    await offered(pair)
    far.send(request("INVITE", far.port, body=SDP, branch="z9hG4bKother"), ours.port)
    await far.next("SIP/2.0 482")
    assert ours.told.calls.empty()


async def test_the_200_is_repeated_until_its_ack_and_without_one_the_call_ends_with_bye(pair: Pair) -> None:
    ours, far = pair
    call, _ = await offered(pair)
    await call.voice.answer()
    await far.next("SIP/2.0 200")
    await far.next("SIP/2.0 200")
    bye = await far.next("BYE", within_s=6)
    far.send(answer(bye, "200 OK"), ours.port)
    assert await ours.told.heard.until("ended") == VoiceEvent(VoiceEventKind.ENDED, 102)


async def test_the_offered_dtmf_type_and_codec_are_kept(pair: Pair) -> None:
    ours, _ = pair
    call, ok = await answered(pair)
    assert re.search(r"m=audio \d+ RTP/AVP 8 97\r\n", ok)
    assert "a=rtpmap:97 telephone-event/8000" in ok
    plan = ours.media.sessions[0].plans[-1]
    assert (plan.address, plan.port, plan.payload_type, plan.dtmf) == ("127.0.0.1", 30000, 8, 97)
    assert call.voice.detects_dtmf
    assert call.voice.pcm is not None


async def test_of_two_calls_in_one_breath_a_line_for_one_takes_the_first(pair: Pair) -> None:
    ours, far = pair
    for n in (1, 2):
        text = request("INVITE", far.port, call_id=f"c{n}", branch=f"z9hG4bK{n}", body=SDP)
        ours.stack._take(text.encode(), Hop("127.0.0.1", far.port))
    assert header(await far.next("SIP/2.0 486"), "Call-ID") == "c2"
    assert header(await far.next("SIP/2.0 180"), "Call-ID") == "c1"
    assert ours.told.calls.qsize() == 1


async def test_bye_with_a_q850_reason(pair: Pair) -> None:
    ours, far = pair
    _, ok = await answered(pair)
    within(pair, "BYE", ok, 2, 'Reason: Q.850;cause=38;text="x"')
    await far.next("SIP/2.0 200")
    assert await ours.told.heard.until("ended") == VoiceEvent(VoiceEventKind.ENDED, 38)
    within(pair, "BYE", ok, 3)
    await far.next("SIP/2.0 481")


async def test_our_bye_goes_to_the_source_with_the_contact_as_its_uri_and_is_repeated(pair: Pair) -> None:
    ours, far = pair
    far.send(
        request("INVITE", far.port, body=SDP).replace(
            f"Contact: <sip:goip01@127.0.0.1:{far.port}>", "Contact: <sip:goip01@10.9.9.9:5062;transport=UDP>"
        ),
        ours.port,
    )
    call = await asyncio.wait_for(ours.told.calls.get(), 2)
    await call.voice.answer()
    ok = await far.next("SIP/2.0 200")
    far.send(request("ACK", far.port, to=header(ok, "To"), branch="z9hG4bKack"), ours.port)
    await asyncio.sleep(0.02)
    ending = asyncio.create_task(call.voice.hang_up(17))
    bye = await far.next("BYE")
    assert bye.startswith("BYE sip:goip01@10.9.9.9:5062;transport=UDP SIP/2.0\r\n")
    assert header(bye, "Reason") == "Q.850;cause=17"
    again = await far.next("BYE")
    assert again == bye
    far.send(answer(again, "200 OK"), ours.port)
    await ending
    assert ours.told.heard.events[-1] == VoiceEvent(VoiceEventKind.ENDED, 17)


async def test_our_bye_waits_for_the_ack(pair: Pair) -> None:
    ours, far = pair
    call, _ = await offered(pair)
    await call.voice.answer()
    ok = await far.next("SIP/2.0 200")
    ending = asyncio.create_task(call.voice.hang_up())
    await asyncio.sleep(0.12)
    assert not [text for text in far.all if text.startswith("BYE")]
    far.send(request("ACK", far.port, to=header(ok, "To"), branch="z9hG4bKack"), ours.port)
    far.send(answer(await far.next("BYE"), "200 OK"), ours.port)
    await ending


async def test_a_bye_that_nobody_answers_is_sent_again_as_a_new_one(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.drivers.sip.call.HANG_UP_S", 2.2)
    _, far = pair
    call, _ = await answered(pair)
    await call.voice.hang_up()
    numbers = {header(text, "CSeq") for text in far.all if text.startswith("BYE")}
    assert numbers >= {"1 BYE", "2 BYE"}


async def test_cancel_gets_200_and_the_invite_487(pair: Pair) -> None:
    ours, far = pair
    _, ringing = await offered(pair)
    far.send(request("CANCEL", far.port), ours.port)
    cancelled = await far.next("SIP/2.0 200")
    assert header(cancelled, "CSeq") == "1 CANCEL"
    refused = await far.next("SIP/2.0 487")
    assert tag_of(header(refused, "To")) == tag_of(header(ringing, "To"))
    far.send(request("ACK", far.port, to=header(refused, "To")), ours.port)
    await ours.told.heard.until("ended")
    far.drain()
    await far.silence()


async def test_a_cancel_after_the_answer_changes_nothing(pair: Pair) -> None:
    ours, far = pair
    await answered(pair)
    far.send(request("CANCEL", far.port), ours.port)
    await far.next("SIP/2.0 200")
    await asyncio.sleep(0.05)
    assert ours.told.heard.kinds == []


async def test_a_cancel_of_nothing_is_481(pair: Pair) -> None:
    ours, far = pair
    far.send(request("CANCEL", far.port), ours.port)
    await far.next("SIP/2.0 481")


async def test_a_reinvite_in_the_middle_of_a_cancel(pair: Pair) -> None:
    ours, far = pair
    _, ringing = await offered(pair)
    far.send(request("CANCEL", far.port), ours.port)
    within(pair, "INVITE", ringing, 2, body=SDP)
    await far.next("SIP/2.0 487")
    refused = [text for text in far.all if "2 INVITE" in text and not text.startswith("SIP/2.0 100")]
    async with asyncio.timeout(2):
        while not refused:
            refused = [await far.next("SIP/2.0 ")]
            refused = [text for text in refused if "2 INVITE" in text and not text.startswith("SIP/2.0 100")]
    assert refused[0].split()[1] in ("481", "500")
    await ours.told.heard.until("ended")
    assert ours.stack.counts["dialogs"] == 0
    assert ours.told.calls.empty()


async def test_a_reinvite_before_the_answer_is_refused_for_a_while(pair: Pair) -> None:
    _, far = pair
    _, ringing = await offered(pair)
    within(pair, "INVITE", ringing, 2, body=SDP)
    refused = await far.next("SIP/2.0 500")
    assert header(refused, "Retry-After") == "2"


@pytest.mark.parametrize(
    ("old", "new", "answered_as"),
    [
        ("a=ptime:20", "a=ptime:20\r\na=sendonly", "recvonly"),
        ("a=ptime:20", "a=ptime:20\r\na=inactive", "inactive"),
        ("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0", "recvonly"),
    ],
)
async def test_hold_keeps_silence_going_to_where_it_went(pair: Pair, old: str, new: str, answered_as: str) -> None:
    ours, far = pair
    _, ok = await answered(pair)
    within(pair, "INVITE", ok, 2, body=SDP.replace(old, new))
    held = await far.next("SIP/2.0 200")
    assert f"a={answered_as}\r\n" in held
    versions = [int(re.findall(r"o=- \d+ (\d+)", text)[0]) for text in (ok, held)]
    assert versions[1] == versions[0] + 1
    plan = ours.media.sessions[0].plans[-1]
    assert not plan.send
    assert (plan.address, plan.port) == ("127.0.0.1", 30000)
    assert not ours.media.sessions[0].closed


async def test_an_offer_that_cannot_be_met_is_488_and_the_call_goes_on(pair: Pair) -> None:
    ours, far = pair
    _, ok = await answered(pair)
    within(pair, "INVITE", ok, 2, body=SDP.replace("8 0 18 4 97", "18"))
    assert "399" in header(await far.next("SIP/2.0 488"), "Warning")
    assert ours.told.heard.kinds == []


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (SDP.replace("RTP/AVP", "RTP/SAVP"), "SRTP"),
        (SDP + "a=X-ACrypt:1\r\n", "X-ACrypt"),
        (SDP.replace("8 0 18 4 97", "18 4"), "codec"),
        (SDP.replace("m=audio", "m=image"), "audio"),
        ("nonsense", "SDP"),
    ],
)
async def test_what_cannot_be_agreed_never_rings(pair: Pair, body: str, word: str) -> None:
    ours, far = pair
    far.send(request("INVITE", far.port, body=body), ours.port)
    assert word in header(await far.next("SIP/2.0 488"), "Warning")
    assert ours.told.calls.empty()
    assert all(session.closed for session in ours.media.sessions)


async def test_srtp_without_keys_is_488_even_where_srtp_is_set_up() -> None:
    async with visit(quirks=replace(CALM, srtp=True)) as (ours, far):
        secure = SDP.replace("RTP/AVP", "RTP/SAVP")
        far.send(request("INVITE", far.port, body=secure), ours.port)
        assert "a=crypto" in header(await far.next("SIP/2.0 488"), "Warning")
        key = "inline:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNk"
        body = secure + f"a=crypto:3 AES_CM_128_HMAC_SHA1_80 {key}\r\n"
        far.send(request("INVITE", far.port, body=body, call_id="c2", branch="z9hG4bKs"), ours.port)
        call = await asyncio.wait_for(ours.told.calls.get(), 2)
        await call.voice.answer()
        ok = await far.next("SIP/2.0 200")
        assert "RTP/SAVP" in ok
        assert "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:" in ok
        srtp = ours.media.sessions[-1].plans[-1].srtp
        assert srtp is not None
        assert srtp.theirs == b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcd"


async def test_busy_line_is_486_and_the_other_line_still_takes_calls(pair: Pair) -> None:
    ours, far = pair
    await offered(pair, uri="sip:goip01@127.0.0.1", sender="<sip:012@127.0.0.1>;tag=a")
    second = request(
        "INVITE", far.port, uri="sip:goip01@127.0.0.1", sender="<sip:013@x>;tag=b", call_id="c2", branch="z9hG4bK2",
        body=SDP,
    )  # fmt: skip
    far.send(second, ours.port)
    await far.next("SIP/2.0 486")
    await offered(pair, uri="sip:goip02@127.0.0.1", sender="<sip:013@x>;tag=c", call_id="c3", branch="z9hG4bK3")


async def test_no_port_for_sound_is_503() -> None:
    async with visit(media=FakeMediaPorts(0)) as (ours, far):
        far.send(request("INVITE", far.port, body=SDP), ours.port)
        assert header(await far.next("SIP/2.0 503"), "Reason") == "Q.850;cause=34"


@pytest.mark.parametrize(("cause", "status"), [(17, "486"), (21, "603"), (16, "480"), (41, "503")])
async def test_hanging_up_a_ringing_call_refuses_it(pair: Pair, cause: int, status: str) -> None:
    ours, far = pair
    call, _ = await offered(pair)
    await call.voice.hang_up(cause)
    refused = await far.next(f"SIP/2.0 {status}")
    assert header(refused, "Reason") == f"Q.850;cause={cause}"
    assert await ours.told.heard.until("ended") == VoiceEvent(VoiceEventKind.ENDED, cause)
    with pytest.raises(DeviceRefused):
        await call.voice.answer()


@pytest.mark.parametrize(
    ("method", "status"),
    [("OPTIONS", 200), ("SUBSCRIBE", 489), ("NOTIFY", 489), ("PUBLISH", 489), ("REFER", 405), ("FOO", 501),
     ("BYE", 481), ("INFO", 481), ("UPDATE", 481), ("PRACK", 481)],
)  # fmt: skip
async def test_every_method_gets_an_answer(pair: Pair, method: str, status: int) -> None:
    ours, far = pair
    far.send(request(method, far.port), ours.port)
    reply = await far.next("SIP/2.0 ")
    assert reply.split()[1] == str(status)
    if status in (405, 501, 200):
        assert "INVITE" in header(reply, "Allow")


async def test_an_extension_that_is_required_and_unknown_is_420(pair: Pair) -> None:
    ours, far = pair
    far.send(request("INVITE", far.port, "Require: foo, 100rel", body=SDP), ours.port)
    assert header(await far.next("SIP/2.0 420"), "Unsupported") == "foo"
    assert ours.told.calls.empty()


async def test_a_request_older_than_the_last_is_500(pair: Pair) -> None:
    _, far = pair
    _, ok = await answered(pair)
    within(pair, "INFO", ok, 9)
    await far.next("SIP/2.0 200")
    within(pair, "INFO", ok, 3)
    await far.next("SIP/2.0 500")


async def test_a_key_told_both_ways_counts_once(pair: Pair) -> None:
    ours, far = pair
    _, ok = await answered(pair)
    media = ours.media.sessions[0]
    info = {"body": "Signal=5\r\nDuration=160\r\n"}
    kind = "Content-Type: application/dtmf-relay"
    media.on_digit("5")
    within(pair, "INFO", ok, 2, kind, **info)
    await far.next("SIP/2.0 200")
    within(pair, "INFO", ok, 3, kind, **info)  # a second press, seen by INFO first
    await far.next("SIP/2.0 200")
    media.on_digit("5")
    within(pair, "INFO", ok, 4, kind, body="Signal=*\r\n")
    await far.next("SIP/2.0 200")
    assert ours.told.heard.digits == "55*"


async def test_keys_are_pressed_by_rfc4733_or_by_info(pair: Pair) -> None:
    ours, far = pair
    call, _ = await answered(pair)
    await call.voice.send_digits("12#")
    assert ours.media.sessions[0].pressed == ["12#"]
    no_events = SDP.replace(" 97", "").replace("a=rtpmap:97 telephone-event/8000\r\na=fmtp:97 0-15\r\n", "")
    second, _ = await answered(pair, body=no_events, uri="sip:goip02@127.0.0.1", call_id="c2", branch="z9hG4bKz")
    assert not second.voice.detects_dtmf
    sending = asyncio.create_task(second.voice.send_digits("7"))
    info = await far.next("INFO")
    assert "Signal=7" in info
    far.send(answer(info, "200 OK"), ours.port)
    await sending


async def test_a_gateway_that_falls_silent_is_hung_up() -> None:
    async with visit(quirks=replace(CALM, rtp_dead_s=1.5)) as (ours, far):
        await answered((ours, far))
        ours.media.sessions[0].heard = None
        bye = await far.next("BYE", within_s=4)
        far.send(answer(bye, "200 OK"), ours.port)
        assert await ours.told.heard.until("ended") == VoiceEvent(VoiceEventKind.ENDED, 41)


async def test_a_gateway_that_lost_power_is_waited_for_only_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers the BYE: the core hears of the end all the same, while the line is not taken for free."""
    monkeypatch.setattr("edge_agent.drivers.sip.call.HANG_UP_S", 0.3)
    async with visit(quirks=replace(CALM, rtp_dead_s=0.5)) as (ours, far):
        await answered((ours, far))
        ours.media.sessions[0].heard = None
        await far.next("BYE", within_s=4)
        assert await ours.told.heard.until("ended", 1.5) == VoiceEvent(VoiceEventKind.ENDED, 41)
        assert ours.peer.busy(LINE1)
        far.drain()
        far.send(answer(await far.next("BYE", within_s=4), "481 Call Does Not Exist"), ours.port)
        async with asyncio.timeout(2):
            while ours.peer.busy(LINE1):  # noqa: ASYNC110  (a line tells nobody that it is free)
                await asyncio.sleep(0.02)
        assert ours.told.heard.kinds == ["ended"]


async def test_who_offers_a_call_has_ended_the_one_before(pair: Pair) -> None:
    """The BYE is not answered, and may never be; a new call on the line says enough."""
    ours, far = pair
    first, _ = await answered(pair)
    ending = asyncio.create_task(first.voice.hang_up())
    await far.next("BYE")
    assert ours.peer.busy(LINE1)
    far.send(request("INVITE", far.port, body=SDP, call_id="c2", branch="z9hG4bKsecond"), ours.port)
    second = await asyncio.wait_for(ours.told.calls.get(), 2)
    assert second.channel == LINE1
    far.send(request("INVITE", far.port, body=SDP, call_id="c3", branch="z9hG4bKthird"), ours.port)
    await far.next("SIP/2.0 486")
    ending.cancel()


async def test_a_call_must_prove_itself_where_that_is_set() -> None:
    lines = (LineSettings(LINE1, "goip01", Credentials("goip01", "secret")),)
    async with visit(challenge=True, lines=lines) as (ours, far):
        far.send(request("INVITE", far.port, body=SDP), ours.port)
        asked = await far.next("SIP/2.0 401")
        assert header(asked, "WWW-Authenticate").startswith("Digest realm=")
        wrong = 'Authorization: Digest username="goip01", realm="x", nonce="y", uri="sip:x", response="z"'
        far.send(request("INVITE", far.port, wrong, body=SDP, cseq=2, branch="z9hG4bK2"), ours.port)
        await far.next("SIP/2.0 403")
        assert ours.told.calls.empty()
        assert [stranger.last for stranger in ours.stack.strangers] == ["INVITE with a wrong password"]


async def test_an_expected_invite_goes_to_who_expects_it(pair: Pair) -> None:
    ours, far = pair
    claim = ours.peer.expect(LINE2, "leg-7f")
    far.send(request("INVITE", far.port, uri="sip:leg-7f@127.0.0.1", body=SDP), ours.port)
    call = await asyncio.wait_for(claim, 2)
    assert call.channel == LINE2
    assert ours.told.calls.empty()
    await call.voice.answer()
    await far.next("SIP/2.0 200")
    dropped = ours.peer.expect(LINE2, "leg-8")
    dropped.cancel()
    await asyncio.sleep(0)
    assert not ours.peer.claimed


async def test_a_late_offer_is_answered_in_the_ack(pair: Pair) -> None:
    ours, far = pair
    call, _ = await offered(pair, body="")
    await call.voice.answer()
    ok = await far.next("SIP/2.0 200")
    assert re.search(r"m=audio \d+ RTP/AVP 8 0 101", ok)
    answer_sdp = SDP.replace("8 0 18 4 97", "0 97")
    far.send(request("ACK", far.port, to=header(ok, "To"), branch="z9hG4bKa", body=answer_sdp), ours.port)
    await asyncio.sleep(0.02)
    assert ours.media.sessions[0].plans[-1].payload_type == 0


async def test_a_reinvite_that_overtakes_the_ack_leaves_both_to_be_acknowledged(pair: Pair) -> None:
    _, far = pair
    call, _ = await offered(pair)
    await call.voice.answer()
    ok = await far.next("SIP/2.0 200")
    within(pair, "INVITE", ok, 2, body=SDP)
    await reached(far, "2 INVITE")
    within(pair, "ACK", ok, 2)
    within(pair, "ACK", ok, 1)
    within(pair, "OPTIONS", ok, 3)
    await reached(far, "3 OPTIONS")
    far.drain()
    await far.silence(0.3)  # neither 200 is repeated


async def test_an_ack_that_comes_twice_is_not_that_of_the_next_invite(pair: Pair) -> None:
    ours, far = pair
    _, ok = await answered(pair)
    within(pair, "INVITE", ok, 2)
    offer = await far.next("SIP/2.0 200")
    assert "m=audio" in offer
    within(pair, "ACK", ok, 1)
    within(pair, "ACK", ok, 2, body=SDP.replace("30000", "30010"))
    within(pair, "OPTIONS", ok, 3)
    await reached(far, "3 OPTIONS")
    assert ours.media.sessions[0].plans[-1].port == 30010
    assert ours.told.heard.kinds == []


async def test_a_session_that_is_not_refreshed_ends(pair: Pair) -> None:
    call, ok = await answered(pair, "Supported: timer", "Session-Expires: 90;refresher=uac")
    assert header(ok, "Session-Expires") == "90;refresher=uac"
    assert header(ok, "Require") == "timer"
    timer = call.voice.refresh.timer  # type: ignore[attr-defined]
    assert (timer.refresh_after_s, timer.dead_after_s) == (45.0, 60.0)


async def test_via_without_rport_is_answered_where_it_says(pair: Pair) -> None:
    ours, far = pair

    def options(via: str, number: int) -> str:
        return request("OPTIONS", far.port, via=f"Via: SIP/2.0/UDP {via};branch=z9hG4bK{number}", call_id=f"c{number}")

    async with far_end() as other:
        far.send(options(f"127.0.0.1:{other.port}", 1), ours.port)
        await other.next("SIP/2.0 200")
    far.send(options("192.168.7.7:5060", 2), ours.port)
    assert "received=127.0.0.1" in header(await far.next("SIP/2.0 200"), "Via")
    far.send(options("10.0.0.1:5060;rport", 3), ours.port)
    assert f"rport={far.port}" in header(await far.next("SIP/2.0 200"), "Via")


async def test_without_anybody_to_take_it_a_call_is_480() -> None:
    async with visit() as (ours, far):
        ours.peer.events = None
        far.send(request("INVITE", far.port, body=SDP), ours.port)
        await far.next("SIP/2.0 480")
