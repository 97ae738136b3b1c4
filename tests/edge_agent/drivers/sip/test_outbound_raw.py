"""Calls that we make, datagram by datagram."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from edge_agent.contracts import VoiceEvent, VoiceEventKind
from edge_agent.drivers.gateway.gateway import Gateway
from edge_agent.drivers.gateway.profile import GatewayProfile
from edge_agent.drivers.sip.call import SipCall
from edge_agent.drivers.sip.peer import SipPeer
from edge_agent.drivers.sip.session_timer import SessionTimer
from edge_agent.drivers.sip.settings import AnswerMode, Credentials, LineSettings, SipQuirks
from telecore.audio.frames import FRAME_BYTES
from telecore.audio.tone import tone
from telecore.errors import Busy, DeviceRefused, InvalidRequest, NoNetwork
from telecore.ids import E164, DeviceId
from tests.fakes.sip_site import (
    CALM,
    LINE1,
    LINE2,
    SDP,
    Heard,
    RawFarEnd,
    Site,
    Told,
    answer,
    far_end,
    gateway,
    header,
    request,
    site,
    tag_of,
    visit,
)

Pair = tuple[Site, RawFarEnd]
NUMBER = "+85512345678"


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with visit() as both:
        yield both


async def dialled(pair: Pair, to: str = NUMBER) -> tuple[SipCall, Heard, str]:
    """A call under way, and its INVITE."""
    ours, far = pair
    heard = Heard()
    call = await ours.peer.voice(LINE1).dial(to, heard)
    assert isinstance(call, SipCall)
    return call, heard, await far.next("INVITE")


def contact(far: RawFarEnd) -> str:
    return f"Contact: <sip:gw@127.0.0.1:{far.port}>"


async def connected(pair: Pair, *lines: str) -> tuple[SipCall, Heard, str]:
    ours, far = pair
    call, heard, invite = await dialled(pair)
    ok = answer(invite, "200 OK", contact(far), *lines, body=SDP)
    far.send(ok, ours.port)
    await far.next("ACK")
    await heard.until("answered")
    return call, heard, ok


async def test_an_invite_is_repeated_until_something_comes_and_no_longer(pair: Pair) -> None:
    ours, far = pair
    _, _, invite = await dialled(pair)
    assert await far.next("INVITE") == invite
    far.send(answer(invite, "100 Trying", tag=""), ours.port)
    await asyncio.sleep(0.05)
    far.drain()
    await far.silence(0.3)


async def test_nobody_answers(pair: Pair) -> None:
    _, heard, _ = await dialled(pair)
    assert await heard.until("ended", 6) == VoiceEvent(VoiceEventKind.ENDED, 102)


async def test_183_with_sound_is_early_media_and_no_ringing_and_180_keeps_it(pair: Pair) -> None:
    ours, far = pair
    call, heard, invite = await dialled(pair)
    assert call.pcm is None
    far.send(answer(invite, "183 Session Progress", contact(far), body=SDP), ours.port)
    await asyncio.sleep(0.03)
    media = ours.media.sessions[0]
    assert call.pcm is media
    assert heard.kinds == []
    far.send(answer(invite, "180 Ringing", contact(far)), ours.port)
    await heard.until("ringing")
    assert len(media.plans) == 1
    far.send(answer(invite, "200 OK", contact(far), body=SDP.replace("30000", "30010")), ours.port)
    await heard.until("answered")
    assert [plan.port for plan in media.plans] == [30000, 30010]
    assert heard.kinds == ["ringing", "answered"]


async def test_the_answer_of_the_183_holds_for_a_200_without_one(pair: Pair) -> None:
    ours, far = pair
    _, heard, invite = await dialled(pair)
    far.send(answer(invite, "183 Session Progress", contact(far), body=SDP), ours.port)
    far.send(answer(invite, "200 OK", contact(far)), ours.port)
    await heard.until("answered")
    assert len(ours.media.sessions[0].plans) == 1


async def test_the_ack_goes_to_the_contact_and_again_for_each_repetition(pair: Pair) -> None:
    ours, far = pair
    _, _, invite = await dialled(pair)
    ok = answer(invite, "200 OK", "Contact: <sip:gw@10.1.1.1:5070;transport=UDP>", body=SDP)
    far.send(ok, ours.port)
    ack = await far.next("ACK")
    assert ack.startswith("ACK sip:gw@10.1.1.1:5070;transport=UDP SIP/2.0")
    far.send(ok, ours.port)
    await far.next("ACK")


@pytest.mark.parametrize(
    ("status", "lines", "cause"),
    [
        ("486 Busy Here", (), 17),
        ("480 Remote Busy", (), 18),
        ("480 Remote Busy", ("Reason: Q.850;cause=17",), 17),
        ("404 Not Found", (), 1),
        ("503 x", ('Reason: SIP;cause=503, Q.850 ;text="a" ;cause=34',), 34),
        ("603 Decline", (), 21),
        ("302 Moved", ("Contact: <sip:evil@10.0.0.1>",), 23),
        ("499 What", (), 127),
    ],
)
async def test_refusals_are_acknowledged_and_told_by_their_cause(
    pair: Pair, status: str, lines: tuple[str, ...], cause: int
) -> None:
    ours, far = pair
    _, heard, invite = await dialled(pair)
    far.send(answer(invite, status, *lines), ours.port)
    ack = await far.next("ACK")
    assert header(ack, "Via") == header(invite, "Via")
    assert heard.events == [VoiceEvent(VoiceEventKind.ENDED, cause)]
    assert ours.media.sessions[0].closed


async def test_480_is_busy_where_the_profile_says_so() -> None:
    async with visit(quirks=replace(CALM, busy_480=True)) as (ours, far):
        _, heard, invite = await dialled((ours, far))
        far.send(answer(invite, "480 Temporarily Unavailable"), ours.port)
        assert (await heard.until("ended")).cause == 17


@pytest.mark.parametrize(("lines", "cause"), [((), 31), (("Reason: Q.850;cause=27",), 27)])
async def test_a_response_that_the_box_gives_to_everything_says_nothing(lines: tuple[str, ...], cause: int) -> None:
    async with visit(quirks=replace(CALM, vague=(603,))) as (ours, far):
        _, heard, invite = await dialled((ours, far))
        far.send(answer(invite, "603 Decline", *lines), ours.port)
        assert (await heard.until("ended")).cause == cause


async def test_cancel_waits_for_a_1xx(pair: Pair) -> None:
    ours, far = pair
    call, heard, invite = await dialled(pair)
    ending = asyncio.create_task(call.hang_up(16))
    await asyncio.sleep(0.1)
    assert not [text for text in far.all if text.startswith("CANCEL")]
    far.send(answer(invite, "100 Trying", tag=""), ours.port)
    cancel = await far.next("CANCEL")
    assert header(cancel, "Via") == header(invite, "Via")
    far.send(answer(cancel, "200 OK"), ours.port)
    far.send(answer(invite, "487 Request Terminated"), ours.port)
    await far.next("ACK")
    await ending
    assert heard.events == [VoiceEvent(VoiceEventKind.ENDED, 16)]


async def test_a_200_that_crosses_the_cancel_is_acknowledged_and_ended(pair: Pair) -> None:
    ours, far = pair
    call, heard, invite = await dialled(pair)
    far.send(answer(invite, "180 Ringing", contact(far)), ours.port)
    await heard.until("ringing")
    ending = asyncio.create_task(call.hang_up(16))
    cancel = await far.next("CANCEL")
    far.send(answer(invite, "200 OK", contact(far), body=SDP), ours.port)
    far.send(answer(cancel, "200 OK"), ours.port)
    await far.next("ACK")
    far.send(answer(await far.next("BYE"), "200 OK"), ours.port)
    await ending
    assert heard.kinds == ["ringing", "ended"]


async def test_a_200_before_any_1xx_after_hanging_up_is_ended_too(pair: Pair) -> None:
    ours, far = pair
    call, heard, invite = await dialled(pair)
    ending = asyncio.create_task(call.hang_up())
    await asyncio.sleep(0.01)
    far.send(answer(invite, "200 OK", contact(far), body=SDP), ours.port)
    far.send(answer(await far.next("BYE"), "200 OK"), ours.port)
    await ending
    assert heard.kinds == ["ended"]


async def test_a_cancel_that_changes_nothing_counts_after_a_while(pair: Pair) -> None:
    ours, far = pair
    call, heard, invite = await dialled(pair)
    far.send(answer(invite, "180 Ringing", contact(far)), ours.port)
    await heard.until("ringing")
    await call.hang_up()
    await heard.until("ended", 5)
    assert ours.stack.counts["dialogs"] == 0


async def test_a_second_fork_that_answers_is_acknowledged_and_hung_up(pair: Pair) -> None:
    ours, far = pair
    _, heard, ok = await connected(pair)
    second = ok.replace(";tag=g1", ";tag=g2")
    far.send(second, ours.port)
    assert tag_of(header(await far.next("ACK"), "To")) == "g2"
    bye = await far.next("BYE")
    assert tag_of(header(bye, "To")) == "g2"
    far.send(answer(bye, "200 OK"), ours.port)
    assert heard.kinds == ["answered"]


async def test_a_gateway_that_challenges_is_answered_once_and_a_wrong_password_is_told() -> None:
    credentials = Credentials("site", "gsm")
    async with visit(credentials=credentials) as (ours, far):
        _, heard, invite = await dialled((ours, far))
        asks = 'WWW-Authenticate: Digest realm="goip", nonce="n1"'
        far.send(answer(invite, "401 Unauthorized", asks), ours.port)
        await far.next("ACK")
        again = await far.next("INVITE")
        assert 'username="site", realm="goip", nonce="n1"' in header(again, "Authorization")
        assert "qop" not in header(again, "Authorization")
        assert header(again, "CSeq") == "2 INVITE"
        assert header(again, "Call-ID") == header(invite, "Call-ID")
        far.send(answer(again, "401 Unauthorized", asks.replace("n1", "n2")), ours.port)
        assert await heard.until("ended") == VoiceEvent(VoiceEventKind.ENDED, 21)


async def test_a_stale_nonce_is_tried_again() -> None:
    async with visit(credentials=Credentials("site", "gsm")) as (ours, far):
        _, heard, invite = await dialled((ours, far))
        for number, stale in ((1, ""), (2, ", stale=true")):
            asks = f'Proxy-Authenticate: Digest realm="t", nonce="n{number}", qop="auth", algorithm=SHA-256{stale}'
            far.send(answer(invite, "407 Proxy Authentication Required", asks), ours.port)
            invite = await far.next("INVITE")
            assert "algorithm=SHA-256" in header(invite, "Proxy-Authorization")
        far.send(answer(invite, "200 OK", contact(far), body=SDP), ours.port)
        assert "n2" in header(await far.next("ACK"), "Proxy-Authorization")
        await heard.until("answered")


async def test_glare_is_tried_again_after_a_moment(pair: Pair) -> None:
    ours, far = pair
    call, _, _ = await connected(pair)
    ours.stack.uniform = lambda low, high: low / 20  # type: ignore[method-assign]
    call.refresh.reinvite()
    first = await far.next("INVITE")
    # Theirs, in the middle of ours.
    theirs = request(
        "INVITE", far.port, sender=header(first, "To"), to=header(first, "From"), call_id=header(first, "Call-ID"),
        branch="z9hG4bKg", body=SDP,
    )  # fmt: skip
    far.send(theirs, ours.port)
    await far.next("SIP/2.0 491")
    far.send(answer(first, "491 Request Pending"), ours.port)
    second = await far.next("INVITE")
    assert header(second, "CSeq") != header(first, "CSeq")
    versions = [int(re.findall(r"o=- \d+ (\d+)", text)[0]) for text in (first, second)]
    assert versions[1] == versions[0] + 1
    far.send(answer(second, "200 OK", contact(far), body=SDP), ours.port)
    await far.next("ACK")
    assert not call.refresh.pending


async def test_a_session_timer_too_brief_for_them_is_raised() -> None:
    quirks = replace(CALM, session_timer=True, session_expires_s=100)
    async with visit(quirks=quirks) as (ours, far):
        _, _, invite = await dialled((ours, far))
        assert header(invite, "Session-Expires") == "100"
        far.send(answer(invite, "422 Session Interval Too Small", "Min-SE: 1800"), ours.port)
        assert header(await far.next("INVITE"), "Session-Expires") == "1800"


async def test_never_required_is_what_gateways_do_not_know(pair: Pair) -> None:
    _, _, invite = await dialled(pair)
    assert "Require:" not in invite
    assert "100rel" in header(invite, "Supported")
    assert re.search(r"m=audio \d+ RTP/AVP 8 0 101\r\n", invite)


async def test_reliable_responses_are_acknowledged_in_their_order(pair: Pair) -> None:
    ours, far = pair
    call, _, invite = await dialled(pair)
    first = answer(invite, "183 Session Progress", contact(far), "Require: 100rel", "RSeq: 5", body=SDP)
    far.send(first, ours.port)
    prack = await far.next("PRACK")
    assert header(prack, "RAck") == "5 1 INVITE"
    far.send(answer(prack, "200 OK"), ours.port)
    far.send(first, ours.port)
    far.send(answer(invite, "180 Ringing", contact(far), "Require: 100rel", "RSeq: 9"), ours.port)  # one is missing
    await far.silence(0.1)
    far.send(answer(invite, "180 Ringing", contact(far), "Require: 100rel", "RSeq: 6"), ours.port)
    assert header(await far.next("PRACK"), "RAck") == "6 1 INVITE"
    assert call.pcm is not None


async def test_update_and_bye_of_the_far_end(pair: Pair) -> None:
    ours, far = pair
    _, heard, ok = await connected(pair)
    named = {"sender": header(ok, "To"), "to": header(ok, "From"), "call_id": header(ok, "Call-ID")}
    update = request("UPDATE", far.port, branch="z9hG4bKu", body=SDP.replace("30000", "30020"), **named)
    far.send(update, ours.port)
    assert "m=audio" in await far.next("SIP/2.0 200")
    assert ours.media.sessions[0].plans[-1].port == 30020
    far.send(request("BYE", far.port, branch="z9hG4bKv", cseq=2, **named), ours.port)
    await far.next("SIP/2.0 200")
    assert (await heard.until("ended")).cause == 16


async def test_an_answer_that_cannot_be_used_ends_the_call_properly(pair: Pair) -> None:
    ours, far = pair
    _, heard, invite = await dialled(pair)
    far.send(answer(invite, "200 OK", contact(far), body=SDP.replace("8 0 18 4 97", "18")), ours.port)
    await far.next("ACK")
    far.send(answer(await far.next("BYE"), "200 OK"), ours.port)
    assert (await heard.until("ended")).cause == 127


async def test_false_answer_is_ringing_until_somebody_is_heard() -> None:
    async with visit(quirks=replace(CALM, answer=AnswerMode.ALERTED)) as (ours, far):
        _, heard, invite = await dialled((ours, far))
        far.send(answer(invite, "200 OK", contact(far), body=SDP), ours.port)
        await heard.until("ringing")
        media = ours.media.sessions[0]
        ringback = tone((425,), 1000)
        for at in range(0, len(ringback) - FRAME_BYTES, FRAME_BYTES):
            media.on_frame(ringback[at : at + FRAME_BYTES])
        assert heard.kinds == ["ringing"]
        speech = tone((900,), 400)
        for at in range(0, len(speech) - FRAME_BYTES, FRAME_BYTES):
            media.on_frame(speech[at : at + FRAME_BYTES])
        assert heard.kinds == ["ringing", "answered"]


async def test_early_sound_that_rings_is_ringing_and_a_busy_tone_is_not(pair: Pair) -> None:
    ours, far = pair
    _, heard, invite = await dialled(pair)
    far.send(answer(invite, "183 Session Progress", contact(far), body=SDP), ours.port)
    await asyncio.sleep(0.03)
    media = ours.media.sessions[0]

    def say(samples: bytes) -> None:
        for at in range(0, len(samples), FRAME_BYTES):
            media.on_frame(samples[at : at + FRAME_BYTES])

    for _ in range(4):
        say(tone((425,), 500, -20) + bytes(8000))
    say(tone((900,), 2000, -20))
    assert heard.kinds == []
    say(tone((425,), 1000, -20))
    assert heard.kinds == ["ringing"]
    say(tone((425,), 1000, -20))
    far.send(answer(invite, "200 OK", contact(far)), ours.port)
    await heard.until("answered")
    assert heard.kinds == ["ringing", "answered"]


async def test_whoever_listens_early_is_not_pushed_aside(pair: Pair) -> None:
    ours, far = pair
    call, heard, invite = await dialled(pair)
    far.send(answer(invite, "183 Session Progress", contact(far), body=SDP), ours.port)
    await asyncio.sleep(0.03)
    assert call.pcm is not None
    frames: list[bytes] = []
    call.pcm.on_frame = frames.append
    far.send(answer(invite, "180 Ringing", contact(far)), ours.port)
    far.send(answer(invite, "200 OK", contact(far)), ours.port)
    await heard.until("answered")
    ours.media.sessions[0].on_frame(b"x")
    assert frames == [b"x"]


async def test_who_knows_nothing_of_what_we_cancel_has_lost_the_call(pair: Pair) -> None:
    ours, far = pair
    call, heard, invite = await dialled(pair)
    far.send(answer(invite, "180 Ringing", contact(far)), ours.port)
    await heard.until("ringing")
    ending = asyncio.create_task(call.hang_up())
    far.send(answer(await far.next("CANCEL"), "481 Call Does Not Exist"), ours.port)
    await asyncio.wait_for(ending, 0.5)
    assert not ours.peer.busy(LINE1)
    far.send(answer(invite, "200 OK", contact(far), body=SDP), ours.port)  # it did answer, a moment before
    await far.next("ACK")
    far.send(answer(await far.next("BYE"), "200 OK"), ours.port)
    assert heard.kinds == ["ringing", "ended"]


@pytest.mark.parametrize(
    ("quirks", "uri", "sender"),
    [
        (SipQuirks(), r"sip:\+85512345678@127.0.0.1:\d+", "sip:goip01@"),
        (SipQuirks(number_format="digits"), r"sip:85512345678@", "sip:goip01@"),
        (SipQuirks(number_format="national", country="855"), r"sip:012345678@", "sip:goip01@"),
        (SipQuirks(to_line="prefix", number_format="digits"), r"sip:goip0185512345678@", "sip:goip01@"),
        (SipQuirks(to_line="user"), r"sip:\+85512345678@", "sip:goip01@"),
    ],
)
async def test_how_number_and_line_are_written(quirks: SipQuirks, uri: str, sender: str) -> None:
    quirks = replace(quirks, options_every_s=0, rtp_dead_s=0)
    async with visit(quirks=quirks) as (ours, far):
        _, _, invite = await dialled((ours, far))
        assert re.match(f"INVITE {uri}", invite)
        assert sender in header(invite, "From")


async def test_callers_number_and_hiding_it() -> None:
    lines = (LineSettings(LINE1, "goip01", number=E164("+85510000001")),)
    async with visit(lines=lines, max_calls=3) as (ours, far):
        voice = ours.peer.voice(LINE1)
        await voice.dial(NUMBER, Heard())
        assert "<sip:+85510000001@" in header(await far.next("INVITE"), "From")
        await voice.dial(NUMBER, Heard(), E164("+85510000009"))
        async with asyncio.timeout(2):
            invite = await far.next("INVITE")
            while "+85510000009" not in header(invite, "From"):
                invite = await far.next("INVITE")
        await voice.dial(NUMBER, Heard(), E164("+85510000009"), hidden=True)
        while "anonymous" not in header(invite, "From"):
            invite = await far.next("INVITE")
        assert header(invite, "Privacy") == "id"
        assert "+85510000009" in header(invite, "P-Asserted-Identity")
        assert "+85510000009" not in header(invite, "From")


async def test_what_cannot_be_dialled(pair: Pair) -> None:
    ours, _ = pair
    voice = ours.peer.voice(LINE1)
    for number in ("", "*100#", "sip:x@y", "12\r\nX: y", "abc"):
        with pytest.raises(InvalidRequest):
            await voice.dial(number, Heard())
    call = await voice.dial(NUMBER, Heard())
    with pytest.raises(Busy):
        await voice.dial(NUMBER, Heard())
    with pytest.raises(DeviceRefused):
        await call.send_digits("1")
    with pytest.raises(DeviceRefused):
        await call.answer()
    ours.peer.note(ours.peer.lines[LINE2], up=False, reason="no answer to OPTIONS")
    with pytest.raises(NoNetwork, match="OPTIONS"):
        await ours.peer.voice(LINE2).dial(NUMBER, Heard())


async def test_closing_the_peer_cancels_its_calls() -> None:
    async with visit() as (ours, far):
        _, heard, invite = await dialled((ours, far))
        far.send(answer(invite, "180 Ringing", contact(far)), ours.port)
        await heard.until("ringing")
        port = ours.port
        closing = asyncio.create_task(ours.peer.close())
        cancel = await far.next("CANCEL")
        far.send(answer(cancel, "200 OK"), port)
        far.send(answer(invite, "487 Request Terminated"), port)
        await closing
        assert heard.kinds == ["ringing", "ended"]


async def test_a_session_that_they_do_not_refresh_ends(pair: Pair) -> None:
    ours, far = pair
    _, heard, _ = await connected(pair, "Session-Expires: 1;refresher=uas")
    bye = await far.next("BYE", 2)
    assert header(bye, "Reason") == "Q.850;cause=102"
    far.send(answer(bye, "200 OK"), ours.port)
    assert (await heard.until("ended")).cause == 102


async def test_a_refresh_goes_by_update_and_by_invite_where_that_is_refused(pair: Pair) -> None:
    ours, far = pair
    _, heard, _ = await connected(pair, "Session-Expires: 1;refresher=uac", "Allow: INVITE, UPDATE, BYE")
    update = await far.next("UPDATE", 2)
    assert header(update, "Session-Expires") == "1;refresher=uac"
    far.send(answer(update, "405 Method Not Allowed"), ours.port)
    again = await far.next("INVITE")
    far.send(answer(again, "200 OK", contact(far), "Session-Expires: 900;refresher=uac", body=SDP), ours.port)
    await far.next("ACK")
    await far.silence(0.7)
    assert heard.kinds == ["answered"]


async def test_a_refresh_that_is_refused_for_the_moment_is_tried_again(pair: Pair) -> None:
    ours, far = pair
    ours.stack.uniform = lambda low, high: low / 100  # type: ignore[method-assign]
    call, heard, _ = await connected(pair, "Allow: INVITE, UPDATE, BYE")
    call.refresh.timer = SessionTimer(900, ours=True)
    call.refresh._due()
    update = await far.next("UPDATE")
    far.send(answer(update, "500 Another Request Is Pending", "Retry-After: 1"), ours.port)
    update = await far.next("UPDATE")
    far.send(answer(update, "405 Method Not Allowed"), ours.port)
    again = await far.next("INVITE")
    far.send(answer(again, "503 Service Unavailable"), ours.port)
    await far.next("ACK")
    again = await far.next("INVITE")
    far.send(answer(again, "200 OK", contact(far), "Session-Expires: 900;refresher=uac", body=SDP), ours.port)
    await far.next("ACK")
    assert heard.kinds == ["answered"]


@pytest.mark.parametrize("status", ["481 Gone", "408 Request Timeout"])
async def test_a_refresh_that_finds_no_call_ends_it(pair: Pair, status: str) -> None:
    ours, far = pair
    call, heard, _ = await connected(pair)
    call.refresh.reinvite()
    far.send(answer(await far.next("INVITE"), status), ours.port)
    far.send(answer(await far.next("BYE"), "481 Call Does Not Exist"), ours.port)
    assert (await heard.until("ended")).cause == 102


async def test_a_contact_that_cannot_stand_in_a_request_line_is_written_so_that_it_can(pair: Pair) -> None:
    ours, far = pair
    _, _, invite = await dialled(pair)
    far.send(answer(invite, "200 OK", "Contact: <sip:*100# a@10.0.0.1;x>", body=SDP), ours.port)
    assert (await far.next("ACK")).startswith("ACK sip:*100%23%20a@10.0.0.1;x SIP/2.0\r\n")


async def test_who_closes_in_a_call_that_nobody_ends_leaves_the_address_all_the_same() -> None:
    async with far_end() as far, site(gateway(far.port)) as ours:
        await connected((ours, far))
        closing = asyncio.create_task(ours.peer.close())
        await far.next("BYE")
        closing.cancel()
        await asyncio.wait({closing})
        assert not ours.stack.listening


async def test_a_call_that_nobody_ends_is_over_when_its_gateway_is_closed() -> None:
    async with far_end() as far, site(gateway(far.port)) as ours:
        _, heard, _ = await connected((ours, far))
        closing = asyncio.create_task(ours.peer.close())
        await far.next("BYE")
        closing.cancel()
        await asyncio.wait({closing})
        assert heard.events[-1] == VoiceEvent(VoiceEventKind.ENDED, 41)


async def test_a_gateway_that_is_closed_in_a_call_that_nobody_ends_can_be_opened_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its new opening gets what comes, and not the old one, which would refuse it."""
    monkeypatch.setattr("edge_agent.drivers.gateway.gateway.CLOSE_LIMIT_S", 0.05)
    async with far_end() as far, site(gateway(far.port)) as ours:
        await connected((ours, far))
        closing = Gateway(DeviceId("gw"), GatewayProfile(), [], ours.peer)
        await closing.close()
        assert not ours.stack.listening
        again, told = SipPeer(ours.stack, gateway(far.port)), Told()
        await again.open()
        serving = asyncio.create_task(again.run(told))
        try:
            await asyncio.sleep(0)
            far.send(request("INVITE", far.port, body=SDP), ours.port)
            await far.next("SIP/2.0 180")
        finally:
            serving.cancel()
            far.end_calls()
            await again.close()
