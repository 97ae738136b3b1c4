"""One clock for all: real-time pace over seconds, and nobody is disturbed by another's fault."""

import asyncio

from cloud.services.pace import TICK_S, Pace


class Counts:
    def __init__(self, fails_at=0):
        self.ticks = 0
        self.fails_at = fails_at

    def tick(self):
        self.ticks += 1
        if self.ticks == self.fails_at:
            raise ValueError("a fault")


async def test_late_ticks_are_made_up_for():
    pace, counts = Pace(), Counts()
    loop = asyncio.get_running_loop()
    began = loop.time()
    pace.add(counts)
    for _ in range(5):
        await asyncio.sleep(0.1)
        end = loop.time() + 0.03
        while loop.time() < end:  # the loop is held up
            pass
    await asyncio.sleep(0.03)
    took = loop.time() - began
    assert took / TICK_S - 3 <= counts.ticks <= took / TICK_S
    pace.remove(counts)
    before = counts.ticks
    await asyncio.sleep(0.05)
    assert counts.ticks == before


async def test_who_raises_is_paced_no_more_and_the_others_go_on():
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["exception"]))
    pace, good, bad, other = Pace(), Counts(), Counts(fails_at=2), Counts()
    for paced in (good, bad, other):
        pace.add(paced)
    await asyncio.sleep(0.15)
    assert bad.ticks == 2
    assert good.ticks >= 5
    assert good.ticks == other.ticks
    assert len(told) == 1
    for paced in (good, other):
        pace.remove(paced)
