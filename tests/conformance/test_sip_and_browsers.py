"""<Client> with a token of Twilio's own helper; <Sip> and <Refer> where nothing carries SIP."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VoiceGrant

from tests.conformance.conftest import Customer
from tests.fakes.customer_app import twiml


async def _until(socket: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next message of this kind."""
    async with asyncio.timeout(40):
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT and message.json()["type"] == kind:
                return dict(message.json())
    raise AssertionError(f"closed before {kind}")


async def test_a_browser_is_dialled_by_its_identity(customer: Customer) -> None:
    """It registers with a token that Twilio's helper made, is rung, answers and hangs up."""
    account, base = customer.about["account_sid"], customer.about["base_url"]
    identity = f"nurse_{customer.official.name}"
    token = AccessToken(account, account, customer.token, identity=identity)
    token.add_grant(VoiceGrant(incoming_allow=True))
    caller, number, app = customer.free_handset(), customer.numbers[2], customer.app
    voice = app.answer("/to-browser", twiml(f'<Dial action="/talked"><Client>{identity}</Client></Dial>'))
    app.answer("/talked", twiml("<Hangup/>"))
    await customer.hooked(number, voice_url=voice)
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{base}/client/socket") as socket:
        await socket.send_json({"type": "register", "token": token.to_jwt(), "handset": "h1"})
        await _until(socket, "registered")
        await customer.dial_in(caller, number)
        ring = await _until(socket, "ring")
        assert ring["from"] == caller
        await socket.send_json({"type": "answer", "call": ring["call"]})
        await _until(socket, "joined")

        async def talking() -> dict[str, Any] | None:
            found: dict[str, Any] = await customer.ask(f"calls({ring['call']}).fetch")
            return found if found["status"] == "in-progress" else None

        live = await customer.until(talking)
        assert (live["to"], live["direction"]) == (f"client:{identity}", "outbound-dial")
        await socket.send_json({"type": "hang_up", "call": ring["call"]})
        await _until(socket, "ended")
    (after,) = await app.wait_for("/talked", within_s=20)
    assert (after.params["DialCallStatus"], after.params["DialCallSid"]) == ("completed", ring["call"])
    assert (await customer.call_over(ring["call"]))["status"] == "completed"


async def noted(customer: Customer, sid: str) -> list[tuple[str, str]]:
    """The codes and levels that the debugger has of a call that is over."""
    await customer.call_over(sid)

    async def some() -> list[tuple[str, str]]:
        found = await customer.ask(f"calls({sid}).notifications.list")
        return [(one["error_code"], one["log"]) for one in found]

    return list(await customer.until(some))


async def run(customer: Customer, document: str, leads_to: str) -> dict[str, str]:
    """A handset calls, this runs, and what is asked for next was told so."""
    number, app = customer.numbers[3], customer.app
    voice = app.answer("/voice", twiml(document))
    for path in ("/after", "/fallback"):
        app.answer(path, twiml("<Hangup/>"))
    await customer.hooked(number, voice_url=voice, voice_fallback_url=app.url("/fallback"))
    await customer.dial_in(customer.free_handset(), number)
    (asked,) = await app.wait_for(leads_to, within_s=40)
    assert [one.path for one in app.received] == ["/voice", leads_to]
    return asked.params


async def test_a_sip_uri_that_no_trunk_reaches(customer: Customer) -> None:
    after = await run(customer, '<Dial action="/after"><Sip>sip:ward@pbx.example</Sip></Dial>', "/after")
    assert after["DialCallStatus"] == "failed"
    assert await noted(customer, after["CallSid"]) == [("13246", "0")]


async def test_a_call_of_a_sim_is_not_referred(customer: Customer) -> None:
    """The page goes on by the action, which is told of no answer."""
    after = await run(customer, '<Refer action="/after"><Sip>sip:ward@pbx.example</Sip></Refer>', "/after")
    assert not {"ReferSipResponseCode", "NotifySipResponseCode", "ReferCallStatus"} & after.keys()
    assert await noted(customer, after["CallSid"]) == [("12200", "1")]


@pytest.mark.parametrize("document", ["<Refer/>", "<Refer><Sip>nobody</Sip></Refer>"])
async def test_a_referral_to_nobody_leads_to_the_fallback(customer: Customer, document: str) -> None:
    asked = await run(customer, document, "/fallback")
    ((code, level),) = await noted(customer, asked["CallSid"])
    assert (asked["ErrorCode"], level) == (code, "0")
