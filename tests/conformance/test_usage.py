"""What was used, and what is known of a number, by both clients."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import Customer
from tests.conformance.official import Refused
from tests.fakes.customer_app import twiml


async def test_usage_counts_what_was_sent(customer: Customer) -> None:
    async def count() -> int:
        found = await customer.ask("usage.records.list", category="sms-outbound")
        return int(found[0]["count"])

    before = await count()
    sent = await customer.ask("messages.create", to=customer.free_handset(), from_=customer.numbers[0], body="counted")

    async def counted() -> bool:
        return await count() > before

    await customer.until(counted)
    assert sent["status"] == "queued"
    assert {"sms", "calls", "totalprice"} <= {one["category"] for one in await customer.ask("usage.records.today.list")}


@pytest.mark.parametrize("number", ["+85512000001", "+12"])
async def test_a_number_is_looked_up(customer: Customer, number: str) -> None:
    found = await customer.ask(f"lookups.v2.phone_numbers({number}).fetch")
    assert found["valid"] is (number == "+85512000001")
    if found["valid"]:
        assert (found["phone_number"], found["country_code"]) == (number, "KH")


async def test_the_requests_of_a_call_are_its_events(customer: Customer) -> None:
    voice = customer.app.answer("/reject", twiml("<Reject/>"))
    await customer.hooked(customer.numbers[3], voice_url=voice)
    await customer.dial_in(customer.free_handset(), customer.numbers[3])
    (asked,) = await customer.app.wait_for("/reject", within_s=20)
    sid = asked.params["CallSid"]
    await customer.call_over(sid)

    async def noted() -> list[dict[str, object]]:
        return list(await customer.ask(f"calls({sid}).events.list"))

    events = await customer.until(noted)
    assert events[0]["request"]["url"] == voice


@pytest.mark.parametrize(
    "period", ["all_time", "daily", "last_month", "monthly", "this_month", "yearly", "yesterday", "today"]
)
async def test_usage_of_a_period(customer: Customer, period: str) -> None:
    (*_, one) = await customer.ask(f"usage.records.{period}.list", category="sms-outbound", limit=3)
    assert (one["category"], one["usage_unit"]) == ("sms-outbound", "segments")
    assert one["start_date"] <= one["end_date"]


async def test_a_number_is_looked_up_as_version_1_tells_it(customer: Customer) -> None:
    found = await customer.ask("lookups.v1.phone_numbers(+85512000001).fetch")
    assert (found["phone_number"], found["country_code"]) == ("+85512000001", "KH")
    with pytest.raises(Refused) as caught:
        await customer.ask("lookups.v1.phone_numbers(+12).fetch")
    assert (caught.value.status, caught.value.code) == (404, 20404)


async def test_lists_that_are_always_empty(customer: Customer) -> None:
    assert await customer.ask("addresses.list") == []
    assert await customer.ask("short_codes.list") == []
