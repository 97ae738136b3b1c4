"""Accounts, Keys and AuthTokens. Keys also stand for any long list: both clients page through more than fifty."""

from __future__ import annotations

import asyncio

import pytest
from twilio.base.exceptions import TwilioException
from twilio.rest import Client

from tests.conformance.conftest import Customer
from tests.conformance.official import PythonClient, Refused


async def test_an_account_and_its_subaccount(customer: Customer) -> None:
    mine = customer.about["account_sid"]
    account = await customer.ask(f"api.v2010.accounts({mine}).fetch")
    assert (account["sid"], account["status"], account["owner_account_sid"]) == (mine, "active", mine)
    made = await customer.ask("api.v2010.accounts.create", friendly_name="Ward 4")
    assert made["sid"].startswith("AC")
    assert len(made["auth_token"]) == 32
    listed = await customer.ask("api.v2010.accounts.list", friendly_name="Ward 4")
    assert made["sid"] in [one["sid"] for one in listed]
    renamed = await customer.ask(f"api.v2010.accounts({made['sid']}).update", friendly_name="Ward 5")
    assert renamed["friendly_name"] == "Ward 5"
    below = PythonClient(customer.about["base_url"], made["sid"], made["auth_token"])
    try:
        assert await below.ask("messages.list") == []
        with pytest.raises(Refused) as caught:
            await below.ask(f"api.v2010.accounts({mine}).fetch")
        assert (caught.value.status, caught.value.code) == (404, 20404)
        closed = await customer.ask(f"api.v2010.accounts({made['sid']}).update", status="closed")
        assert closed["status"] == "closed"
        with pytest.raises(Refused) as caught:
            await below.ask("messages.list")
        assert (caught.value.status, caught.value.code) == (401, 20005)
        with pytest.raises(Refused) as caught:
            await customer.ask(f"api.v2010.accounts({made['sid']}).update", status="active")
        assert caught.value.code == 21479
    finally:
        await below.close()


async def test_more_than_fifty_keys_are_walked_page_by_page(customer: Customer) -> None:
    """Each once, newest first, with the default page and with small ones; then all are deleted."""
    before = {key["sid"] for key in await customer.ask("keys.list")}
    made = [await customer.ask("new_keys.create", friendly_name=f"key {n}") for n in range(54)]
    assert len({key["secret"] for key in made}) == 54
    for how in ({}, {"page_size": 7}, {"page_size": 1000}):
        listed = await customer.ask("keys.list", **how)
        mine = [key["sid"] for key in listed if key["sid"] not in before]
        assert mine == [key["sid"] for key in reversed(made)]
    assert len(await customer.ask("keys.list", limit=9)) == 9
    for key in made:
        await customer.delete(f"keys({key['sid']})")
    with pytest.raises(Refused) as caught:
        await customer.ask(f"keys({made[0]['sid']}).fetch")
    assert (caught.value.status, caught.value.code) == (404, 20404)


async def test_a_key_opens_the_account_until_it_is_revoked(customer: Customer) -> None:
    made = await customer.ask("new_signing_keys.create", friendly_name="robot")
    account, base = customer.about["account_sid"], customer.about["base_url"]
    robot = Client(made["sid"], made["secret"], account)
    robot.api.base_url = base
    try:
        await asyncio.to_thread(robot.messages.list, limit=1)
        shown = await customer.ask(f"signing_keys({made['sid']}).fetch")
        assert "secret" not in shown or not shown["secret"]
        await customer.delete(f"signing_keys({made['sid']})")
        with pytest.raises(TwilioException):
            await asyncio.to_thread(robot.messages.list, limit=1)
    finally:
        robot.http_client.session.close()


async def test_a_second_token_is_made_and_deleted(customer: Customer) -> None:
    made = await customer.ask("accounts.v1.secondary_auth_token().create")
    assert len(made["secondary_auth_token"]) == 32
    assert made["account_sid"] == customer.about["account_sid"]
    with pytest.raises(Refused) as caught:
        await customer.ask("accounts.v1.secondary_auth_token().create")
    assert caught.value.status == 409
    other = PythonClient(customer.about["base_url"], customer.about["account_sid"], made["secondary_auth_token"])
    try:
        await other.ask("messages.list", limit=1)
        await customer.delete("accounts.v1.secondary_auth_token()")
        with pytest.raises(Refused) as caught:
            await other.ask(f"api.v2010.accounts({customer.about['account_sid']}).fetch")
        assert caught.value.status == 401
    finally:
        await other.close()


@pytest.mark.parametrize("path", ["calls", "messages", "recordings", "incoming_phone_numbers", "keys"])
async def test_what_is_not_there_is_20404(customer: Customer, path: str) -> None:
    prefix = {"calls": "CA", "messages": "SM", "recordings": "RE", "incoming_phone_numbers": "PN", "keys": "SK"}[path]
    with pytest.raises(Refused) as caught:
        await customer.ask(f"{path}({prefix}{'0' * 32}).fetch")
    assert (caught.value.status, caught.value.code) == (404, 20404)


async def test_a_second_token_takes_the_place_of_the_first(customer: Customer) -> None:
    """Of a subaccount: everything else in the lab goes by the account's own token."""
    base = customer.about["base_url"]
    made = await customer.ask("api.v2010.accounts.create", friendly_name="Ward 6")
    mine = f"api.v2010.accounts({made['sid']}).fetch"
    first = PythonClient(base, made["sid"], made["auth_token"])
    second = None
    try:
        with pytest.raises(Refused) as caught:
            await first.ask("accounts.v1.auth_token_promotion().update")
        assert (caught.value.status, caught.value.code) == (404, 20404)
        token = (await first.ask("accounts.v1.secondary_auth_token().create"))["secondary_auth_token"]
        second = PythonClient(base, made["sid"], token)
        assert (await first.ask(mine))["auth_token"] == made["auth_token"]
        promoted = await second.ask("accounts.v1.auth_token_promotion().update")
        assert (promoted["account_sid"], promoted["auth_token"]) == (made["sid"], token)
        assert (await second.ask(mine))["auth_token"] == token
        with pytest.raises(Refused) as caught:
            await first.ask(mine)
        assert (caught.value.status, caught.value.code) == (401, 20003)
    finally:
        await first.close()
        if second is not None:
            await second.close()
    await customer.ask(f"api.v2010.accounts({made['sid']}).update", status="closed")


@pytest.mark.parametrize("kind", ["keys", "signing_keys"])
async def test_a_key_is_renamed_and_listed(customer: Customer, kind: str) -> None:
    made = await customer.ask(f"new_{kind}.create", friendly_name="robot")
    renamed = await customer.ask(f"{kind}({made['sid']}).update", friendly_name="robot 2")
    assert (renamed["sid"], renamed["friendly_name"]) == (made["sid"], "robot 2")
    assert (await customer.ask(f"{kind}({made['sid']}).fetch"))["friendly_name"] == "robot 2"
    assert made["sid"] in [one["sid"] for one in await customer.ask(f"{kind}.list", limit=50)]
    await customer.delete(f"{kind}({made['sid']})")
