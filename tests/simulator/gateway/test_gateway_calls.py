"""Calls through the simulated box, in both directions, with the agent's side played by hand."""

from __future__ import annotations

import asyncio

import pytest

from simulator.calls import CallState
from simulator.gateway.contracts import LineCall
from telecore.audio.tone import tone
from tests.fakes.gateway_box import ANSWERS, BUSY, FREE, LINE1, LINE2, Box, a_box, quick, until, waits
from tests.fakes.sip_party import Got, level

HEARD = -20.0
"""dBm0: a tone of -10 that came through G.711 twice is well above, noise well below."""


def drain(box: Box) -> None:
    """Forget what came so far."""
    while not box.party.inbox.empty():
        box.party.inbox.get_nowait()


async def test_a_call_to_a_handset_rings_is_answered_and_ends_with_our_bye() -> None:
    async with a_box() as box:
        dialogue = box.party.invite(box.at, ANSWERS)
        await box.party.expect(100)
        ringing = await box.party.expect(180)
        assert ringing.body == ""
        answer = await box.party.expect(200)
        dialogue.answered(answer)
        assert answer.get("Contact").startswith("<sip:gateway1-1@127.0.0.1:")
        assert (box.call.caller.number, box.call.to, box.call.state) == (LINE1, ANSWERS, CallState.ANSWERED)
        dialogue.send("BYE")
        await box.party.expect(200)
        await until(lambda: box.call.cause == 16)
        assert box.gateway.lines[0].call_state is LineCall.IDLE


async def test_the_handset_hangs_up_and_we_get_a_bye_with_the_cause() -> None:
    async with a_box(waits("plain", t1=0.05)) as box:
        box.handset(hangup_after_s=0.1)
        await box.party.call(box.at, ANSWERS)
        bye = await box.party.expect("BYE")
        box.party.answer(bye, 200)
        assert bye.get("Reason") == "Q.850;cause=16"
        await box.party.nothing("BYE", for_s=0.2)


async def test_a_bye_that_is_not_answered_comes_again() -> None:
    async with a_box(waits("goip", t1=0.05), registers=False) as box:
        box.handset(hangup_after_s=0.1)
        await box.party.call(box.at, ANSWERS)
        byes = [await box.party.expect("BYE") for _ in range(3)]
        assert len({bye.text for bye in byes}) == 1


async def test_sound_goes_both_ways_without_a_break() -> None:
    async with a_box() as box:
        await box.party.call(box.at, ANSWERS)
        box.party.sound.hum(1000)
        ears = box.ears()
        ears.say(tone((450,), 2000, -10))
        await asyncio.sleep(0.6)
        assert level(bytes(ears.heard), 1000) > HEARD
        assert level(box.party.sound.heard(), 450) > HEARD
        assert level(box.party.sound.heard(), 1000) < HEARD - 20
        packets = box.party.sound.packets
        assert len(packets) >= 25
        assert {kind for kind, *_ in packets} == {8}
        first = packets[0]
        assert [packet[1] for packet in packets] == list(range(first[1], first[1] + len(packets)))
        assert {b[2] - a[2] for a, b in zip(packets, packets[1:], strict=False)} == {160}
        assert len({packet[3] for packet in packets}) == 1
        assert {len(packet[4]) for packet in packets} == {160}


async def test_silence_is_sent_while_nobody_speaks() -> None:
    async with a_box() as box:
        await box.party.call(box.at, ANSWERS)
        before = len(box.party.sound.packets)
        await asyncio.sleep(0.5)
        assert len(box.party.sound.packets) - before >= 20


@pytest.mark.parametrize(("formats", "payload"), [("0 8 101", 8), ("18 0", 0)])
async def test_it_takes_what_the_offer_has(formats: str, payload: int) -> None:
    async with a_box() as box:
        box.party.sound.payload = payload
        dialogue = await box.party.call(box.at, ANSWERS, body=box.party.sdp(formats=formats))
        box.party.sound.hum(1000)
        await asyncio.sleep(0.4)
        assert {kind for kind, *_ in box.party.sound.packets} == {payload}
        assert level(bytes(box.ears().heard), 1000) > HEARD
        dialogue.send("BYE")


@pytest.mark.parametrize("body", ["v=0\r\nm=audio 9 RTP/SAVP 8\r\nc=IN IP4 127.0.0.1\r\n", "not sdp", None])
async def test_what_it_cannot_speak_is_refused(body: str | None) -> None:
    async with a_box() as box:
        box.party.invite(box.at, ANSWERS, body=body or box.party.sdp(formats="18 4"))
        await box.party.expect(488)
        assert box.network.exchange.calls == {}


