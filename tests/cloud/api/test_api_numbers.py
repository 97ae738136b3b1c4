"""Twilio's client against /IncomingPhoneNumbers and /Accounts."""

from __future__ import annotations

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from cloud.store import accounts, channels, numbers
from cloud.store.records import AccountRecord, Hook
from telecore.ids import E164, ChannelId, EdgeId, Iccid
from telecore.model import ChannelState, ChannelStatus, Sim
from tests.fakes.api_site import HANDSET, NUMBER, Site


async def test_list_finds_by_number_piece_and_name(site: Site) -> None:
    await site.db.write(lambda conn: numbers.create(conn, site.account.sid, E164("+85510000002"), friendly_name="Two"))

    async def found(**wanted: object) -> list[str]:
        return [row.phone_number for row in await site.twilio(lambda c: c.incoming_phone_numbers.list(**wanted))]

    assert await found() == ["+85510000002", NUMBER]
    assert await found(phone_number=NUMBER) == [NUMBER]
    assert await found(phone_number="0000002") == ["+85510000002"]
    assert await found(friendly_name="Two") == ["+85510000002"]
    assert len(await site.twilio(lambda c: c.incoming_phone_numbers.mobile.list())) == 2
    assert await site.twilio(lambda c: c.incoming_phone_numbers.local.list()) == []
    assert await site.twilio(lambda c: c.incoming_phone_numbers.toll_free.list()) == []


async def test_update_sets_keeps_and_clears(site: Site) -> None:
    sid = site.number.sid
    row = await site.twilio(
        lambda c: c.incoming_phone_numbers(sid).update(
            voice_url="https://app.example/v?a=b",
            voice_method="GET",
            sms_url="http://app.example/s",
            friendly_name="Ward",
        )
    )
    assert (row.voice_url, row.voice_method, row.sms_method) == ("https://app.example/v?a=b", "GET", "POST")
    assert row.capabilities == {"voice": True, "sms": True, "mms": False, "fax": False}
    row = await site.twilio(lambda c: c.incoming_phone_numbers(sid).update(voice_url="", status_callback_method="GET"))
    assert (row.voice_url, row.sms_url, row.friendly_name) == ("", "http://app.example/s", "Ward")
    row = await site.twilio(lambda c: c.incoming_phone_numbers(sid).update(friendly_name=""))
    assert row.friendly_name == site.number.number
    stored = await site.db.read(lambda conn: numbers.get(conn, sid))
    assert stored is not None
    assert (stored.voice, stored.sms) == (Hook("", "GET"), Hook("http://app.example/s"))
    assert stored.status_callback.method == "GET"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"voice_url": "hello"}, 21402),
        ({"sms_method": "PATCH"}, 21403),
        ({"status_callback": "ftp://x.example"}, 21502),
        ({"voice_application_sid": "AP" + "0" * 32}, 21420),
        ({"trunk_sid": "TK" + "0" * 32}, 20001),
        ({"voice_caller_id_lookup": True}, 21409),
        ({"voice_receive_mode": "fax"}, 20001),
        ({"friendly_name": "x" * 65}, 20002),
        ({"account_sid": "AC" + "0" * 32}, 21470),
    ],
)
async def test_update_refuses(site: Site, changes: dict[str, object], code: int) -> None:
    def wrong(client: Client) -> int:
        with pytest.raises(TwilioRestException) as caught:
            client.incoming_phone_numbers(site.number.sid).update(voice_method="GET", **changes)
        return int(caught.value.code or 0)

    if "voice_method" not in changes:
        assert await site.twilio(wrong) == code
    stored = await site.db.read(lambda conn: numbers.get(conn, site.number.sid))
    assert stored == site.number


async def test_release_and_take_again(site: Site) -> None:
    sim = Sim(Iccid("8985501"), msisdn=E164(NUMBER))
    status = ChannelStatus(ChannelId("site-1/modem1"), ChannelState.REGISTERED, 0.0, sim=sim)
    await site.db.write(lambda conn: channels.upsert(conn, EdgeId("site-1"), status))

    def wrong(client: Client, number: str) -> int:
        with pytest.raises(TwilioRestException) as caught:
            client.incoming_phone_numbers.create(phone_number=number)
        return int(caught.value.code or 0)

    assert await site.twilio(lambda c: wrong(c, NUMBER)) == 21422
    assert await site.twilio(lambda c: wrong(c, "")) == 21421
    assert await site.twilio(lambda c: c.incoming_phone_numbers(site.number.sid).delete()) is True
    assert await site.twilio(lambda c: wrong(c, HANDSET)) == 21422
    taken = await site.twilio(
        lambda c: c.incoming_phone_numbers.create(phone_number=NUMBER, sms_url="http://app.example/s")
    )
    assert (taken.phone_number, taken.sms_url) == (NUMBER, "http://app.example/s")
    assert taken.sid != site.number.sid


