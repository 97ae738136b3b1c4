"""turns.py: what becomes ready at once is spread, in order, and one by itself waits for nothing."""

from __future__ import annotations

import asyncio

from cloud.services.turns import Turns


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_as_many_begin_in_a_turn_as_its_slice_has_room_for() -> None:
    clock = Clock()
    turns = Turns(slice_s=0.02, clock=clock)
    begun: list[int] = []
    by_turn: list[int] = []

    async def one(n: int) -> None:
        await turns.mine()
        begun.append(n)
        clock.now += 0.005

    tasks = [asyncio.create_task(one(n)) for n in range(10)]
    while not all(task.done() for task in tasks):
        before = len(begun)
        await asyncio.sleep(0)
        by_turn.append(len(begun) - before)
    assert begun == list(range(10))
    assert [count for count in by_turn if count] == [4, 4, 2]


async def test_one_by_itself_begins_at_once() -> None:
    turns, began = Turns(), asyncio.Event()

    async def one() -> None:
        await turns.mine()
        began.set()

    task = asyncio.create_task(one())
    await asyncio.sleep(0)
    assert began.is_set()
    await task