async def test_an_offer_in_the_ack() -> None:
    async with a_box() as box:
        dialogue = box.party.invite(box.at, ANSWERS, body="")
        answer = await box.party.expect(200)
        dialogue.learn(answer)
        box.party.sound.to = ("127.0.0.1", answer.rtp_port)
        dialogue.send("ACK", "Content-Type: application/sdp", body=box.party.sdp())
        box.party.sound.hum(1000)
        await asyncio.sleep(0.4)
        assert level(bytes(box.ears().heard), 1000) > HEARD
        assert box.party.sound.packets


async def test_keys_by_rfc_4733_are_heard_once_by_the_handset() -> None:
    async with a_box() as box:
        await box.party.call(box.at, ANSWERS)
        box.party.sound.press(5, stamp=1000)
        await asyncio.sleep(0.25)
        box.party.sound.press(5, stamp=3000)
        box.party.sound.press(11, stamp=5000)
        await until(lambda: box.ears().digits_heard == "55#")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/dtmf-relay", "Signal=7\r\nDuration=160\r\n"),
        ("application/dtmf-relay", "Signal= 7\nDuration= 160\n"),
        ("application/dtmf", "7"),
    ],
)
async def test_keys_by_info_are_heard_by_the_handset(kind: str, body: str) -> None:
    async with a_box() as box:
        dialogue = await box.party.call(box.at, ANSWERS)
        dialogue.send("INFO", f"Content-Type: {kind}", body=body)
        await box.party.expect(200)
        await until(lambda: box.ears().digits_heard == "7")


async def test_keys_of_the_handset_come_by_rfc_4733() -> None:
    async with a_box("dinstar", registers=False) as box:
        await box.party.call(box.at, ANSWERS, body=box.party.sdp(formats="8 101"))
        box.ears().press("19#")
        await until(lambda: box.party.sound.keys(101) == [1, 9, 11])
        sound = box.party.sound
        await until(lambda: sum(data[1] >> 7 for kind, *_, data in sound.packets if kind == 101) == 9)
        last = [data for kind, *_, data in sound.packets if kind == 101][-3:]
        assert last == [b"\x0b\x8a\x03\x20"] * 3


async def test_keys_of_the_handset_come_by_info() -> None:
    async with a_box("synway", registers=False) as box:
        await box.party.call(box.at, ANSWERS)
        box.ears().press("4*")
        for key in "4*":
            info = await box.party.expect("INFO")
            box.party.answer(info, 200)
            assert info.get("Content-Type") == "application/dtmf-relay"
            assert f"Signal={key}" in info.body
        assert box.party.sound.keys(101) == []


async def test_keys_of_the_handset_are_only_heard() -> None:
    async with a_box("portech", registers=False) as box:
        await box.party.call(box.at, ANSWERS)
        await until(lambda: box.call.state is CallState.ANSWERED)
        box.ears().press("8")
        await asyncio.sleep(0.5)
        assert box.party.sound.keys(101) == []
        from telecore.audio.dtmf import DtmfDetector

        assert DtmfDetector().feed(box.party.sound.heard()) == "8"


# ------------------------------------------------------------------------------------- how calls fail


@pytest.mark.parametrize(
    ("family", "number", "status"),
    [
        ("plain", BUSY, 486),
        ("goip", BUSY, 480),
        ("dinstar", BUSY, 486),
        ("yeastar", BUSY, 486),
        ("synway", BUSY, 486),
        ("plain", "+85599", 404),
        ("goip", "+85599", 480),
        ("synway", "+85599", 603),
        ("goip", "+85512000004", 480),
        ("plain", "+85512000004", 480),
    ],
)
async def test_how_families_tell_a_failed_call(family: str, number: str, status: int) -> None:
    async with a_box(waits(family, t1=0.05, t2=0.05), registers=False) as box:
        dialogue = box.party.invite(box.at, number)
        refusal = await box.party.expect(status)
        dialogue.learn(refusal)
        dialogue.send("ACK", same_branch=True)
        if family == "goip":
            assert refusal.start == "SIP/2.0 480 Remote Busy"
        await asyncio.sleep(0.02)
        drain(box)
        await box.party.nothing(status, for_s=0.15)


