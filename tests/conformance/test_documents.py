"""Documents that are wrong, hostile or strange: Twilio's code, in Notifications, and the fallback URL asked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.conftest import Customer
from tests.fakes.customer_app import Reply, twiml

PYTHON = pytest.mark.parametrize("customer", ["python"], indirect=True)
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>'
    "<Response><Say>&d;</Say></Response>"
)
OUTSIDE = (
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY p SYSTEM "file:///etc/passwd">]><Response><Say>&p;</Say></Response>'
)
REFUSED: dict[str, tuple[str | Reply, int]] = {
    "a bomb of entities": (BOMB, 12100),
    "an external entity": (OUTSIDE, 12100),
    "no XML": ("this is no XML", 12100),
    "an end that is missing": ("<Response><Say>hello</Response>", 12100),
    "another root": ("<Answer/>", 12102),
    "a root in lower case": ("<response/>", 12102),
    "bytes that are no text": (Reply(b"<Response><Say>\xff\xfe</Say>\x00</Response>"), 12100),
    "elements 5000 deep": (twiml("<Say>" * 5000 + "</Say>" * 5000), 12100),
    "more than 64 kB": (twiml("<Say>" + "x" * 66_000 + "</Say>"), 11750),
    "10 MB": (Reply(size=10_000_000), 11750),
    "nothing": ("", 11770),
    "HTML": (Reply("<html><body>sorry</body></html>", content_type="text/html"), 12300),
    "JSON": (Reply('{"say": "hello"}', content_type="application/json"), 12300),
    "an unknown verb": (twiml("<Conquer/>"), 12200),
    "a verb in lower case": (twiml("<say>hello</say>"), 12200),
    "a verb that no SIM can do": (twiml("<Pay/>"), 12200),
    "a verb within Gather": (twiml("<Gather><Dial>+85512000001</Dial></Gather>"), 13320),
    "a verb within Dial": (twiml("<Dial><Say>hello</Say></Dial>"), 13215),
    "nobody to dial": (twiml("<Dial/>"), 13224),
    "words without an end": (twiml("<Say>" + "x" * 4097 + "</Say>"), 13520),
    "an error of the server": (Reply("sorry", status=500), 11200),
    "a page that is not there": (Reply("no", status=404), 11200),
    "no answer at all": (Reply(drop=True), 11200),
    "round and round": (Reply(status=302, headers={"Location": "/bad"}), 11215),
}


@PYTHON
@pytest.mark.parametrize("kind", REFUSED)
async def test_a_document_that_is_refused(customer: Customer, kind: str) -> None:
    answer, code = REFUSED[kind]
    voice = customer.app.answer("/bad", answer)
    fallback = customer.app.answer("/fallback", twiml("<Reject/>"))
    number = customer.numbers[3]
    await customer.hooked(number, voice_url=voice, voice_fallback_url=fallback)
    await customer.dial_in(customer.free_handset(), number)
    (request,) = await customer.app.wait_for("/fallback", within_s=30)
    asked = request.params
    told = int(asked["ErrorCode"])
    assert told == code or (code == 11200 and 11200 <= told <= 11206)
    assert asked["ErrorUrl"] == voice
    (noted,) = await customer.ask(f"calls({asked['CallSid']}).notifications.list")
    assert (noted["error_code"], noted["log"], noted["request_url"]) == (str(told), "0", voice)
    assert noted["message_text"]
    await customer.call_over(asked["CallSid"])


WARNED: dict[str, tuple[str, int]] = {
    "an unknown attribute": ('<Say colour="red">hello</Say>', 12200),
    "a number that is none": ('<Pause length="soon"/>', 13910),
    "a loop that is none": ('<Say loop="-1">hello</Say>', 13510),
    "a method of another kind": ('<Redirect method="PUT">/on</Redirect>', 13710),
    "keys that are none": ('<Gather finishOnKey="abc" timeout="0" actionOnEmptyResult="true" action="/on"/>', 13310),
    "an empty Say": ("<Say></Say>", 13520),
    "a verb within Hangup": ("<Hangup><Say>bye</Say></Hangup>", 12200),
}


@PYTHON
@pytest.mark.parametrize("kind", WARNED)
async def test_what_is_left_out_is_warned_of(customer: Customer, kind: str) -> None:
    """The call goes on, and the debugger tells what was not done as it was written."""
    verbs, code = WARNED[kind]
    handset, number = customer.free_handset(), customer.numbers[3]
    voice = customer.app.answer("/odd", twiml(verbs + "<Hangup/>"))
    customer.app.answer("/on", twiml("<Hangup/>"))
    fallback = customer.app.answer("/fallback", twiml("<Reject/>"))
    await customer.hooked(number, voice_url=voice, voice_fallback_url=fallback)
    await customer.dial_in(handset, number)
    (asked,) = await customer.app.wait_for("/odd", within_s=30)
    sid = asked.params["CallSid"]
    assert (await customer.call_over(sid))["status"] == "completed"

    async def noted() -> list[dict[str, Any]]:
        return list(await customer.ask(f"calls({sid}).notifications.list"))

    (warning,) = await customer.until(noted)
    assert (warning["error_code"], warning["log"]) == (str(code), "1")
    assert customer.app.seen("/fallback") == []


REPLIES: dict[str, tuple[str | Reply, int]] = {
    "a bomb of entities": (BOMB, 12100),
    "a verb of voice": (twiml("<Say>hello</Say>"), 14110),
    "a picture": (twiml("<Message>hello<Media>https://app.example/a.jpg</Media></Message>"), 21620),
    "eleven messages": (twiml("<Message>hello</Message>" * 11), 14109),
    "HTML": (Reply("<html/>", content_type="text/html"), 12300),
    "10 MB": (Reply(size=10_000_000), 11750),
}


@PYTHON
@pytest.mark.parametrize("kind", REPLIES)
async def test_an_answer_to_a_message_that_is_refused(customer: Customer, kind: str) -> None:
    answer, code = REPLIES[kind]
    handset, number = customer.free_handset(), customer.numbers[3]
    sms = customer.app.answer("/bad", answer)
    fallback = customer.app.answer("/fallback", twiml("<Message>sorry</Message>"))
    await customer.hooked(number, sms_url=sms, sms_fallback_url=fallback)
    before = len(await customer.inbox(handset))
    await customer.network("POST", f"/subscribers/{handset}/messages", {"to": number, "body": "hello"})
    (request,) = await customer.app.wait_for("/fallback", within_s=30)
    assert (request.params["ErrorCode"], request.params["ErrorUrl"]) == (str(code), sms)

    async def answered() -> list[str]:
        return [one["body"] for one in (await customer.inbox(handset))[before:]]

    assert await customer.until(answered) == ["sorry"]
    found = await customer.ask("notifications.list", limit=20)
    assert (str(code), sms) in [(one["error_code"], one["request_url"]) for one in found]


async def test_notifications_are_listed_by_both_clients(customer: Customer) -> None:
    """What went wrong without a fallback: the call ends, and the list says why, newest first."""
    handset, number = customer.free_handset(), customer.numbers[3]
    voice = customer.app.answer("/bad", twiml("<Conquer/>"))
    await customer.hooked(number, voice_url=voice, voice_fallback_url="")
    await customer.dial_in(handset, number)
    (asked,) = await customer.app.wait_for("/bad", within_s=30)
    await customer.call_over(asked.params["CallSid"])

    async def newest() -> dict[str, Any] | None:
        (one,) = await customer.ask("notifications.list", limit=1)
        return one if one["call_sid"] == asked.params["CallSid"] else None

    noted = await customer.until(newest)
    assert (noted["error_code"], noted["log"], noted["request_method"]) == ("12200", "0", "POST")
    assert "Conquer" in noted["message_text"]
    assert noted["more_info"].endswith("/12200")
