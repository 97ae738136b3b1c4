"""Blind transfers, datagram by datagram: REFER, its answer, and the NOTIFYs of what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from edge_agent.contracts import Referred, Refers
from telecore.errors import Busy, DeviceRefused
from tests.edge_agent.drivers.sip.test_inbound_raw import Pair, answered, offered, within
from tests.fakes.sip_site import answer, header, visit

ANN = "sip:ann@pbx.example"
SUBSCRIBED = ("Event: refer", "Content-Type: message/sipfrag;version=2.0")


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with visit() as both:
        yield both


def notify(pair: Pair, ok: str, cseq: int, status: str, state: str = "active") -> None:
    lines = (*SUBSCRIBED, f"Subscription-State: {state}")
    within(pair, "NOTIFY", ok, cseq, *lines, body=f"SIP/2.0 {status}\r\n")


async def test_the_party_is_asked_and_tells_how_it_goes(pair: Pair) -> None:
    ours, far = pair
    call, ok = await answered(pair)
    assert isinstance(call.voice, Refers)
    referring = asyncio.create_task(call.voice.refer(ANN))
    refer = await far.next("REFER")
    assert header(refer, "Refer-To") == f"<{ANN}>"
    assert header(refer, "Referred-By").startswith("<sip:")
    far.send(answer(refer, "202 Accepted"), ours.port)
    notify(pair, ok, 2, "100 Trying")
    await far.next("SIP/2.0 200")
    with pytest.raises(Busy):
        await call.voice.refer(ANN)
    assert not referring.done()
    notify(pair, ok, 3, "200 OK", "terminated;reason=noresource")
    assert await asyncio.wait_for(referring, 3) == Referred(202, 200)
    notify(pair, ok, 4, "200 OK")
    await far.next("SIP/2.0 489")


@pytest.mark.parametrize("status", ["405 Method Not Allowed", "603 Decline"])
async def test_a_far_end_that_will_not(pair: Pair, status: str) -> None:
    ours, far = pair
    call, _ = await answered(pair)
    assert isinstance(call.voice, Refers)
    referring = asyncio.create_task(call.voice.refer(ANN))
    far.send(answer(await far.next("REFER"), status), ours.port)
    assert await asyncio.wait_for(referring, 3) == Referred(int(status[:3]))


async def test_a_party_that_leaves_says_no_more(pair: Pair) -> None:
    ours, far = pair
    call, ok = await answered(pair)
    assert isinstance(call.voice, Refers)
    referring = asyncio.create_task(call.voice.refer(ANN))
    far.send(answer(await far.next("REFER"), "202 Accepted"), ours.port)
    notify(pair, ok, 2, "180 Ringing")
    await far.next("SIP/2.0 200")
    within(pair, "BYE", ok, 3)
    assert await asyncio.wait_for(referring, 3) == Referred(202, 180)


async def test_rubbish_in_a_notify_changes_nothing(pair: Pair) -> None:
    ours, far = pair
    call, ok = await answered(pair)
    assert isinstance(call.voice, Refers)
    within(pair, "NOTIFY", ok, 2, "Event: refer", body="SIP/2.0 200 OK\r\n")
    await far.next("SIP/2.0 489")
    referring = asyncio.create_task(call.voice.refer(ANN))
    far.send(answer(await far.next("REFER"), "202 Accepted"), ours.port)
    within(pair, "NOTIFY", ok, 3, "Event: presence", body="SIP/2.0 200 OK\r\n")
    await far.next("SIP/2.0 489")
    within(pair, "NOTIFY", ok, 4, *SUBSCRIBED, body="SIP/9.9 2000 \0\r\n")
    await far.next("SIP/2.0 200")
    assert not referring.done()
    within(pair, "NOTIFY", ok, 5, *SUBSCRIBED, "Subscription-State: terminated")
    assert await asyncio.wait_for(referring, 3) == Referred(202)


async def test_a_call_that_is_not_up_cannot_be_transferred(pair: Pair) -> None:
    call, _ = await offered(pair)
    assert isinstance(call.voice, Refers)
    with pytest.raises(DeviceRefused):
        await call.voice.refer(ANN)
