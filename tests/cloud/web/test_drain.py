"""A controller that is to stop: what it still takes, what it refuses and how, and how long it waits."""

from __future__ import annotations

import asyncio

import pytest

from cloud.web import errors
from cloud.web.drain import Drain, Stopping

A = "/2010-04-01/Accounts/AC1"


class Live:
    def __init__(self, count: int) -> None:
        self.count = count

    def __call__(self) -> int:
        return self.count


@pytest.mark.parametrize(
    ("method", "path", "taken"),
    [
        ("POST", f"{A}/Messages.json", False),
        ("POST", f"{A}/Calls.json", False),
        ("POST", f"{A}/Calls", False),
        ("POST", f"{A}/Conferences/CF1/Participants.json", False),
        ("POST", "/v2/Services/VA1/Verifications", False),
        ("POST", "/simferry/v1/enrol", False),
        ("DELETE", f"{A}/Messages/SM1.json", False),
        ("POST", f"{A}/Calls/CA1.json", True),
        ("POST", f"{A}/Calls/CA1", True),
        ("POST", f"{A}/Calls/CA1/Recordings/RE1.json", True),
        ("POST", f"{A}/Calls/CA1/Streams/MZ1.json", True),
        ("POST", f"{A}/Conferences/CF1/Participants/CA1.json", True),
        ("POST", f"{A}/Queues/QU1/Members/Front.json", True),
        ("GET", f"{A}/Messages.json", True),
        ("GET", "/readyz", True),
    ],
)
async def test_new_work_is_refused_and_live_calls_go_on(method: str, path: str, taken: bool) -> None:
    drain = Drain(Live(1), calls_s=20, back_s=5)
    drain.gate(method, path)
    drain.begin()
    if taken:
        drain.gate(method, path)
        return
    with pytest.raises(Stopping) as raised:
        drain.gate(method, path)
    answer = errors.refusal(raised.value)
    assert answer.status == 503
    assert 20 <= int(answer.headers["Retry-After"]) <= 25
    assert b'"code":20503' in answer.body


async def test_without_calls_nobody_waits() -> None:
    drain = Drain(Live(0), calls_s=20, back_s=5)
    async with asyncio.timeout(1):
        assert await drain.finished() == 0
    assert not await drain.accepts()
    with pytest.raises(Stopping) as raised:
        drain.gate("POST", f"{A}/Messages.json")
    assert raised.value.retry_after_s == 5


async def test_it_waits_for_calls_and_not_for_ever() -> None:
    live = Live(2)
    drain = Drain(live, calls_s=20)
    waiting = asyncio.create_task(drain.finished())
    await asyncio.sleep(0.3)
    assert not waiting.done()
    live.count = 0
    assert await asyncio.wait_for(waiting, 2) == 0
    assert await asyncio.wait_for(Drain(Live(3), calls_s=0.2).finished(), 2) == 3
    hurried = Drain(Live(4), calls_s=20)
    waiting = asyncio.create_task(hurried.finished())
    await asyncio.sleep(0)
    hurried.hurry()
    assert await asyncio.wait_for(waiting, 2) == 4


async def test_calls_have_their_time_from_the_stop_on_however_long_no_new_work_was_taken() -> None:
    live = Live(1)
    drain = Drain(live, calls_s=0.5)
    drain.begin()
    await asyncio.sleep(0.6)
    stopping = asyncio.create_task(drain.finished())
    await asyncio.sleep(0.2)
    assert not stopping.done()
    live.count = 0
    assert await asyncio.wait_for(stopping, 2) == 0
