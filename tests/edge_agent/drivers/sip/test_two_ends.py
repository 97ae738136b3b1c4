"""Our SIP against our own SIP: calls between two sites."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent.contracts import VoiceEvent, VoiceEventKind
from tests.fakes.sip_site import LINE1, Heard, gateway, site


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
