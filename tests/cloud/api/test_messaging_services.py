"""Twilio's client against /v1/Services."""

from __future__ import annotations

from datetime import datetime

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from cloud.store import accounts, numbers
from telecore.ids import E164
from tests.fakes.api_site import Site, basic

URL = "https://app.example/sms"


def refused(use, client: Client) -> tuple[int, int]:
    with pytest.raises(TwilioRestException) as caught:
        use(client)
    return caught.value.status, int(caught.value.code or 0)


async def wrong(site: Site, use, account=None) -> tuple[int, int]:
    return await site.twilio(lambda client: refused(use, client), account)


async def test_a_service_from_birth_to_death(site: Site) -> None:
    made = await site.twilio(lambda c: c.messaging.v1.services.create(friendly_name="Clinic ស"))
    assert made.sid.startswith("MG")
    assert (made.friendly_name, made.account_sid) == ("Clinic ស", site.account.sid)
    assert (made.sticky_sender, made.smart_encoding, made.validity_period) == (True, True, 36000)
    assert (made.inbound_request_url, made.inbound_method, made.usecase) == (None, "POST", "undeclared")
    assert isinstance(made.date_created, datetime)
    assert made.url == f"https://gw.example/v1/Services/{made.sid}"
    assert made.links["phone_numbers"] == made.url + "/PhoneNumbers"
    changed = await site.twilio(
        lambda c: c.messaging.v1.services(made.sid).update(
            inbound_request_url=URL,
            inbound_method="GET",
            fallback_url=URL,
            status_callback=URL,
            sticky_sender=False,
            smart_encoding=False,
            validity_period=60,
            usecase="notifications",
            use_inbound_webhook_on_number=True,
            area_code_geomatch=False,
            scan_message_content="disable",
        )
    )
    assert (changed.inbound_request_url, changed.inbound_method, changed.fallback_url) == (URL, "GET", URL)
    assert (changed.sticky_sender, changed.smart_encoding, changed.validity_period) == (False, False, 60)
    assert (changed.friendly_name, changed.usecase, changed.status_callback) == ("Clinic ស", "notifications", URL)
    cleared = await site.twilio(lambda c: c.messaging.v1.services(made.sid).update(inbound_request_url=""))
    assert (cleared.inbound_request_url, cleared.fallback_url) == (None, URL)
    fetched = await site.twilio(lambda c: c.messaging.v1.services(made.sid).fetch())
    assert (fetched.usecase, fetched.use_inbound_webhook_on_number) == ("notifications", True)
    assert await site.twilio(lambda c: c.messaging.v1.services(made.sid).delete()) is True
    assert await wrong(site, lambda c: c.messaging.v1.services(made.sid).fetch()) == (404, 20404)


async def test_lists_have_whole_urls(site: Site) -> None:
    made = [await site.twilio(lambda c, n=n: c.messaging.v1.services.create(friendly_name=str(n))) for n in range(3)]
    found = await site.twilio(lambda c: c.messaging.v1.services.list())
    assert [one.sid for one in found] == [one.sid for one in reversed(made)]
    page = await get(site, "/v1/Services?PageSize=2")
    assert (page["meta"]["key"], len(page["services"])) == ("services", 2)
    following = page["meta"]["next_page_url"]
    assert following.startswith("https://gw.example/v1/Services?")
    last = await get(site, following.removeprefix("https://gw.example"))
    assert [one["sid"] for one in last["services"]] == [made[0].sid]
    assert last["meta"]["next_page_url"] is None
    usecases = await site.twilio(lambda c: c.messaging.v1.usecases.fetch())
    assert "notifications" in [word["usecase"] for word in usecases.usecases]


async def get(site: Site, path: str) -> dict:
    async with aiohttp.ClientSession(headers=basic(site.account)) as http, http.get(site.url + path) as answer:
        assert answer.status == 200
        return await answer.json()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"friendly_name": ""}, 20001),
        ({"friendly_name": "x" * 65}, 20001),
        ({"inbound_request_url": "hello"}, 20001),
        ({"inbound_method": "PUT"}, 20001),
        ({"status_callback": "ftp://x/"}, 21609),
        ({"validity_period": 0}, 21624),
        ({"validity_period": 36001}, 21624),
        ({"usecase": "spam"}, 21713),
        ({"sticky_sender": "perhaps"}, 20001),
        ({"scan_message_content": "no"}, 20001),
    ],
)
async def test_what_is_wrong_is_named(site: Site, fields: dict[str, object], code: int) -> None:
    ask = {"friendly_name": "x", **fields}
    assert await wrong(site, lambda c: c.messaging.v1.services.create(**ask)) == (400, code)
    assert await site.twilio(lambda c: c.messaging.v1.services.list()) == []


