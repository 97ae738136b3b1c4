"""Twilio's client with API keys, and what those may and may not open."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

from cloud.store import accounts, keys
from tests.fakes.api_site import Site


async def made(site: Site, name: str = "robot") -> tuple[str, str]:
    row = await site.twilio(lambda c: c.new_keys.create(friendly_name=name))
    return row.sid, row.secret


async def refused(client: Client, use) -> tuple[int, int]:
    """Status and code; of a list the client raises an error that has only the response."""
    with pytest.raises(TwilioException) as caught:
        await asyncio.to_thread(use, client)
    if isinstance(caught.value, TwilioRestException):
        return caught.value.status, caught.value.code
    return caught.value.args[1].status_code, json.loads(caught.value.args[1].text)["code"]


async def test_a_key_opens_its_account_until_it_is_deleted(site: Site) -> None:
    sid, secret = await made(site)
    client = site.by_key(sid, secret)
    assert await asyncio.to_thread(lambda: [row.sid for row in client.incoming_phone_numbers.list()]) == [
        site.number.sid
    ]
    assert await site.twilio(lambda c: c.keys(sid).delete())
    assert await refused(client, lambda c: c.incoming_phone_numbers.list(limit=1)) == (401, 20003)


async def test_the_secret_is_told_once_and_kept_as_a_hash(site: Site) -> None:
    sid, secret = await made(site)
    fetched = await site.twilio(lambda c: c.keys(sid).fetch())
    assert (fetched.sid, fetched.friendly_name, hasattr(fetched, "secret")) == (sid, "robot", False)
    stored = await site.db.read(lambda conn: keys.get(conn, sid))
    assert stored is not None
    assert secret not in repr(stored)


async def test_keys_are_listed_renamed_and_signing_keys_are_the_same(site: Site) -> None:
    first, _ = await made(site, "one")
    second = (await site.twilio(lambda c: c.new_signing_keys.create(friendly_name="two"))).sid
    assert [row.sid for row in await site.twilio(lambda c: c.keys.list(page_size=1))] == [second, first]
    assert [row.sid for row in await site.twilio(lambda c: c.signing_keys.list())] == [second, first]
    row = await site.twilio(lambda c: c.signing_keys(first).update(friendly_name="uno"))
    assert row.friendly_name == "uno"
    assert (await site.twilio(lambda c: c.keys(first).update())).friendly_name == "uno"
    with pytest.raises(TwilioRestException) as caught:
        await site.twilio(lambda c: c.new_keys.create(friendly_name="x" * 65))
    assert (caught.value.status, caught.value.code) == (400, 20002)


async def test_a_wrong_secret_and_an_unknown_key_look_alike(site: Site) -> None:
    sid, secret = await made(site)
    wrong = await refused(site.by_key(sid, secret + "x"), lambda c: c.calls.list(limit=1))
    unknown = await refused(site.by_key("SK" + "0" * 32, secret), lambda c: c.calls.list(limit=1))
    assert wrong == unknown == (401, 20003)


async def test_a_key_sees_neither_accounts_nor_keys_nor_tokens(site: Site) -> None:
    client = site.by_key(*await made(site))
    for use in (
        lambda c: c.api.accounts(site.account.sid).fetch(),
        lambda c: c.api.accounts.list(limit=1),
        lambda c: c.api.accounts.create(),
        lambda c: c.keys.list(limit=1),
        lambda c: c.new_keys.create(),
        lambda c: c.accounts.v1.secondary_auth_token().create(),
    ):
        assert await refused(client, use) == (401, 20003)


async def test_a_parents_key_opens_its_subaccounts_and_never_the_other_way(site: Site) -> None:
    below = await site.db.write(lambda conn: accounts.create(conn, "Ward", site.account.sid))
    parents = site.by_key(*await made(site), below.sid)
    assert await asyncio.to_thread(parents.calls.list) == []
    own = await site.twilio(lambda c: c.new_keys.create(), below)
    assert await refused(site.by_key(own.sid, own.secret), lambda c: c.calls.list(limit=1)) == (401, 20003)
    assert await asyncio.to_thread(site.by_key(own.sid, own.secret, below.sid).calls.list) == []


async def test_a_suspended_accounts_key_is_no_longer_good(site: Site) -> None:
    below = await site.db.write(lambda conn: accounts.create(conn, "Ward", site.account.sid))
    own = await site.twilio(lambda c: c.new_keys.create(), below)
    await site.twilio(lambda c: c.api.accounts(below.sid).update(status="suspended"))
    client = site.by_key(own.sid, own.secret, below.sid)
    assert await refused(client, lambda c: c.calls.list(limit=1)) == (401, 20005)


async def test_somebody_elses_key_is_not_there(site: Site) -> None:
    sid, _ = await made(site)
    stranger = await site.db.write(lambda conn: accounts.create(conn, "Stranger"))
    for use in (lambda c: c.keys(sid).fetch(), lambda c: c.keys(sid).delete(), lambda c: c.keys(sid).update()):
        with pytest.raises(TwilioRestException) as caught:
            await site.twilio(use, stranger)
        assert (caught.value.status, caught.value.code) == (404, 20404)
    assert await site.db.read(lambda conn: keys.get(conn, sid)) is not None


async def test_both_tokens_open_until_the_second_is_promoted(site: Site) -> None:
    row = await site.twilio(lambda c: c.accounts.v1.secondary_auth_token().create())
    assert (row.account_sid, len(row.secondary_auth_token)) == (site.account.sid, 32)
    second = replace(site.account, auth_token=row.secondary_auth_token)
    assert await site.twilio(lambda c: c.calls.list(), second) == await site.twilio(lambda c: c.calls.list()) == []
    promoted = await site.twilio(lambda c: c.accounts.v1.auth_token_promotion().update(), second)
    assert promoted.auth_token == row.secondary_auth_token
    assert promoted.date_updated.tzinfo is not None
    assert await refused(site.client(), lambda c: c.calls.list(limit=1)) == (401, 20003)
    assert await site.twilio(lambda c: c.calls.list(), second) == []


async def test_a_secondary_token_is_made_once_and_may_be_deleted(site: Site) -> None:
    row = await site.twilio(lambda c: c.accounts.v1.secondary_auth_token().create())
    assert await refused(site.client(), lambda c: c.accounts.v1.secondary_auth_token().create()) == (409, 20409)
    assert await site.twilio(lambda c: c.accounts.v1.secondary_auth_token().delete())
    second = replace(site.account, auth_token=row.secondary_auth_token)
    assert await refused(site.client(second), lambda c: c.calls.list(limit=1)) == (401, 20003)
    for use in (
        lambda c: c.accounts.v1.secondary_auth_token().delete(),
        lambda c: c.accounts.v1.auth_token_promotion().update(),
    ):
        assert await refused(site.client(), use) == (404, 20404)


async def test_an_empty_token_opens_nothing(site: Site) -> None:
    client = site.client(token=" ")
    client.password = ""
    client.auth = (site.account.sid, "")
    assert await refused(client, lambda c: c.calls.list(limit=1)) == (401, 20003)
