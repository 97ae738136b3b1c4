"""How the sound of a call went stands in its end, from the session's counters to what travels up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge_agent.drivers.sip.media import MediaStats
from edge_agent.drivers.sip.rtp import RtpPorts
from edge_agent.drivers.sip.settings import SipSettings
from telecore.codec import decode_event, encode
from telecore.events import CallEnded
from telecore.twiml.verbs.say import Say
from tests.fakes.edge import FakeEdge
from tests.fakes.rtp_end import RtpEnd, here


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[FakeEdge]:
    async with FakeEdge(tmp_path) as edge:
        yield edge


async def the_end(edge: FakeEdge) -> CallEnded:
    await edge.until(lambda: [event for event in edge.written if event.kind == "call.ended"])
    return next(event for event in edge.written if isinstance(event, CallEnded))


@pytest.mark.parametrize("by_them", [True, False])
async def test_a_call_over_rtp(edge: FakeEdge, *, by_them: bool) -> None:
    ports = RtpPorts(SipSettings(rtp_low=25_800, rtp_high=25_899))
    with RtpEnd() as far:
        session = await ports.open()
        session.plan(far.plan())
        call, voice = await edge.ring()
        voice.far = session
        await edge.run_page(call, Say("hello", clip=edge.clip(bytes((0, 9)) * 160 * 30)))
        await edge.until(lambda: edge.calls._calls[call].leg._playing)
        for number in range(10):
            packet = far.sound(bytes(160))
            if number != 5:
                far.rtp.send(packet, here(session))
            await edge.tick(1)
        await edge.until(lambda: session.stats().received == 9)
        if by_them:
            voice.drop()
        else:
            await edge.tick(30)
        event = await the_end(edge)
        assert event.media is not None
        assert (event.media.codec, event.media.received, event.media.lost) == ("PCMU", 9, 1)
        assert event.media.sent >= 10
        assert decode_event(encode(event)) == event
    ports.close()
    await asyncio.sleep(0)


async def test_a_line_that_measures_nothing(edge: FakeEdge) -> None:
    call, voice = await edge.ring()
    await edge.run_page(call, Say("hello", clip=edge.clip(bytes(320))))
    await edge.until(lambda: edge.calls._calls[call].leg._playing)
    await edge.tick(3)
    assert (await the_end(edge)).media is None


def test_an_end_of_an_older_edge_has_no_figures() -> None:
    event = CallEnded(call="CA1", cause=16, by="us", media=MediaStats(sent=3, codec="PCMA"))  # type: ignore[arg-type]
    older = encode(event)
    del older["media"]
    assert decode_event(older) == CallEnded(id=event.id, at=event.at, call=event.call, cause=16, by="us")