async def test_a_refusal_comes_again_until_it_is_acknowledged() -> None:
    async with a_box(waits("goip", t1=0.05, t2=0.1), registers=False) as box:
        dialogue = box.party.invite(box.at, BUSY)
        for _ in range(3):
            refusal = await box.party.expect(480)
        dialogue.learn(refusal)
        dialogue.send("ACK", same_branch=True)
        await asyncio.sleep(0.05)
        drain(box)
        await box.party.nothing(480, for_s=0.3)


async def test_an_answer_comes_again_until_it_is_acknowledged_and_then_ends() -> None:
    async with a_box(waits("goip", t1=0.05, t2=0.1), registers=False) as box:
        dialogue = box.party.invite(box.at, ANSWERS)
        answers = [await box.party.expect(200) for _ in range(3)]
        assert len({answer.text for answer in answers}) == 1
        dialogue.answered(answers[0])
        await asyncio.sleep(0.05)
        drain(box)
        await box.party.nothing(200, for_s=0.3)


async def test_an_invite_that_comes_again_is_the_same_call() -> None:
    async with a_box() as box:
        dialogue = box.party.invite(box.at, ANSWERS)
        first = await box.party.expect(180)
        dialogue.cseq -= 1
        dialogue.send("INVITE", same_branch=True, body=box.party.sdp())
        again = await box.party.expect(180, 200)
        assert again.get("To") == first.get("To")
        assert len(box.network.exchange.calls) == 1


async def test_a_cancel_ends_the_gsm_call() -> None:
    async with a_box() as box:
        box.handset(answer_after_s=30)
        dialogue = box.party.invite(box.at, ANSWERS)
        await box.party.expect(180)
        dialogue.send("CANCEL", same_branch=True)
        assert (await box.party.expect(200)).get("CSeq") == "1 CANCEL"
        gone = await box.party.expect(487)
        assert gone.get("CSeq") == "1 INVITE"
        dialogue.learn(gone)
        dialogue.send("ACK", same_branch=True)
        assert box.call.state is CallState.ENDED


async def test_a_cancel_that_crosses_the_answer_ends_nothing() -> None:
    async with a_box() as box:
        dialogue = box.party.invite(box.at, ANSWERS)
        answer = await box.party.expect(200)
        dialogue.send("CANCEL", same_branch=True)
        assert (await box.party.expect(200)).get("CSeq").endswith("CANCEL")
        dialogue.answered(answer)
        await asyncio.sleep(0.1)
        assert box.call.state is CallState.ANSWERED


async def test_a_cancel_of_nothing() -> None:
    async with a_box() as box:
        dialogue = box.party.invite(box.at, ANSWERS)
        await box.party.expect(180)
        dialogue.branch = "z9hG4bKother"
        dialogue.send("CANCEL", same_branch=True)
        await box.party.expect(481)


async def test_requests_of_no_call() -> None:
    async with a_box() as box:
        box.party.options(box.at)
        assert "INVITE" in (await box.party.expect(200)).get("Allow")
        dialogue = box.party.invite(box.at, ANSWERS, "Require: 100rel")
        refusal = await box.party.expect(420)
        assert refusal.get("Unsupported") == "100rel"
        dialogue.tag = "unknown"
        dialogue.send("BYE")
        await box.party.expect(481)
        dialogue.tag = ""
        dialogue.send("PUBLISH")
        await box.party.expect(405)
        dialogue.send("SUBSCRIBE")
        await box.party.expect(489)


async def test_a_method_that_the_box_does_not_know_within_a_call() -> None:
    async with a_box("goip", registers=False) as box:
        dialogue = await box.party.call(box.at, ANSWERS)
        dialogue.send("UPDATE", body=box.party.sdp())
        refusal = await box.party.expect(405)
        assert "UPDATE" not in refusal.get("Allow")


@pytest.mark.parametrize("noise", [b"", b"\r\n\r\n", bytes(4), b"INVITE", b"\xff" * 500, b"SIP/2.0 200 OK\r\n\r\n"])
async def test_noise_is_passed_over(noise: bytes) -> None:
    async with a_box() as box:
        box.party.sip.sendto(noise, box.at)
        box.party.options(box.at)
        await box.party.expect(200)


# ------------------------------------------------------------------------------------- hold, silence


