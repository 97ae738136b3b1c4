"""tshark reads all that we send without a complaint: calls both ways, refusals, hold, INFO, OPTIONS, REGISTER."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from edge_agent.drivers.sip.settings import Credentials, LineSettings, Registers
from tests.fakes.dissect import Capture
from tests.fakes.sip_site import CALM, LINE1, LINE2, SDP, Heard, RawFarEnd, Site, answer, header, request, visit

LINES = (LineSettings(LINE1, "goip01"), LineSettings(LINE2, "goip#2*"))


def sip_of(ours: Site, far: RawFarEnd) -> Capture:
    capture = Capture()
    for text in far.all:
        capture.udp(("127.0.0.1", ours.port), ("127.0.0.1", far.port), text.encode())
    return capture


async def a_call_that_comes(ours: Site, far: RawFarEnd) -> None:
    far.send(request("INVITE", far.port, "Session-Expires: 90", "Supported: timer", body=SDP), ours.port)
    call = await asyncio.wait_for(ours.told.calls.get(), 2)
    await call.voice.answer()
    ok = await far.next("SIP/2.0 200")
    far.send(request("ACK", far.port, to=header(ok, "To"), branch="z9hG4bKa"), ours.port)
    for number, (method, body) in enumerate((("INVITE", SDP + "a=sendonly\r\n"), ("UPDATE", ""), ("INFO", "x")), 2):
        kind = ["Content-Type: application/dtmf-relay"] if body == "x" else []
        text = request(method, far.port, *kind, to=header(ok, "To"), cseq=number, branch=f"z9hG4bK{number}", body=body)
        far.send(text, ours.port)
        again = await far.next("SIP/2.0 200")
        if method == "INVITE":
            far.send(request("ACK", far.port, to=header(again, "To"), cseq=number, branch="z9hG4bKc"), ours.port)
    await asyncio.sleep(0.02)
    far.end_calls()
    await call.voice.hang_up(17)


async def a_call_that_goes(ours: Site, far: RawFarEnd) -> None:
    call = await ours.peer.voice(LINE2).dial("+85512345678", Heard(), hidden=True)
    invite = await far.next("INVITE")
    far.send(
        answer(invite, "401 Unauthorized", 'WWW-Authenticate: Digest realm="a b", nonce="n", qop="auth"'), ours.port
    )
    again = await far.next("INVITE")
    reliable = ("Require: 100rel", "RSeq: 1", f"Contact: <sip:g@127.0.0.1:{far.port}>")
    far.send(answer(again, "183 Session Progress", *reliable, body=SDP), ours.port)
    far.send(answer(await far.next("PRACK"), "200 OK"), ours.port)
    ending = asyncio.create_task(call.hang_up())
    far.send(answer(await far.next("CANCEL"), "200 OK"), ours.port)
    far.send(answer(again, "487 Request Terminated"), ours.port)
    await ending


async def test_tshark_has_no_complaint() -> None:
    settings = {"lines": LINES, "credentials": Credentials("s", "p"), "quirks": replace(CALM, session_timer=True)}
    async with visit(**settings) as (ours, far):
        for number, method in enumerate(("OPTIONS", "SUBSCRIBE", "FOO", "BYE", "INVITE")):
            more = ("Require: foo",) if method == "INVITE" else ()
            far.send(request(method, far.port, *more, branch=f"z9hG4bKo{number}", call_id=f"o{number}"), ours.port)
            await far.next("SIP/2.0 ")
        await a_call_that_goes(ours, far)
        await a_call_that_comes(ours, far)
        seen = sip_of(ours, far).dissect({ours.port: "sip", far.port: "sip"})
    assert seen.complaints == []
    assert len(seen.of("sip")) == len(seen.packets) > 15
    assert len(seen.of("sdp")) >= 4


async def test_tshark_reads_our_registrations() -> None:
    async with visit(registers=Registers.WITH_THEM, lines=LINES[:1], quirks=replace(CALM, options_every_s=0.2)) as both:
        ours, far = both
        await far.next("REGISTER")
        await far.next("OPTIONS")
        far.end_calls()
        seen = sip_of(ours, far).dissect({ours.port: "sip", far.port: "sip"})
    assert seen.complaints == []
