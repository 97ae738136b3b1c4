"""Our SIP against our own SIP: calls between two sites."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent.contracts import VoiceEvent, VoiceEventKind
from edge_agent.drivers.sip.peer import SipPeer
from edge_agent.drivers.sip.settings import LineSettings, SipSettings
from edge_agent.drivers.sip.stack import SipStack
from telecore.errors import DeviceLost
from telecore.ids import ChannelId, DeviceId
from tests.fakes.sip_media import FakeMediaPorts
from tests.fakes.sip_site import LINE1, Heard, Told, far_end, gateway, request, site


@pytest.mark.parametrize("ender", ["caller", "callee"])
async def test_a_call_is_answered_and_ended_by_either_side(ender: str) -> None:
    async with site(gateway(1)) as b, site(gateway(b.port)) as a:
        b.told.accept = True
        heard = Heard()
        call = await a.peer.voice(LINE1).dial("+85512345678", heard)
        incoming = await asyncio.wait_for(b.told.calls.get(), 2)
        await heard.until("answered")
        await (call if ender == "caller" else incoming.voice).hang_up()
        await heard.until("ended")
        await b.told.heard.until("ended")
        assert heard.kinds == ["ringing", "answered", "ended"]
        assert heard.events[-1] == b.told.heard.events[-1] == VoiceEvent(VoiceEventKind.ENDED, 16)
        assert a.stack.counts["dialogs"] == b.stack.counts["dialogs"] == 0
        assert all(session.closed for session in [*a.media.sessions, *b.media.sessions])


async def test_far_ends_that_share_an_address_are_told_by_their_port_and_then_by_their_lines() -> None:
    async with far_end() as first, far_end() as second, far_end() as third, site(gateway(first.port)) as ours:
        other_line = ChannelId("edge/other")
        settings = gateway(second.port, device=DeviceId("other"), lines=(LineSettings(other_line, "other1"),))
        other, told = SipPeer(ours.stack, settings), Told()
        await other.open()
        running = asyncio.create_task(other.run(told))
        await asyncio.sleep(0)
        calls = (
            (first, "sip:other1@x", ours.told, LINE1),  # the name of another box's line, from this box's port
            (second, "sip:1000@x", told, other_line),
            (third, "sip:other1@x", told, other_line),
        )
        for number, (far, uri, listener, channel) in enumerate(calls):
            sender = "<sip:goip01@x>;tag=1" if far is first else "<sip:012@x>;tag=1"
            text = request("INVITE", far.port, uri=uri, sender=sender, call_id=f"c{number}", branch=f"z9hG4bK{number}")
            far.send(text.replace("<sip:goip01@127.0.0.1:", "<sip:x@127.0.0.1:"), ours.port)
            call = await asyncio.wait_for(listener.calls.get(), 2)
            assert call.channel == channel
            await call.voice.hang_up()
        running.cancel()
        await asyncio.wait({running})
        await other.close()


async def test_an_address_that_is_taken_is_told_at_opening() -> None:
    async with site(gateway(9)) as ours:
        stack = SipStack(SipSettings(port=ours.port), FakeMediaPorts())
        with pytest.raises(DeviceLost, match="address 127.0.0.1"):
            await SipPeer(stack, gateway(9)).open()
        with pytest.raises(DeviceLost, match="nowhere.invalid"):
            await SipPeer(SipStack(SipSettings(port=0)), gateway(9, host="nowhere.invalid")).open()


async def test_an_address_that_goes_away_ends_the_peer() -> None:
    stack = SipStack(SipSettings(port=0), FakeMediaPorts())
    peer = SipPeer(stack, gateway(9))
    await peer.open()
    running = asyncio.create_task(peer.run(Told()))
    await asyncio.sleep(0)
    assert stack._endpoint is not None
    stack._endpoint.gone(OSError("no such address"))
    with pytest.raises(DeviceLost, match="no such address"):
        await asyncio.wait_for(running, 2)
    await peer.close()


async def test_the_last_of_several_lets_go_and_the_stack_can_be_opened_again() -> None:
    stack = SipStack(SipSettings(port=0), FakeMediaPorts())
    first, second = (SipPeer(stack, gateway(9, device=DeviceId(name))) for name in ("a", "b"))
    await first.open()
    await second.open()
    port = stack.port
    await first.close()
    assert stack.port == port
    await second.close()
    await second.close()
    again = SipPeer(stack, gateway(9))
    await again.open()
    await again.close()