async def test_subaccounts(site: Site) -> None:
    assert site.account.sid == (await site.twilio(lambda c: c.api.accounts(site.account.sid).fetch())).sid
    sub = await site.twilio(lambda c: c.api.accounts.create(friendly_name="Ward 2"))
    assert (sub.owner_account_sid, sub.status, len(sub.auth_token)) == (site.account.sid, "active", 32)
    assert [row.sid for row in await site.twilio(lambda c: c.api.accounts.list())] == [sub.sid, site.account.sid]
    assert [r.sid for r in await site.twilio(lambda c: c.api.accounts.list(friendly_name="Ward 2"))] == [sub.sid]
    moved = await site.twilio(lambda c: c.incoming_phone_numbers(site.number.sid).update(account_sid=sub.sid))
    assert moved.account_sid == sub.sid
    assert await site.twilio(lambda c: c.incoming_phone_numbers.list()) == []

    # The parent's credentials open the subaccount's path; the other way round nothing opens.
    own = AccountRecord(sub.sid, "", sub.auth_token, site.account.created_at, site.account.created_at)
    assert len(await site.twilio(lambda c: c.api.accounts(sub.sid).incoming_phone_numbers.list())) == 1
    made = await site.twilio(lambda c: c.messages.create(to=HANDSET, from_=NUMBER, body="x"), own)
    assert made.account_sid == sub.sid

    def shut(client: Client) -> tuple[int, int]:
        with pytest.raises(TwilioRestException) as caught:
            client.api.accounts(site.account.sid).messages.create(to=HANDSET, from_=NUMBER, body="x")
        return caught.value.status, int(caught.value.code or 0)

    def nested(client: Client) -> int:
        with pytest.raises(TwilioRestException) as caught:
            client.api.accounts.create()
        return caught.value.status

    assert await site.twilio(shut, own) == (401, 20003)
    assert await site.twilio(nested, own) == 403


async def test_a_number_moves_between_the_accounts_that_the_credentials_open(site: Site) -> None:
    first, second = await site.db.write(
        lambda conn: [accounts.create(conn, f"Ward {number}", site.account.sid) for number in (1, 2)]
    )

    def moved(client: Client, source: AccountRecord, target: AccountRecord) -> str:
        number = client.api.accounts(source.sid).incoming_phone_numbers(site.number.sid)
        return number.update(account_sid=target.sid).account_sid

    assert await site.twilio(lambda c: moved(c, site.account, first)) == first.sid
    for target in (site.account, second):
        with pytest.raises(TwilioRestException) as caught:
            await site.twilio(lambda c, target=target: moved(c, first, target), first)
        assert (caught.value.status, caught.value.code) == (400, 21470)
    assert await site.twilio(lambda c: moved(c, first, first), first) == first.sid
    assert await site.twilio(lambda c: moved(c, first, second)) == second.sid
    assert await site.twilio(lambda c: moved(c, second, site.account)) == site.account.sid


async def test_suspended_and_closed(site: Site) -> None:
    sub = await site.twilio(lambda c: c.api.accounts.create(friendly_name="Ward 2"))
    own = AccountRecord(sub.sid, "", sub.auth_token, site.account.created_at, site.account.created_at)
    await site.twilio(lambda c: c.api.accounts(sub.sid).update(status="suspended"))

    def shut(client: Client) -> tuple[int, int]:
        with pytest.raises(TwilioRestException) as caught:
            client.api.accounts(sub.sid).calls.create(to=HANDSET, from_=NUMBER, url="http://a.example")
        return caught.value.status, int(caught.value.code or 0)

    assert await site.twilio(shut, own) == (401, 20005)
    assert await site.twilio(shut) == (401, 20005)
    assert (await site.twilio(lambda c: c.api.accounts(sub.sid).update(status="active"))).status == "active"
    await site.twilio(lambda c: c.api.accounts(sub.sid).update(status="closed"))

    def reopen(client: Client, sid: str) -> int:
        with pytest.raises(TwilioRestException) as caught:
            client.api.accounts(sid).update(status="suspended")
        return int(caught.value.code or 0)

    assert await site.twilio(lambda c: reopen(c, sub.sid)) == 21479
    assert await site.twilio(lambda c: reopen(c, site.account.sid)) == 20001
