"""Verify: services, a code by SMS, checks, limits and attempts."""

from __future__ import annotations

import re

import pytest

from tests.conformance.conftest import Customer
from tests.conformance.official import Refused


async def code_of(customer: Customer, handset: str, before: int) -> str:
    async def arrived() -> str | None:
        for one in (await customer.inbox(handset))[before:]:
            if found := re.search(r"\b\d{4,10}\b", one["body"]):
                return found[0]
        return None

    code: str = await customer.until(arrived)
    return code


async def test_a_code_by_sms_is_checked(customer: Customer) -> None:
    handset = customer.free_handset()
    service = await customer.ask("verify.v2.services.create", friendly_name="Clinic", code_length=6)
    place = f"verify.v2.services({service['sid']})"
    before = len(await customer.inbox(handset))
    asked = await customer.ask(f"{place}.verifications.create", to=handset, channel="sms")
    assert (asked["status"], asked["channel"], asked["to"]) == ("pending", "sms", handset)
    code = await code_of(customer, handset, before)
    assert len(code) == 6
    wrong = str((int(code) + 1) % 1_000_000).zfill(6)
    assert (await customer.ask(f"{place}.verifications({asked['sid']}).fetch"))["status"] == "pending"
    assert (await customer.ask(f"{place}.verification_checks.create", to=handset, code=wrong))["status"] == "pending"
    right = await customer.ask(f"{place}.verification_checks.create", to=handset, code=code)
    assert (right["status"], right["valid"]) == ("approved", True)
    with pytest.raises(Refused) as caught:
        await customer.ask(f"{place}.verifications({asked['sid']}).fetch")
    assert caught.value.status == 404, "a verification is forgotten once it is approved"
    with pytest.raises(Refused) as caught:
        await customer.ask(f"{place}.verification_checks.create", to=handset, code=code)
    assert (caught.value.status, caught.value.code) == (404, 20404)
    attempts = await customer.ask("verify.v2.verification_attempts.list", limit=5)
    assert attempts[0]["verification_sid"] == asked["sid"]
    await customer.delete(place)


async def test_too_many_checks_and_a_cancelled_one(customer: Customer) -> None:
    handset = customer.free_handset()
    service = await customer.ask("verify.v2.services.create", friendly_name="Clinic")
    place = f"verify.v2.services({service['sid']})"
    before = len(await customer.inbox(handset))
    asked = await customer.ask(f"{place}.verifications.create", to=handset, channel="sms")
    code = await code_of(customer, handset, before)
    wrong = "1" * len(code) if code != "1" * len(code) else "2" * len(code)
    for _ in range(5):
        await customer.ask(f"{place}.verification_checks.create", to=handset, code=wrong)
    with pytest.raises(Refused) as caught:
        await customer.ask(f"{place}.verification_checks.create", to=handset, code=code)
    assert (caught.value.status, caught.value.code) == (429, 60202)
    other = customer.free_handset()
    again = await customer.ask(f"{place}.verifications.create", to=other, channel="sms")
    canceled = await customer.ask(f"{place}.verifications({again['sid']}).update", status="canceled")
    assert canceled["status"] == "canceled"
    assert asked["sid"] != again["sid"]
    with pytest.raises(Refused) as caught:
        await customer.ask(f"{place}.verifications.create", to=other, channel="whatsapp")
    assert caught.value.status in (400, 403)
    await customer.delete(place)


async def test_rate_limits_and_their_buckets(customer: Customer) -> None:
    """A limit counts by a name that the application gives: two of Ann's in a minute, and Bob's are his own."""
    service = await customer.ask("verify.v2.services.create", friendly_name="Clinic")
    place = f"verify.v2.services({service['sid']})"
    limit = await customer.ask(f"{place}.rate_limits.create", unique_name="user", description="by name")
    assert (limit["unique_name"], limit["service_sid"]) == ("user", service["sid"])
    with pytest.raises(Refused) as caught:
        await customer.ask(f"{place}.rate_limits.create", unique_name="user")
    assert (caught.value.status, caught.value.code) == (400, 60208)
    mine = f"{place}.rate_limits({limit['sid']})"
    assert (await customer.ask(f"{mine}.update", description="by login"))["description"] == "by login"
    assert [one["sid"] for one in await customer.ask(f"{place}.rate_limits.list")] == [limit["sid"]]
    bucket = await customer.ask(f"{mine}.buckets.create", max=2, interval=60)
    assert (bucket["max"], bucket["interval"], bucket["rate_limit_sid"]) == (2, 60, limit["sid"])
    with pytest.raises(Refused) as caught:
        await customer.ask(f"{mine}.buckets.create", max=9, interval=60)
    assert (caught.value.status, caught.value.code) == (400, 60211)

    async def asks(who: str) -> None:
        words = {"to": customer.free_handset(), "channel": "sms", "rate_limits": {"user": who}}
        await customer.ask(f"{place}.verifications.create", **words)

    await asks("ann")
    await asks("ann")
    with pytest.raises(Refused) as caught:
        await asks("ann")
    assert (caught.value.status, caught.value.code) == (429, 20429)
    await asks("bob")
    one = f"{mine}.buckets({bucket['sid']})"
    assert (await customer.ask(f"{one}.update", max=3))["max"] == 3
    await asks("ann")
    assert [found["sid"] for found in await customer.ask(f"{mine}.buckets.list")] == [bucket["sid"]]
    assert (await customer.ask(f"{one}.fetch"))["max"] == 3
    await customer.delete(one)
    await customer.delete(mine)
    with pytest.raises(Refused) as caught:
        await customer.ask(f"{mine}.fetch")
    assert (caught.value.status, caught.value.code) == (404, 20404)
    await customer.delete(place)


async def test_services_and_attempts_are_read(customer: Customer) -> None:
    service = await customer.ask("verify.v2.services.create", friendly_name="Clinic")
    place = f"verify.v2.services({service['sid']})"
    assert (await customer.ask(f"{place}.update", friendly_name="Ward"))["friendly_name"] == "Ward"
    assert (await customer.ask(f"{place}.fetch"))["friendly_name"] == "Ward"
    assert service["sid"] in [one["sid"] for one in await customer.ask("verify.v2.services.list")]
    limit = await customer.ask(f"{place}.rate_limits.create", unique_name="user")
    assert (await customer.ask(f"{place}.rate_limits({limit['sid']}).fetch"))["unique_name"] == "user"
    await customer.ask(f"{place}.verifications.create", to=customer.free_handset(), channel="sms")
    (attempt,) = await customer.ask("verify.v2.verification_attempts.list", verify_service_sid=service["sid"])
    found = await customer.ask(f"verify.v2.verification_attempts({attempt['sid']}).fetch")
    assert (found["service_sid"], found["conversion_status"]) == (service["sid"], "unconverted")
    summed = await customer.ask("verify.v2.verification_attempts_summary().fetch", verify_service_sid=service["sid"])
    assert (summed["total_attempts"], summed["total_converted"]) == (1, 0)
    await customer.delete(place)
