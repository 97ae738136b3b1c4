"""Twilio's client against /Applications, and the numbers that refer to them."""

from __future__ import annotations

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from cloud.store import accounts, applications, numbers
from cloud.store.records import Hook
from tests.fakes.api_site import Site

HOOKS = {
    "voice_url": "https://app.example/v?a=b",
    "voice_method": "GET",
    "voice_fallback_url": "https://app.example/vf",
    "status_callback": "https://app.example/st",
    "sms_url": "https://app.example/s",
    "sms_fallback_url": "https://app.example/sf",
    "sms_fallback_method": "GET",
    "sms_status_callback": "https://app.example/ss",
    "message_status_callback": "https://app.example/ms",
}


def code_of(use, client: Client) -> int:
    with pytest.raises(TwilioRestException) as caught:
        use(client)
    return int(caught.value.code or 0)


async def test_an_application_keeps_what_it_is_given(site: Site) -> None:
    made = await site.twilio(lambda c: c.applications.create(friendly_name="Line", **HOOKS))
    row = await site.twilio(lambda c: c.applications(made.sid).fetch())
    assert made.sid.startswith("AP")
    for name, value in HOOKS.items():
        assert getattr(row, name) == value, name
    assert (row.friendly_name, row.voice_fallback_method, row.public_application_connect_enabled) == (
        "Line",
        "POST",
        False,
    )
    changed = await site.twilio(
        lambda c: c.applications(made.sid).update(
            sms_url="", friendly_name="L2", public_application_connect_enabled=True
        )
    )
    assert (changed.sms_url, changed.friendly_name, changed.voice_url) == ("", "L2", HOOKS["voice_url"])
    assert changed.public_application_connect_enabled is True


async def test_list_filters_by_name(site: Site) -> None:
    one = await site.twilio(lambda c: c.applications.create(friendly_name="One"))
    two = await site.twilio(lambda c: c.applications.create(friendly_name="Two"))
    assert [row.sid for row in await site.twilio(lambda c: c.applications.list(page_size=1))] == [two.sid, one.sid]
    assert [row.sid for row in await site.twilio(lambda c: c.applications.list(friendly_name="One"))] == [one.sid]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"voice_url": "hello"}, 21402),
        ({"sms_method": "PATCH"}, 21403),
        ({"message_status_callback": "ftp://x"}, 21502),
        ({"status_callback": "x" * 5000}, 21502),
        ({"friendly_name": "é" * 65}, 20002),
    ],
)
async def test_what_is_wrong_is_refused_and_nothing_is_made(site: Site, changes: dict[str, str], code: int) -> None:
    assert await site.twilio(lambda c: code_of(lambda c: c.applications.create(**changes), c)) == code
    assert await site.twilio(lambda c: c.applications.list()) == []


async def test_somebody_elses_is_not_there(site: Site) -> None:
    made = await site.twilio(lambda c: c.applications.create())
    other = await site.db.write(lambda conn: accounts.create(conn, "Other"))
    for use in (
        lambda c: c.applications(made.sid).fetch(),
        lambda c: c.applications(made.sid).update(friendly_name="x"),
        lambda c: c.applications(made.sid).delete(),
    ):
        assert await site.twilio(lambda c, use=use: code_of(use, c), other) == 20404


async def test_a_number_refers_to_it_until_it_is_deleted(site: Site) -> None:
    made = await site.twilio(lambda c: c.applications.create(**HOOKS))
    row = await site.twilio(
        lambda c: c.incoming_phone_numbers(site.number.sid).update(
            voice_application_sid=made.sid, sms_application_sid=made.sid, voice_url="https://own.example"
        )
    )
    assert (row.voice_application_sid, row.sms_application_sid) == (made.sid, made.sid)

    async def counts() -> tuple[Hook, Hook, Hook]:
        found = await site.db.read(lambda conn: applications.of_number(conn, site.number.number))
        assert found is not None
        return found.voice, found.sms_fallback, found.status_callback

    assert await counts() == (
        Hook(HOOKS["voice_url"], "GET"),
        Hook(HOOKS["sms_fallback_url"], "GET"),
        Hook(HOOKS["status_callback"]),
    )
    assert await site.twilio(lambda c: c.applications(made.sid).delete())
    stored = await site.db.read(lambda conn: numbers.get(conn, site.number.sid))
    assert stored is not None
    assert (stored.voice_application, stored.sms_application) == (None, None)
    assert await counts() == (Hook("https://own.example"), Hook(), Hook())


async def test_it_is_cleared_by_nothing_and_left_behind_by_a_move(site: Site) -> None:
    made = await site.twilio(lambda c: c.applications.create())
    number = site.number.sid
    for sms in (made.sid, ""):
        row = await site.twilio(
            lambda c, sms=sms: c.incoming_phone_numbers(number).update(
                voice_application_sid=made.sid, sms_application_sid=sms
            )
        )
    assert (row.voice_application_sid, row.sms_application_sid) == (made.sid, None)
    below = await site.twilio(lambda c: c.api.accounts.create())
    row = await site.twilio(lambda c: c.incoming_phone_numbers(number).update(account_sid=below.sid))
    assert (row.account_sid, row.voice_application_sid) == (below.sid, None)


async def test_a_strangers_application_cannot_be_referred_to(site: Site) -> None:
    other = await site.db.write(lambda conn: accounts.create(conn, "Other"))
    theirs = await site.twilio(lambda c: c.applications.create(), other)

    def use(client: Client) -> object:
        return client.incoming_phone_numbers(site.number.sid).update(voice_application_sid=theirs.sid)

    assert await site.twilio(lambda c: code_of(use, c)) == 21420
