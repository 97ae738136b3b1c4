"""Numbers that may be taken: those of SIMs that nobody has."""

from __future__ import annotations

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from cloud.store import accounts, channels, edges
from telecore.ids import E164, ChannelId, EdgeId, Iccid
from telecore.model import ChannelState, ChannelStatus, Service, Sim
from tests.fakes.api_site import NUMBER, Site

IDLE = "+85512345678"
OTHER = "+85512999999"
TRUNK = ("+18005551234", "+14155550100")


async def plug(site: Site, name: str, *numbers: str, offers: frozenset[Service] = frozenset(Service)) -> None:
    sim = Sim(Iccid("8985501"), msisdn=E164(numbers[0]))
    status = ChannelStatus(
        ChannelId(f"site-1/{name}"),
        ChannelState.REGISTERED,
        0.0,
        offers=offers,
        sim=sim,
        numbers=tuple(map(E164, numbers[1:])),
    )
    await site.db.write(lambda conn: channels.upsert(conn, EdgeId("site-1"), status))


@pytest.fixture
async def fleet(site: Site) -> Site:
    await plug(site, "modem1", NUMBER)
    await plug(site, "modem2", IDLE)
    await plug(site, "modem3", OTHER, offers=frozenset({Service.SMS}))
    await plug(site, "trunk1", *TRUNK, offers=frozenset({Service.VOICE}))
    return site


async def mobile(site: Site, **wanted: object) -> list[str]:
    def use(client: Client) -> list[str]:
        return [row.phone_number for row in client.available_phone_numbers("KH").mobile.list(**wanted)]

    return await site.twilio(use)


async def test_what_nobody_has_is_listed_with_its_abilities(fleet: Site) -> None:
    rows = await fleet.twilio(lambda c: c.available_phone_numbers("KH").mobile.list())
    assert [row.phone_number for row in rows] == [IDLE, OTHER]
    assert rows[0].capabilities == {"voice": True, "SMS": True, "MMS": False, "fax": False}
    assert (rows[0].iso_country, rows[0].friendly_name, rows[0].locality) == ("KH", "012 345 678", None)
    assert rows[1].capabilities["voice"] is False


async def test_kinds_come_from_the_numbering_plan(fleet: Site) -> None:
    us = await fleet.twilio(lambda c: [row.phone_number for row in c.available_phone_numbers("US").local.list()])
    free = await fleet.twilio(lambda c: [row.phone_number for row in c.available_phone_numbers("US").toll_free.list()])
    assert (us, free) == ([TRUNK[1]], [TRUNK[0]])
    assert await fleet.twilio(lambda c: c.available_phone_numbers("US").mobile.list()) == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"contains": "12345"}, [IDLE]),
        ({"contains": "129*9"}, [OTHER]),
        ({"contains": "+8551%8"}, [IDLE]),
        ({"contains": "WYYYYYY"}, []),
        ({"contains": "%%%%1%%%%%%%%%%%%%%%"}, [IDLE, OTHER]),
        ({"contains": "%%%%%%%%%%%%%%%%%%%0"}, []),
        ({"area_code": 12}, [IDLE, OTHER]),
        ({"area_code": 99}, []),
        ({"voice_enabled": True}, [IDLE]),
        ({"voice_enabled": False}, [OTHER]),
        ({"sms_enabled": True}, [IDLE, OTHER]),
        ({"mms_enabled": True}, []),
        ({"mms_enabled": False, "beta": True}, [IDLE, OTHER]),
        ({"in_region": "PP"}, []),
    ],
)
async def test_filters(fleet: Site, wanted: dict[str, object], found: list[str]) -> None:
    assert await mobile(fleet, **wanted) == found


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("Contains", "(", 21421),
        ("Contains", "9" * 21, 21421),
        ("Contains", "\x00", 21421),
        ("AreaCode", "x", 21451),
        ("AreaCode", "٣", 21451),
        ("SmsEnabled", "perhaps", 20001),
        ("PageSize", "1001", 20007),
    ],
)
async def test_what_is_wrong_is_refused(fleet: Site, name: str, value: str, code: int) -> None:
    status, body = await fleet.ask("GET", "AvailablePhoneNumbers/KH/Mobile.json", [(name, value)])
    assert (status, body["code"]) == (400, code)


