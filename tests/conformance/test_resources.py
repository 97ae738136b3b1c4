"""Applications, caller ids, numbers to be had, messaging services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.conformance.conftest import Customer
from tests.conformance.official import Refused
from tests.fakes.customer_app import twiml


async def test_an_application_takes_the_calls_of_a_number(customer: Customer) -> None:
    handset, number, app = customer.free_handset(), customer.numbers[3], customer.app
    voice = app.answer("/application", twiml("<Reject/>"))
    made = await customer.ask("applications.create", friendly_name="Desk", voice_url=voice, voice_method="GET")
    assert made["sid"].startswith("AP")
    renamed = await customer.ask(f"applications({made['sid']}).update", friendly_name="Front desk")
    assert (renamed["friendly_name"], renamed["voice_url"]) == ("Front desk", voice)
    assert (await customer.ask(f"applications({made['sid']}).fetch"))["voice_method"] == "GET"
    assert made["sid"] in [one["sid"] for one in await customer.ask("applications.list", friendly_name="Front desk")]
    (row,) = await customer.ask("incoming_phone_numbers.list", phone_number=number)
    place = f"incoming_phone_numbers({row['sid']})"
    await customer.ask(f"{place}.update", voice_application_sid=made["sid"])
    await customer.dial_in(handset, number)
    (asked,) = await app.wait_for("/application", within_s=20)
    assert asked.method == "GET"
    await customer.call_over(asked.params["CallSid"])
    await customer.ask(f"{place}.update", voice_application_sid="")
    await customer.delete(f"applications({made['sid']})")
    with pytest.raises(Refused) as caught:
        await customer.ask(f"applications({made['sid']}).fetch")
    assert caught.value.status == 404


async def test_numbers_to_be_had(customer: Customer) -> None:
    """A number that was let go is to be had, and is taken from there."""
    number = customer.numbers[3]
    (row,) = await customer.ask("incoming_phone_numbers.list", phone_number=number)
    countries = await customer.ask("available_phone_numbers.list")
    await customer.delete(f"incoming_phone_numbers({row['sid']})")
    try:
        countries = await customer.ask("available_phone_numbers.list")
        code = countries[0]["country_code"]
        found = await customer.ask(f"available_phone_numbers({code}).mobile.list")
        assert number in [one["phone_number"] for one in found]
        assert await customer.ask(f"available_phone_numbers({code}).toll_free.list") == []
    finally:
        again = await customer.ask("incoming_phone_numbers.create", phone_number=number)
    assert again["phone_number"] == number


async def test_a_messaging_service_chooses_the_sender(customer: Customer) -> None:
    handset, number = customer.free_handset(), customer.numbers[2]
    service = await customer.ask("messaging.v1.services.create", friendly_name="Ward")
    place = f"messaging.v1.services({service['sid']})"
    (row,) = await customer.ask("incoming_phone_numbers.list", phone_number=number)
    added = await customer.ask(f"{place}.phone_numbers.create", phone_number_sid=row["sid"])
    assert added["phone_number"] == number
    with pytest.raises(Refused) as caught:
        await customer.ask(f"{place}.phone_numbers.create", phone_number_sid=row["sid"])
    assert (caught.value.status, caught.value.code) == (409, 21710)
    assert [one["sid"] for one in await customer.ask(f"{place}.phone_numbers.list")] == [row["sid"]]
    assert (await customer.ask(f"{place}.phone_numbers({row['sid']}).fetch"))["phone_number"] == number
    sent = await customer.ask("messages.create", to=handset, messaging_service_sid=service["sid"], body="hello")
    assert (sent["status"], sent["messaging_service_sid"]) == ("accepted", service["sid"])

    async def delivered() -> dict[str, object] | None:
        found: dict[str, object] = await customer.ask(f"messages({sent['sid']}).fetch")
        return found if found["status"] == "delivered" else None

    final = await customer.until(delivered)
    assert final["from"] == number
    feedback = await customer.ask(f"messages({sent['sid']}).feedback.create", outcome="confirmed")
    assert feedback["outcome"] == "confirmed"
    changed = await customer.ask(f"{place}.update", friendly_name="Ward 4", sticky_sender=False)
    assert (changed["friendly_name"], changed["sticky_sender"]) == ("Ward 4", False)
    assert (await customer.ask(f"{place}.fetch"))["friendly_name"] == "Ward 4"
    assert service["sid"] in [one["sid"] for one in await customer.ask("messaging.v1.services.list")]
    await customer.delete(f"{place}.phone_numbers({row['sid']})")
    await customer.delete(place)
    with pytest.raises(Refused) as caught:
        await customer.ask(f"{place}.fetch")
    assert caught.value.status == 404


async def test_a_recipient_who_opts_out_and_in_again(customer: Customer) -> None:
    handset, number = customer.free_handset(), customer.numbers[1]
    sms = customer.app.answer("/sms", twiml(""))
    await customer.hooked(number, sms_url=sms)

    async def writes(body: str, count: int) -> None:
        await customer.network("POST", f"/subscribers/{handset}/messages", {"to": number, "body": body})
        await customer.app.wait_for("/sms", count, within_s=30)

    await writes("STOP", 1)
    with pytest.raises(Refused) as caught:
        await customer.ask("messages.create", to=handset, from_=number, body="hello")
    assert (caught.value.status, caught.value.code) == (400, 21610)
    await writes("START", 2)
    sent = await customer.ask("messages.create", to=handset, from_=number, body="hello")
    assert sent["status"] == "queued"
    assert [one.params["OptOutType"] for one in customer.app.seen("/sms")] == ["STOP", "START"]


async def test_a_scheduled_message_is_canceled(customer: Customer) -> None:
    service = await customer.ask("messaging.v1.services.create", friendly_name="Later")
    place = f"messaging.v1.services({service['sid']})"
    (row,) = await customer.ask("incoming_phone_numbers.list", phone_number=customer.numbers[2])
    await customer.ask(f"{place}.phone_numbers.create", phone_number_sid=row["sid"])
    at = customer.moment(datetime.now(UTC) + timedelta(hours=1))
    words = {"to": customer.free_handset(), "messaging_service_sid": service["sid"], "body": "later"}
    sent = await customer.ask("messages.create", **words, schedule_type="fixed", send_at=at)
    assert sent["status"] == "scheduled"
    canceled = await customer.ask(f"messages({sent['sid']}).update", status="canceled")
    assert canceled["status"] == "canceled"
    with pytest.raises(Refused) as caught:
        await customer.ask("messages.create", **words, schedule_type="fixed")
    assert caught.value.code == 35111
    await customer.delete(place)


async def test_senders_that_no_sim_is(customer: Customer) -> None:
    service = await customer.ask("messaging.v1.services.create", friendly_name="Senders")
    place = f"messaging.v1.services({service['sid']})"
    for kind, given in (
        ("short_codes", {"short_code_sid": "SC" + "0" * 32}),
        ("alpha_senders", {"alpha_sender": "Us"}),
    ):
        assert await customer.ask(f"{place}.{kind}.list") == []
        with pytest.raises(Refused) as caught:
            await customer.ask(f"{place}.{kind}.create", **given)
        assert 400 <= (caught.value.status or 0) < 500
    known = await customer.ask("messaging.v1.usecases.fetch")
    assert "notifications" in [one["usecase"] for one in known["usecases"]]
    await customer.delete(place)
