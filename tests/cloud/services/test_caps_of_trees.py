"""Runs that are spread over the subaccounts of an owner."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from cloud.store import accounts, numbers, warnings
from cloud.store.rows import now
from telecore.errors import Refused
from telecore.ids import E164
from tests.cloud.services.site import NUMBERS
from tests.cloud.services.test_caps import ABROAD, call, noted, send, told


async def give(desk, number, account):
    found = await desk.db.read(lambda conn: numbers.get_by_number(conn, number))
    await desk.db.write(lambda conn: numbers.update(conn, found.sid, account=account.sid))
    desk.desk.caps.forget()


async def some_below(desk, count):
    return [await desk.db.write(lambda conn: accounts.create(conn, "Below", desk.account.sid)) for _ in range(count)]


async def test_a_run_that_is_spread_over_subaccounts_is_one(desk):
    """A thief with the parent's token moves a number from one to the next, and makes new ones."""
    other = await desk.db.write(lambda conn: accounts.create(conn, "Somebody else"))
    below = await some_below(desk, 4)
    for at, account in enumerate(below[:3]):
        await give(desk, NUMBERS[1], account)
        for n in range(at * 10, at * 10 + 10):
            await send(desk, f"{ABROAD}{n:04}", account=account.sid, sender=NUMBERS[1])
    for account, sender in ((desk.account, NUMBERS[0]), (below[3], NUMBERS[1])):
        if sender == NUMBERS[1]:
            await give(desk, sender, account)
        with pytest.raises(Refused, match="blocked until.*subaccounts"):
            await send(desk, f"{ABROAD}0999", account=account.sid, sender=sender)
    assert [(one.code, one.subject) for one in await desk.db.read(warnings.list_)] == [
        ("burst", f"{desk.account.sid} {ABROAD}")
    ]
    assert await noted(desk) == [30450]
    await give(desk, NUMBERS[1], other)
    await send(desk, f"{ABROAD}0999", account=other.sid, sender=NUMBERS[1])


async def test_what_is_home_to_one_of_them_is_abroad_for_none(desk):
    """A warning that several subaccounts send to the country of one: it is told, and blocks nothing."""
    (below,) = await some_below(desk, 1)
    await give(desk, NUMBERS[1], below)
    await desk.db.write(lambda conn: numbers.create(conn, below.sid, E164("+252612000000")))
    for n in range(40):
        account, sender = ((desk.account, NUMBERS[0]), (below, NUMBERS[1]))[n % 2]
        await send(desk, f"{ABROAD}{n:04}", account=account.sid, sender=sender)
    assert await told(desk) == {("burst", ABROAD)}


async def test_calls_that_ring_once_are_a_burst_of_all_subaccounts_together(desk):
    record = replace(await desk.record(await desk.offer()), direction="outbound-api", started_at=now())
    below = await some_below(desk, 4)
    for n in range(40):
        ended = replace(record, account=below[n % 4].sid, called=f"{ABROAD}{n * 37:04}", ended_at=now())
        desk.desk.cap_watch.over(ended)
    async with asyncio.timeout(5):
        while ("burst", ABROAD[:6]) not in await told(desk):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    with pytest.raises(Refused, match="blocked until"):
        await call(desk, f"{ABROAD}5555", at=1)