async def test_countries_are_those_of_the_sims(fleet: Site) -> None:
    rows = await fleet.twilio(lambda c: c.available_phone_numbers.list())
    assert [(row.country_code, row.country) for row in rows] == [("KH", "Cambodia"), ("US", "United States")]
    row = await fleet.twilio(lambda c: c.available_phone_numbers("LA").fetch())
    assert (row.country, sorted(row.subresource_uris)) == ("Laos", ["local", "mobile", "toll_free"])
    for country in ("XX", "kh", "KHM"):
        status, body = await fleet.ask("GET", f"AvailablePhoneNumbers/{country}/Local.json")
        assert (status, body["code"]) == (404, 20404)


async def test_pages(fleet: Site) -> None:
    path = "AvailablePhoneNumbers/KH/Mobile.json"
    _, first = await fleet.ask("GET", path, [("PageSize", "1")])
    _, second = await fleet.ask("GET", path, [("PageSize", "1"), ("Page", "1")])
    found = [row["phone_number"] for body in (first, second) for row in body["available_phone_numbers"]]
    assert found == [IDLE, OTHER]


async def test_nobody_sees_a_strangers_sims_but_subaccounts_their_parents(fleet: Site) -> None:
    stranger = await fleet.db.write(lambda conn: accounts.create(conn, "Stranger"))
    below = await fleet.db.write(lambda conn: accounts.create(conn, "Ward", fleet.account.sid))

    def use(client: Client) -> int:
        return len(client.available_phone_numbers("KH").mobile.list())

    assert await fleet.twilio(use, stranger) == 0
    assert await fleet.twilio(use, below) == 2
    await fleet.db.write(lambda conn: edges.create(conn, EdgeId("site-2"), stranger.sid))
    assert await fleet.twilio(use, stranger) == 0


async def test_a_number_is_taken_by_area_and_given_back(fleet: Site) -> None:
    taken = await fleet.twilio(lambda c: c.incoming_phone_numbers.create(area_code="129", voice_url="http://a.example"))
    assert (taken.phone_number, taken.voice_url, taken.type) == (OTHER, "http://a.example", "mobile")
    assert await mobile(fleet) == [IDLE]
    assert await fleet.twilio(lambda c: c.incoming_phone_numbers(taken.sid).delete())
    assert await mobile(fleet) == [IDLE, OTHER]


async def test_kinds_are_taken_and_listed_apart(fleet: Site) -> None:
    def wrong(client: Client) -> int:
        with pytest.raises(TwilioRestException) as caught:
            client.incoming_phone_numbers.local.create(phone_number=TRUNK[0])
        return int(caught.value.code or 0)

    assert await fleet.twilio(wrong) == 21458
    made = await fleet.twilio(lambda c: c.incoming_phone_numbers.toll_free.create(phone_number=TRUNK[0]))
    rows = await fleet.twilio(lambda c: c.incoming_phone_numbers.toll_free.list())
    assert [row.sid for row in rows] == [made.sid]
    assert [row.sid for row in await fleet.twilio(lambda c: c.incoming_phone_numbers.mobile.list())] == [
        fleet.number.sid
    ]
    assert await fleet.twilio(lambda c: c.incoming_phone_numbers.list(origin="twilio")) == []
    assert await fleet.twilio(lambda c: c.incoming_phone_numbers.list(beta=True)) == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"PhoneNumber": "hello"}, 21421),
        ({"AreaCode": "x"}, 21451),
        ({"AreaCode": "777"}, 21452),
        ({"PhoneNumber": IDLE, "SmsApplicationSid": "AP" + "0" * 32}, 21420),
        ({"PhoneNumber": IDLE, "BundleSid": "BU" + "0" * 32}, 20001),
        ({"PhoneNumber": IDLE, "EmergencyStatus": "Active"}, 20001),
    ],
)
async def test_what_cannot_be_taken_is_refused_and_nothing_is(fleet: Site, fields: dict[str, str], code: int) -> None:
    status, body = await fleet.ask("POST", "IncomingPhoneNumbers.json", list(fields.items()))
    assert (status, body["code"]) == (400, code)
    assert await mobile(fleet) == [IDLE, OTHER]