async def test_numbers_of_a_service(site: Site) -> None:
    one, two = [await site.twilio(lambda c: c.messaging.v1.services.create(friendly_name="x")) for _ in "12"]

    def pool(client: Client, sid: str = one.sid):
        return client.messaging.v1.services(sid).phone_numbers

    added = await site.twilio(lambda c: pool(c).create(phone_number_sid=site.number.sid))
    assert (added.sid, added.phone_number, added.service_sid) == (site.number.sid, site.number.number, one.sid)
    assert (added.country_code, "SMS" in added.capabilities) == ("KH", True)
    assert await wrong(site, lambda c: pool(c).create(phone_number_sid=site.number.sid)) == (409, 21710)
    assert await wrong(site, lambda c: pool(c, two.sid).create(phone_number_sid=site.number.sid)) == (409, 21712)
    assert await wrong(site, lambda c: pool(c).create(phone_number_sid="")) == (400, 20001)
    assert await wrong(site, lambda c: pool(c).create(phone_number_sid="PN" + "0" * 32)) == (404, 20404)
    assert await wrong(site, lambda c: c.messaging.v1.services(two.sid).phone_numbers(added.sid).fetch()) == (
        404,
        20404,
    )
    assert [found.sid for found in await site.twilio(lambda c: pool(c).list())] == [added.sid]
    assert (await site.twilio(lambda c: pool(c)(added.sid).fetch())).phone_number == site.number.number
    assert await site.twilio(lambda c: pool(c)(added.sid).delete()) is True
    assert await wrong(site, lambda c: pool(c)(added.sid).delete()) == (404, 20404)
    assert (await site.twilio(lambda c: pool(c, two.sid).create(phone_number_sid=site.number.sid))).sid == added.sid


async def test_what_is_somebody_elses_is_not_there(site: Site) -> None:
    other = await site.db.write(lambda conn: accounts.create(conn, "Other"))
    theirs = await site.db.write(lambda conn: numbers.create(conn, other.sid, E164("+85510000009")))
    mine = await site.twilio(lambda c: c.messaging.v1.services.create(friendly_name="x"))
    for use in (
        lambda c: c.messaging.v1.services(mine.sid).fetch(),
        lambda c: c.messaging.v1.services(mine.sid).update(friendly_name="y"),
        lambda c: c.messaging.v1.services(mine.sid).delete(),
        lambda c: c.messaging.v1.services(mine.sid).phone_numbers.create(phone_number_sid=theirs.sid),
        lambda c: c.messaging.v1.services(mine.sid).short_codes.create(short_code_sid="SC" + "0" * 32),
    ):
        assert await wrong(site, use, other) == (404, 20404)
    add = lambda c: c.messaging.v1.services(mine.sid).phone_numbers.create(phone_number_sid=theirs.sid)  # noqa: E731
    assert await wrong(site, add) == (404, 20404)


async def test_what_a_sim_cannot_have_is_an_empty_list_and_a_refusal(site: Site) -> None:
    made = await site.twilio(lambda c: c.messaging.v1.services.create(friendly_name="x"))

    def of(client: Client):
        return client.messaging.v1.services(made.sid)

    for name in ("short_codes", "alpha_senders"):
        assert await site.twilio(lambda c, name=name: getattr(of(c), name).list()) == []
    assert await wrong(site, lambda c: of(c).short_codes.create(short_code_sid="SC" + "0" * 32)) == (404, 20404)
    assert await wrong(site, lambda c: of(c).alpha_senders.create(alpha_sender="Clinic")) == (400, 21709)
    assert await wrong(site, lambda c: of(c).alpha_senders("AI" + "0" * 32).fetch()) == (404, 20404)


async def test_our_own_parameters(site: Site) -> None:
    path = site.url + "/v1/Services"
    async with aiohttp.ClientSession(headers=basic(site.account)) as http:
        fields = {"FriendlyName": "x", "StopReply": "Bye", "HelpReply": ""}
        async with http.post(path, data=fields) as answer:
            made = await answer.json()
            assert (answer.status, made["stop_reply"], made["help_reply"], made["start_reply"]) == (
                201,
                "Bye",
                "",
                None,
            )
        async with http.post(path, data={"FriendlyName": "x", "StopReply": "x" * 321}) as answer:
            assert (answer.status, "'StopReply'" in (await answer.json())["message"]) == (400, True)
