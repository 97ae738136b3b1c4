"""IncomingPhoneNumbers: the numbers of the SIMs."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import Customer
from tests.conformance.official import Refused


async def test_listed_filtered_and_fetched(customer: Customer) -> None:
    listed = await customer.ask("incoming_phone_numbers.list")
    assert {one["phone_number"] for one in listed} >= set(customer.numbers)
    (one,) = await customer.ask("incoming_phone_numbers.list", phone_number=customer.numbers[0])
    assert one["capabilities"] == {"voice": True, "sms": True, "mms": False, "fax": False}
    fetched = await customer.ask(f"incoming_phone_numbers({one['sid']}).fetch")
    assert fetched["phone_number"] == customer.numbers[0]
    assert len(await customer.ask("incoming_phone_numbers.list", page_size=1)) == len(listed)
    mobile = await customer.ask("incoming_phone_numbers.mobile.list")
    assert {one["sid"] for one in mobile} == {one["sid"] for one in listed}
    assert await customer.ask("incoming_phone_numbers.local.list") == []
    assert await customer.ask("incoming_phone_numbers.toll_free.list") == []


async def test_settings_are_kept_and_cleared(customer: Customer) -> None:
    (one,) = await customer.ask("incoming_phone_numbers.list", phone_number=customer.numbers[3])
    place = f"incoming_phone_numbers({one['sid']})"
    settings = {
        "friendly_name": "Reception",
        "voice_url": "https://app.example/voice",
        "voice_method": "GET",
        "voice_fallback_url": "https://app.example/fallback",
        "sms_url": "https://app.example/sms",
        "sms_fallback_url": "https://app.example/sms-fallback",
        "status_callback": "https://app.example/status",
    }
    changed = await customer.ask(f"{place}.update", **settings)
    assert {name: changed[name] for name in settings} == settings
    cleared = await customer.ask(f"{place}.update", **{**dict.fromkeys(settings, ""), "voice_method": "POST"})
    assert (cleared["voice_url"], cleared["sms_url"], cleared["friendly_name"]) == ("", "", customer.numbers[3])
    with pytest.raises(Refused) as caught:
        await customer.ask(f"{place}.update", voice_url="no URL")
    assert caught.value.code == 21402


async def test_let_go_and_taken_again(customer: Customer) -> None:
    number = customer.numbers[3]
    (one,) = await customer.ask("incoming_phone_numbers.list", phone_number=number)
    await customer.delete(f"incoming_phone_numbers({one['sid']})")
    assert await customer.ask("incoming_phone_numbers.list", phone_number=number) == []
    again = await customer.ask("incoming_phone_numbers.create", phone_number=number)
    assert again["phone_number"] == number
    with pytest.raises(Refused) as caught:
        await customer.ask("incoming_phone_numbers.create", phone_number=number)
    assert caught.value.code == 21422


async def test_taken_by_its_kind(customer: Customer) -> None:
    """The numbers of SIMs are mobile ones, so that nothing is to be had as another kind."""
    number = customer.numbers[3]
    (one,) = await customer.ask("incoming_phone_numbers.list", phone_number=number)
    country = (await customer.ask("lookups.v2.phone_numbers(" + number + ").fetch"))["country_code"]
    await customer.delete(f"incoming_phone_numbers({one['sid']})")
    try:
        for kind in ("local", "toll_free"):
            with pytest.raises(Refused) as caught:
                await customer.ask(f"incoming_phone_numbers.{kind}.create", phone_number=number)
            assert caught.value.code == 21458
        shown = await customer.ask(f"available_phone_numbers({country}).fetch")
        assert shown["country_code"] == country
        assert await customer.ask(f"available_phone_numbers({country}).local.list") == []
    finally:
        again = await customer.ask("incoming_phone_numbers.mobile.create", phone_number=number)
    assert again["phone_number"] == number
