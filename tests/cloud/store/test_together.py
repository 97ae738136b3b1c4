"""Many questions in one transaction: grouped as they come, in order, each with an answer or an error of its own."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from cloud.store.database import Database, StoreFailed
from cloud.store.together import MOST, Together
from telecore.errors import InvalidRequest


class Counting:
    """Answers with what it was asked, and remembers who was asked together."""

    def __init__(self, db: Database) -> None:
        self.groups: list[list[int]] = []
        self.together: Together[int, int] = Together(db.write, self.answer)

    def answer(self, conn, asked):
        self.groups.append(list(asked))
        if 13 in asked:
            raise InvalidRequest("not this one")
        if 666 in asked:
            conn.execute(text("SELECT * FROM nowhere"))
        return [number * 10 for number in asked if number != 777]


async def test_who_comes_meanwhile_goes_together(db: Database) -> None:
    asked = Counting(db)
    assert await asyncio.gather(*(asked.together.ask(n) for n in range(20, 25))) == [200, 210, 220, 230, 240]
    first = asyncio.create_task(asked.together.ask(1))
    while len(asked.groups) < 2:  # it is on its way  # noqa: ASYNC110
        await asyncio.sleep(0)
    rest = [asyncio.create_task(asked.together.ask(n)) for n in range(2, 8)]
    assert await asyncio.gather(first, *rest) == [n * 10 for n in range(1, 8)]
    assert sum(asked.groups[1:], []) == list(range(1, 8))
    assert len(asked.groups) <= 4


async def test_a_group_has_its_bound(db: Database) -> None:
    asked = Counting(db)
    await asyncio.gather(*(asked.together.ask(n) for n in range(100, 100 + 3 * MOST)))
    assert max(map(len, asked.groups)) == MOST
    assert sum(asked.groups, []) == list(range(100, 100 + 3 * MOST))


async def test_one_that_fails_fails_alone(db: Database) -> None:
    asked = Counting(db)
    told = await asyncio.gather(*(asked.together.ask(n) for n in (11, 12, 13, 14)), return_exceptions=True)
    assert isinstance(told[2], InvalidRequest)
    assert [told[0], told[1], told[3]] == [110, 120, 140]


async def test_who_is_given_no_answer_is_told_and_does_not_wait_for_ever(db: Database) -> None:
    asked = Counting(db)
    async with asyncio.timeout(5):
        told = await asyncio.gather(*(asked.together.ask(n) for n in (1, 777, 2)), return_exceptions=True)
    assert [told[0], type(told[1]), told[2]] == [10, ValueError, 20]


async def test_where_the_store_fails_all_are_told_and_the_next_are_answered(db: Database) -> None:
    asked = Counting(db)
    told = await asyncio.gather(*(asked.together.ask(n) for n in (1, 666)), return_exceptions=True)
    assert [type(one) for one in told] == [StoreFailed, StoreFailed]
    assert await asked.together.ask(2) == 20


async def test_nobody_is_asked_for_who_has_left(db: Database) -> None:
    asked = Counting(db)
    gone, here = (asyncio.create_task(asked.together.ask(n)) for n in (1, 2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await here == 20
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await asked.together.ask(3) == 30