@pytest.mark.parametrize(
    ("direction", "answer", "extra"),
    [("sendonly", "recvonly", ""), ("sendrecv", "recvonly", "c=IN IP4 0.0.0.0\r\n")],
)
async def test_hold_and_back(direction: str, answer: str, extra: str) -> None:
    async with a_box() as box:
        dialogue = await box.party.call(box.at, ANSWERS)
        body = box.party.sdp(direction=direction, version=2)
        if extra:
            body = body.replace("c=IN IP4 127.0.0.1\r\n", extra)
        dialogue.send("INVITE", body=body)
        held = await box.party.expect(200)
        dialogue.send("ACK")
        assert f"a={answer}" in held.body
        await asyncio.sleep(0.1)
        count = len(box.party.sound.packets)
        await asyncio.sleep(0.15)
        assert len(box.party.sound.packets) == count
        dialogue.send("INVITE", body=box.party.sdp(version=3))
        back = await box.party.expect(200)
        dialogue.send("ACK")
        assert "a=sendrecv" in back.body
        assert back.body.split()[2:4] != held.body.split()[2:4]  # the version of o=
        await until(lambda: len(box.party.sound.packets) > count + 5)


@pytest.mark.parametrize(("version", "held"), [(1, False), (2, True)])
async def test_openvox_looks_at_the_version_only(version: int, held: bool) -> None:
    async with a_box("openvox", registers=False) as box:
        dialogue = await box.party.call(box.at, ANSWERS)
        dialogue.send("INVITE", body=box.party.sdp(direction="sendonly", version=version))
        answer = await box.party.expect(200)
        dialogue.send("ACK")
        assert ("a=recvonly" in answer.body) is held


async def test_a_box_that_hears_nothing_hangs_up() -> None:
    async with a_box(waits("goip", rtp_dead=1.0), registers=False) as box:
        await box.party.call(box.at, ANSWERS)
        bye = await box.party.expect("BYE", limit=3)
        box.party.answer(bye, 200)
        assert box.call.state is CallState.ENDED


async def test_silence_in_packets_keeps_the_call() -> None:
    async with a_box(waits("goip", rtp_dead=0.5), registers=False) as box:
        await box.party.call(box.at, ANSWERS)
        box.party.sound.speak(b"")
        await box.party.nothing("BYE", for_s=1.3)


# ------------------------------------------------------------------------------------- mobile to IP


async def test_a_call_from_a_handset_comes_as_an_invite_and_is_taken() -> None:
    async with a_box() as box:
        assert box.network.handsets[FREE].dial(LINE1)
        invite, _ = await box.party.take_call()
        assert invite.start.startswith("INVITE sip:gateway1-1@127.0.0.1:")
        assert f"<sip:{FREE}@" in invite.get("From")
        assert "m=audio" in invite.body
        await until(lambda: box.call.state is CallState.ANSWERED)
        box.party.sound.hum(1000)
        box.ears().say(tone((450,), 2000, -10))
        await asyncio.sleep(0.4)
        assert level(bytes(box.ears().heard), 1000) > HEARD
        assert level(box.party.sound.heard(), 450) > HEARD
        box.network.exchange.end(box.call, 16)
        bye = await box.party.expect("BYE")
        box.party.answer(bye, 200)


@pytest.mark.parametrize(("status", "cause"), [(486, 17), (603, 21), (404, 1), (480, 19), (500, 27), (488, 21)])
async def test_the_agent_refuses_a_call(status: int, cause: int) -> None:
    async with a_box() as box:
        assert box.network.handsets[FREE].dial(LINE1)
        invite = await box.party.expect("INVITE")
        box.party.answer(invite, status)
        await box.party.expect("ACK")
        assert box.call.cause == cause


async def test_the_caller_gives_up_before_the_answer() -> None:
    async with a_box() as box:
        assert box.network.handsets[FREE].dial(LINE1)
        invite = await box.party.expect("INVITE")
        box.party.answer(invite, 180)
        await asyncio.sleep(0.05)
        box.network.exchange.end(box.call, 16)
        cancel = await box.party.expect("CANCEL")
        assert cancel.get("Via") == invite.get("Via")
        box.party.answer(cancel, 200)
        box.party.answer(invite, 487)
        await box.party.expect("ACK")


async def test_a_cancel_waits_for_a_first_response() -> None:
    async with a_box() as box:
        assert box.network.handsets[FREE].dial(LINE1)
        invite = await box.party.expect("INVITE")
        box.network.exchange.end(box.call, 16)
        await box.party.nothing("CANCEL", for_s=0.15)
        box.party.answer(invite, 100)
        await box.party.expect("CANCEL")


