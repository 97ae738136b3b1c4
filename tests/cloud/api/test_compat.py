"""An account with ``compat: somleng`` beside one without."""

from __future__ import annotations

from base64 import b64encode
from uuid import UUID

import aiohttp
import pytest

from cloud.store import accounts
from tests.fakes.api_site import HANDSET, NUMBER, Site, basic


@pytest.fixture
async def somleng(site: Site) -> Site:
    await site.db.write(lambda conn: accounts.update(conn, site.account.sid, compat="somleng"))
    return site


def uuid(sid: str) -> str:
    return str(UUID(sid[2:]))


async def get(site: Site, path: str, user: str = "") -> tuple[int, dict[str, object]]:
    header = basic(site.account)
    if user:
        header = {"Authorization": "Basic " + b64encode(f"{user}:{site.account.auth_token}".encode()).decode()}
    async with aiohttp.ClientSession(headers=header) as http, http.get(site.url + path) as answer:
        return answer.status, await answer.json()


async def test_what_was_to_be_written_is_422_with_a_code_of_text(somleng: Site) -> None:
    status, body = await somleng.ask("POST", "Messages.json", [("To", HANDSET), ("From", NUMBER)])
    assert (status, body["status"], body["code"]) == (422, 422, "21602")
    assert body["more_info"] == "https://www.twilio.com/docs/errors/21602"
    status, body = await somleng.ask(
        "POST", "Calls.json", [("To", "hello"), ("From", NUMBER), ("Url", "http://a.example")]
    )
    assert (status, body["code"]) == (422, "21211")


async def test_what_was_to_be_read_is_400_or_404(somleng: Site) -> None:
    status, body = await somleng.ask("GET", "Calls.json", [("Status", "sleeping")])
    assert (status, body["code"]) == (400, "20001")
    status, body = await somleng.ask("GET", f"Calls/CA{'0' * 32}.json")
    assert (status, body["code"]) == (404, "20404")


async def test_versions_1_and_2_alike(somleng: Site) -> None:
    status, body = await somleng.ask("GET", "/v2/PhoneNumbers/1", [("CountryCode", "XX")])
    assert (status, body["code"]) == (400, "60618")


async def test_others_have_twilios(site: Site) -> None:
    status, body = await site.ask("POST", "Messages.json", [("To", HANDSET), ("From", NUMBER)])
    assert (status, body["status"], body["code"]) == (400, 400, 21602)
    call = await site.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url="http://a.example"))
    assert (await site.ask("GET", f"Calls/{uuid(call.sid)}.json"))[0] == 404
    assert (await get(site, f"/2010-04-01/Accounts/{site.account.sid}.json", uuid(site.account.sid)))[0] == 401


async def test_sids_may_be_uuids(somleng: Site) -> None:
    call = await somleng.twilio(lambda c: c.calls.create(to=HANDSET, from_=NUMBER, url="http://a.example"))
    status, body = await somleng.ask("GET", f"Calls/{uuid(call.sid)}.json")
    assert (status, body["sid"]) == (200, call.sid)
    me = uuid(somleng.account.sid)
    status, body = await get(somleng, f"/2010-04-01/Accounts/{me}/Calls/{uuid(call.sid)}.json", me)
    assert (status, body["sid"]) == (200, call.sid)
    status, body = await get(somleng, f"/2010-04-01/Accounts/{me}/Calls/{uuid(call.sid)}", me)
    assert (status, body["sid"]) == (200, call.sid)
    status, body = await get(somleng, f"/2010-04-01/Accounts/{me}.json", me)
    assert (status, body["sid"]) == (200, somleng.account.sid)
    status, body = await somleng.ask("GET", f"Messages/{uuid(call.sid)}.json")
    assert (status, body["code"]) == (404, "20404")


async def test_the_ending_is_optional_for_everybody(site: Site) -> None:
    status, body = await site.ask("GET", "IncomingPhoneNumbers")
    assert (status, body["incoming_phone_numbers"][0]["sid"]) == (200, site.number.sid)
    status, body = await site.ask("GET", f"IncomingPhoneNumbers/{site.number.sid}")
    assert (status, body["sid"]) == (200, site.number.sid)
    status, body = await site.ask("POST", "Messages", [("To", HANDSET), ("From", NUMBER), ("Body", "hi")])
    assert status == 201
    status, body = await site.ask("GET", "Nonsense")
    assert (status, body["message"].endswith("/Nonsense was not found")) == (404, True)
    assert (await site.ask("PUT", "Calls"))[0] == 405
