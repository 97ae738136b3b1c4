"""Bad input on every wire: a clear error where its cause can see it, nothing changed, and the process lives on."""

from __future__ import annotations

import asyncio

import pytest
from twilio.base.exceptions import TwilioRestException

from tests.fakes.customer_app import Reply, twiml
from tests.flows.conftest import World


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"body": "x" * 1601}, 21617),
        ({"to": "hello"}, 21211),
        ({"from_": "+15005550006"}, 21606),
        ({"validity_period": 40000}, 21624),
        ({"status_callback": "gopher://x"}, 21609),
    ],
)
async def test_messages_that_are_refused(world: World, change: dict[str, object], code: int) -> None:
    good = {"to": world.about["handsets"]["free"][2], "from_": world.numbers[0], "body": "hello"}
    before = len(await asyncio.to_thread(world.client.messages.list))
    with pytest.raises(TwilioRestException) as caught:
        await asyncio.to_thread(lambda: world.client.messages.create(**{**good, **change}))
    assert caught.value.code == code
    assert caught.value.status == 400
    assert len(await asyncio.to_thread(world.client.messages.list)) == before


DOCUMENTS = {
    "not XML": ("this is no XML", 12100),
    "a DOCTYPE": ("<!DOCTYPE Response [<!ENTITY a 'b'>]><Response>&a;</Response>", 12100),
    "an unknown verb": (twiml("<Conquer/>"), 12200),
    "a Gather in a Gather": (twiml("<Gather><Gather/></Gather>"), 13320),
    "HTTP 500": (Reply("sorry", status=500), 11200),
    "10 MB": (Reply(size=10_000_000), 11750),
    "HTML": (Reply("<html/>", content_type="text/html"), 12300),
}


@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_a_bad_document_leads_to_the_fallback(world: World, kind: str) -> None:
    """A caller hears the fallback's words, and the fallback is told what went wrong and where."""
    answer, code = DOCUMENTS[kind]
    voice = world.app.answer("/bad", answer)
    fallback = world.app.answer("/fallback", twiml("<Reject/>"))
    await _dial_in(world, voice, fallback)
    (request,) = await world.app.wait_for("/fallback", within_s=30)
    assert request.params["ErrorCode"] == str(code)
    assert request.params["ErrorUrl"] == voice


async def test_a_redirect_loop_leads_to_the_fallback(world: World) -> None:
    voice = world.app.answer("/round", Reply(status=302, headers={"Location": "/round"}))
    fallback = world.app.answer("/fallback", twiml("<Reject/>"))
    await _dial_in(world, voice, fallback)
    (request,) = await world.app.wait_for("/fallback", within_s=30)
    assert request.params["ErrorCode"] == "11215"


async def _dial_in(world: World, voice: str, fallback: str) -> None:
    await world.hook(world.numbers[2], voice_url=voice, voice_fallback_url=fallback)
    handset = world.about["handsets"]["free"][3]
    await world.network("POST", f"/subscribers/{handset}/calls", {"to": world.numbers[2]})


async def test_garbage_on_the_line_costs_no_message(world: World) -> None:
    handset = world.about["handsets"]["free"][4]
    sms = world.app.answer("/sms", twiml(""))
    await world.hook(world.numbers[3], sms_url=sms)
    await world.network("POST", "/faults", {"kind": "modem_garbage", "target": world.numbers[3], "for_s": 4})
    await world.network("POST", f"/subscribers/{handset}/messages", {"to": world.numbers[3], "body": "through noise"})
    sent = await asyncio.to_thread(
        world.client.messages.create, to=handset, from_=world.numbers[3], body="out through noise"
    )
    (request,) = await world.app.wait_for("/sms", within_s=60)
    assert request.params["Body"] == "through noise"
    done = await world.message_final(sent.sid)
    arrived = [m for m in await world.inbox(handset) if m["body"] == "out through noise"]
    assert len(arrived) <= 1
    assert (done.status == "delivered") == bool(arrived) or done.status == "failed"
