"""A gateway behind a NAT that rewrites address and port: signalling and sound, both ways, from both sides."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest

from edge_agent.drivers.sip.rtp import RtpPorts
from edge_agent.drivers.sip.settings import LineSettings, Registers, SipSettings
from tests.fakes.nat import Nat
from tests.fakes.rtp_end import RtpEnd, until
from tests.fakes.sip_site import LINE1, SDP, Heard, RawFarEnd, Site, answer, far_end, gateway, header, request, site
from tests.fakes.sip_talk import Hearing, talking

OUTER, PRIVATE = "127.0.0.9", "10.11.12.13"
PRIVATE_SDP = SDP.replace("127.0.0.1", PRIVATE).replace("8 0 18 4 97", "0 97")
LOUD = bytes(range(0x10, 0x60)) * 2


@pytest.fixture
def media() -> Iterator[RtpPorts]:
    made = RtpPorts(SipSettings(rtp_low=25_600, rtp_high=25_699))
    yield made
    made.close()


def port_in(sdp: str) -> int:
    found = re.search(r"m=audio (\d+)", sdp)
    assert found is not None
    return int(found[1])


async def sound_flows(sdp: str, hearing: Hearing) -> None:
    """The gateway sends to the port of our SDP through its NAT, and hears what we play by the same way."""
    with RtpEnd() as end, Nat(("127.0.0.1", port_in(sdp)), address=OUTER) as nat:
        before = hearing.frames
        for _ in range(15):
            end.rtp.send(end.sound(LOUD), nat.inside)
            await asyncio.sleep(0.02)
        await until(lambda: hearing.frames >= before + 8)
        await until(lambda: len([packet for packet in end.came if len(set(packet.payload)) > 8]) >= 3)


async def calls(ours: Site, far: RawFarEnd, door: Nat) -> None:
    via = f"Via: SIP/2.0/UDP {PRIVATE}:5060;rport;branch=z9hG4bKn"
    text = request("INVITE", far.port, via=via, body=PRIVATE_SDP)
    far.send(text.replace(f"sip:goip01@127.0.0.1:{far.port}", f"sip:goip01@{PRIVATE}:5060"), door.inside[1])
    call = await asyncio.wait_for(ours.told.calls.get(), 2)
    await call.voice.answer()
    ok = await far.next("SIP/2.0 200")
    assert f"received={OUTER};rport=" in header(ok, "Via") or f"rport={door.outer[0][1]}" in header(ok, "Via")
    far.send(request("ACK", far.port, to=header(ok, "To"), branch="z9hG4bKa"), door.inside[1])
    async with talking(call.voice, 1000, play=700) as (_, hearing):
        await sound_flows(ok, hearing)
    ending = asyncio.create_task(call.voice.hang_up())
    bye = await far.next("BYE")
    assert bye.startswith(f"BYE sip:goip01@{PRIVATE}:5060 SIP/2.0")
    far.send(answer(bye, "200 OK"), door.inside[1])
    await ending


async def is_called(ours: Site, far: RawFarEnd, door: Nat) -> None:
    heard = Heard()
    call = await ours.peer.voice(LINE1).dial("+85512345678", heard)
    invite = await far.next("INVITE")
    assert invite.startswith(f"INVITE sip:+85512345678@{PRIVATE}:5060 SIP/2.0")
    contact = f"Contact: <sip:goip01@{PRIVATE}:5060>"
    far.send(answer(invite, "200 OK", contact, body=PRIVATE_SDP.replace(" 97", " 101")), door.inside[1])
    await far.next("ACK")
    await heard.until("answered")
    async with talking(call, 1000, play=700) as (_, hearing):
        await sound_flows(invite, hearing)
    ending = asyncio.create_task(call.hang_up())
    far.send(answer(await far.next("BYE"), "200 OK"), door.inside[1])
    await ending


async def test_a_gateway_beyond_a_nat_calls_and_is_called_with_sound(media: RtpPorts) -> None:
    lines = (LineSettings(LINE1, "goip01"),)
    far_settings = gateway(5060, host=OUTER, registers=Registers.WITH_US, lines=lines)
    async with far_end() as far, site(far_settings, media=media) as ours:
        with Nat(("127.0.0.1", ours.port), address=OUTER) as door:
            aor = "<sip:goip01@x>"
            text = request("REGISTER", far.port, "Expires: 60", uri="sip:x", sender=f"{aor};tag=1", to=aor, call_id="r")
            text = text.replace(f"127.0.0.1:{far.port}", f"{PRIVATE}:5060")
            far.send(text, door.inside[1])
            await far.next("SIP/2.0 200")
            assert (await ours.told.until(LINE1, up=True)).contact == f"{OUTER}:{door.outer[0][1]}"
            await calls(ours, far, door)
            await is_called(ours, far, door)
