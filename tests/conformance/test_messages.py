"""Messages: sent, received, told of, listed, redacted and deleted."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import Customer
from tests.conformance.official import Refused
from tests.fakes.customer_app import Reply, twiml


async def test_a_message_out_and_its_states_in_order(customer: Customer) -> None:
    handset = customer.free_handset()
    status = customer.app.answer("/status", "")
    sent = await customer.ask(
        "messages.create", to=handset, from_=customer.numbers[0], body="ភាសាខ្មែរ, hello", status_callback=status
    )
    assert (sent["status"], sent["direction"], sent["num_segments"]) == ("queued", "outbound-api", "1")

    async def delivered() -> object:
        found = await customer.ask(f"messages({sent['sid']}).fetch")
        return found if found["status"] == "delivered" else None

    final = await customer.until(delivered)
    assert final["date_sent"] is not None
    assert final["error_code"] is None
    (inbox,) = [one for one in await customer.inbox(handset) if one["body"] == "ភាសាខ្មែរ, hello"]
    assert inbox["from"] == customer.numbers[0]

    def told() -> list[str]:
        return [one.params["MessageStatus"] for one in customer.app.seen("/status")]

    await customer.until(lambda: "delivered" in told())
    order = ["queued", "sending", "sent", "delivered"]
    assert told() == [state for state in order if state in told()]
    assert {one.params["MessageSid"] for one in customer.app.seen("/status")} == {sent["sid"]}


async def test_a_message_that_fails_says_why(customer: Customer) -> None:
    sent = await customer.ask(
        "messages.create", to=customer.about["handsets"]["sms_fails"], from_=customer.numbers[0], body="hello"
    )

    async def over() -> object:
        found = await customer.ask(f"messages({sent['sid']}).fetch")
        return found if found["status"] in ("failed", "undelivered") else None

    final = await customer.until(over, 60)
    assert isinstance(final["error_code"], int)
    assert 30000 <= final["error_code"] < 31000


@pytest.mark.parametrize("how", ["twiml", "text"])
async def test_a_message_in_is_answered(customer: Customer, how: str) -> None:
    handset, number = customer.free_handset(), customer.numbers[2]
    app = customer.app
    answer: str | Reply = (
        twiml("<Message>pong</Message>") if how == "twiml" else Reply("pong", content_type="text/plain")
    )
    await customer.hooked(number, sms_url=app.answer("/sms", answer))
    before = len(await customer.inbox(handset))
    await customer.network("POST", f"/subscribers/{handset}/messages", {"to": number, "body": f"ping {how}"})
    (asked,) = await app.wait_for("/sms", within_s=30)
    assert (asked.params["From"], asked.params["To"], asked.params["Body"]) == (handset, number, f"ping {how}")
    assert (asked.params["NumMedia"], asked.params["SmsStatus"], asked.params["NumSegments"]) == ("0", "received", "1")

    async def answered() -> bool:
        return any(one["body"] == "pong" for one in (await customer.inbox(handset))[before:])

    await customer.until(answered)
    received = await customer.ask(f"messages({asked.params['MessageSid']}).fetch")
    assert (received["status"], received["direction"]) == ("received", "inbound")
    replies = await customer.ask("messages.list", to=handset, from_=number)
    assert replies[0]["direction"] == "outbound-reply"


async def test_a_redirect_and_several_messages(customer: Customer) -> None:
    handset, number, app = customer.free_handset(), customer.numbers[3], customer.app
    app.answer("/first", twiml('<Redirect method="GET">/second?of=first</Redirect><Message>never</Message>'))
    app.answer("/second", twiml("<Message>one</Message><Message><Body>two</Body></Message>"))
    await customer.hooked(number, sms_url=app.url("/first"))
    before = len(await customer.inbox(handset))
    await customer.network("POST", f"/subscribers/{handset}/messages", {"to": number, "body": "hello"})
    (asked,) = await app.wait_for("/second", within_s=30)
    assert (asked.method, asked.params["of"]) == ("GET", "first")

    async def bodies() -> bool:
        return sorted(one["body"] for one in (await customer.inbox(handset))[before:]) == ["one", "two"]

    await customer.until(bodies)


async def test_redacted_listed_and_deleted(customer: Customer) -> None:
    handset = customer.free_handset()
    sids = []
    for turn in range(3):
        sent = await customer.ask("messages.create", to=handset, from_=customer.numbers[0], body=f"secret {turn}")
        sids.append(sent["sid"])

    async def all_out() -> bool:
        found = await customer.ask("messages.list", to=handset)
        return all(one["status"] in ("delivered", "sent") for one in found if one["sid"] in sids)

    await customer.until(all_out, 60)
    listed = [one["sid"] for one in await customer.ask("messages.list", to=handset, page_size=2) if one["sid"] in sids]
    assert listed == sids[::-1]
    redacted = await customer.ask(f"messages({sids[0]}).update", body="")
    assert redacted["body"] == ""
    with pytest.raises(Refused) as caught:
        await customer.ask(f"messages({sids[1]}).update", body="other words")
    assert caught.value.status == 400
    assert await customer.ask(f"messages({sids[0]}).media.list") == []
    for sid in sids:
        await customer.delete(f"messages({sid})")
        with pytest.raises(Refused) as caught:
            await customer.ask(f"messages({sid}).fetch")
        assert (caught.value.status, caught.value.code) == (404, 20404)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"to": ""}, 21604),
        ({"to": "hello"}, 21211),
        ({"from_": "+15005550006"}, 21606),
        ({"body": "x" * 1601}, 21617),
        ({"body": ""}, 21602),
        ({"validity_period": 40000}, 21624),
        ({"status_callback": "gopher://x"}, 21609),
        ({"media_url": ["https://app.example/a.jpg"]}, 21620),
    ],
)
async def test_messages_that_are_refused(customer: Customer, change: dict[str, object], code: int) -> None:
    good = {"to": customer.about["handsets"]["answers"], "from_": customer.numbers[0], "body": "hello"}
    with pytest.raises(Refused) as caught:
        await customer.ask("messages.create", **{**good, **change})
    assert (caught.value.status, caught.value.code) == (400, code)