async def test_an_answer_that_crosses_the_cancel_is_acknowledged_and_ended() -> None:
    async with a_box() as box:
        assert box.network.handsets[FREE].dial(LINE1)
        invite = await box.party.expect("INVITE")
        box.party.answer(invite, 180)
        await asyncio.sleep(0.05)
        box.network.exchange.end(box.call, 16)
        await box.party.expect("CANCEL")
        answer = (box.party.contact(), "Content-Type: application/sdp")
        box.party.answer(invite, 200, *answer, body=box.party.sdp())
        await box.party.expect("ACK")
        bye = await box.party.expect("BYE")
        box.party.answer(bye, 200)
        box.party.answer(invite, 200, *answer, body=box.party.sdp())
        await box.party.expect("ACK")


async def test_an_agent_that_is_silent_is_given_up() -> None:
    async with a_box(waits("goip", invite=0.5), registers=False) as box:
        assert box.network.handsets[FREE].dial(LINE1)
        first = await box.party.expect("INVITE")
        again = await box.party.expect("INVITE")
        assert again.text == first.text
        await until(lambda: box.call.cause == 27)


async def test_our_hold_of_a_call_that_came_in() -> None:
    async with a_box() as box:
        assert box.network.handsets[FREE].dial(LINE1)
        invite, _ = await box.party.take_call()
        reinvite = _within(invite, "INVITE", 1, box.party.sdp(direction="sendonly", version=2))
        box.party.send(reinvite, box.at)
        assert "a=recvonly" in (await box.party.expect(200)).body
        box.party.send(_within(invite, "BYE", 2), box.at)
        await box.party.expect(200)
        await until(lambda: box.call.state is CallState.ENDED)


def _within(invite: Got, method: str, cseq: int, body: str = "") -> str:
    """A request of ours in the dialog of an INVITE that we answered."""
    lines = [
        f"{method} sip:x@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK{cseq}{method};rport",
        f"From: {invite.get('To')};tag=party",
        f"To: {invite.get('From')}",
        f"Call-ID: {invite.get('Call-ID')}",
        f"CSeq: {cseq} {method}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", body])


# ------------------------------------------------------------------------------------- which line


@pytest.mark.parametrize(("number", "user", "line"), [
    (ANSWERS, "agent", LINE1),
    (ANSWERS, "gateway1-2", LINE2),
    (f"gateway1-2{ANSWERS}", "agent", LINE2),
])  # fmt: skip
async def test_the_line_a_call_goes_out_by(number: str, user: str, line: str) -> None:
    async with a_box(lines=2) as box:
        await box.party.call(box.at, number, user=user)
        assert (box.call.caller.number, box.call.to) == (line, ANSWERS)


async def test_a_line_that_is_named_and_busy_refuses_and_one_that_is_not_named_is_found() -> None:
    async with a_box(lines=2) as box:
        await box.party.call(box.at, ANSWERS, user="gateway1-1")
        box.party.invite(box.at, FREE, user="gateway1-1")
        await box.party.expect(486)
        box.handset(FREE)
        await box.party.call(box.at, FREE)
        assert box.call.caller.number == LINE2
        box.party.invite(box.at, FREE)
        await box.party.expect(503)


async def test_a_line_without_network_refuses() -> None:
    async with a_box() as box:
        box.fault("sim_removed")
        box.party.invite(box.at, ANSWERS, user="gateway1-1")
        await box.party.expect(502)


async def test_a_box_that_asks_for_a_password() -> None:
    async with a_box(quick("goip", inv_auth=True), registers=False) as box:
        dialogue = box.party.invite(box.at, ANSWERS, user="gateway1-1")
        challenge = await box.party.expect(401)
        dialogue.learn(challenge)
        dialogue.send("ACK", same_branch=True)
        nonce = challenge.get("WWW-Authenticate").split('nonce="')[1].split('"')[0]
        for password, status in (("wrong", 401), (box.gateway.accounts[0].password, 200)):
            dialogue.tag = ""
            proof = _digest("gateway1-1", password, "INVITE", dialogue.uri, nonce)
            dialogue.send("INVITE", f"Authorization: {proof}", body=box.party.sdp())
            answer = await box.party.expect(status)
            dialogue.learn(answer)
            dialogue.send("ACK", same_branch=status == 401)


def _digest(user: str, password: str, method: str, uri: str, nonce: str) -> str:
    from hashlib import md5

    def h(text: str) -> str:
        return md5(text.encode(), usedforsecurity=False).hexdigest()

    response = h(f"{h(f'{user}:goip:{password}')}:{nonce}:{h(f'{method}:{uri}')}")
    return f'Digest username="{user}", realm="goip", nonce="{nonce}", uri="{uri}", response="{response}"'
