"""Twilio's client against Lookup."""

from __future__ import annotations

import pytest

from tests.fakes.api_site import HANDSET, Site


async def test_a_number_of_the_plan(site: Site) -> None:
    row = await site.twilio(lambda c: c.lookups.v2.phone_numbers(HANDSET).fetch())
    assert (row.phone_number, row.valid, row.validation_errors) == (HANDSET, True, [])
    assert (row.country_code, row.calling_country_code, row.national_format) == ("KH", "855", "012 000 001")
    assert row.line_type_intelligence is None
    assert row.caller_name is None
    assert row.url == f"https://gw.example/v2/PhoneNumbers/{HANDSET}"


async def test_packages_tell_what_the_plan_tells_and_no_more(site: Site) -> None:
    fields = "line_type_intelligence,caller_name,sim_swap"
    row = await site.twilio(lambda c: c.lookups.v2.phone_numbers(HANDSET).fetch(fields=fields))
    assert row.line_type_intelligence == {
        "mobile_country_code": None,
        "mobile_network_code": None,
        "carrier_name": "Cellcard",
        "type": "mobile",
        "error_code": None,
    }
    assert row.caller_name == {"caller_name": None, "caller_type": None, "error_code": 60600}
    assert row.sim_swap["error_code"] == 60600
    assert row.line_status is None


@pytest.mark.parametrize(
    ("number", "country", "fault"),
    [
        ("+85599", "", "TOO_SHORT"),
        ("hello", "", "NOT_A_NUMBER"),
        ("+999123", "", "INVALID_COUNTRY_CODE"),
        ("012000001", "", "INVALID_COUNTRY_CODE"),
        ("9" * 500, "", "TOO_LONG"),
        ("+12005550100", "", "INVALID_BUT_POSSIBLE"),
        ("%00", "", "NOT_A_NUMBER"),
    ],
)
async def test_what_is_no_number_is_told_with_200(site: Site, number: str, country: str, fault: str) -> None:
    status, body = await site.ask("GET", f"/v2/PhoneNumbers/{number.replace('+', '%2B')}")
    assert (status, body["valid"], body["validation_errors"]) == (200, False, [fault])
    assert (await site.ask("GET", f"/v1/PhoneNumbers/{number.replace('+', '%2B')}"))[0] == 404


async def test_national_numbers_need_their_country(site: Site) -> None:
    row = await site.twilio(lambda c: c.lookups.v2.phone_numbers("012 000 001").fetch(country_code="KH"))
    assert (row.valid, row.phone_number) == (True, HANDSET)


@pytest.mark.parametrize(
    ("params", "code"), [([("CountryCode", "XX")], 60618), ([("Fields", "carrier_pigeon")], 60618)]
)
async def test_what_is_wrong(site: Site, params: list[tuple[str, str]], code: int) -> None:
    status, body = await site.ask("GET", f"/v2/PhoneNumbers/{HANDSET}", params)
    assert (status, body["code"]) == (400, code)


async def test_version_1(site: Site) -> None:
    row = await site.twilio(lambda c: c.lookups.v1.phone_numbers(HANDSET).fetch(type=["carrier", "caller-name"]))
    assert (row.country_code, row.national_format, row.add_ons) == ("KH", "012 000 001", None)
    assert (row.carrier["type"], row.carrier["name"], row.carrier["error_code"]) == ("mobile", "Cellcard", None)
    assert row.caller_name["error_code"] == 60600
    row = await site.twilio(lambda c: c.lookups.v1.phone_numbers(HANDSET).fetch())
    assert (row.carrier, row.caller_name) == (None, None)
    assert (await site.ask("GET", f"/v1/PhoneNumbers/{HANDSET}", [("Type", "gold")]))[0] == 400
