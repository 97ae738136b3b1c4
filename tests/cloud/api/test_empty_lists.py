"""Twilio's client finds nothing where there is nothing, and no error."""

from __future__ import annotations

from tests.fakes.api_site import Site


async def test_lists_of_what_sims_have_not_are_empty(site: Site) -> None:
    assert await site.twilio(lambda c: c.short_codes.list()) == []
    assert await site.twilio(lambda c: c.addresses.list(iso_country="KH")) == []
    assert (await site.ask("GET", "Addresses.json", [("PageSize", "1001")]))[0] == 400


async def test_nothing_is_made_in_them(site: Site) -> None:
    status, body = await site.ask("POST", "Addresses.json", [("Street", "1")])
    assert (status, body["code"]) == (405, 20004)
    assert (await site.ask("GET", f"SMS/ShortCodes/SC{'0' * 32}.json"))[0] == 404
