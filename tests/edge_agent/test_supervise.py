"""Parts that fall are started again."""

import asyncio
import logging

import pytest

from edge_agent.supervise import is_expected, reason, supervise
from telecore.backoff import Policy
from telecore.errors import DeviceLost, TimedOut

QUICK = Policy(first=0.001, factor=2.0, cap=0.004)


async def run(errors, **options):
    falls = []
    left = list(errors)

    async def part():
        if left:
            raise left.pop(0)

    options = {"stopping": asyncio.Event(), "on_fall": falls.append, "retry": QUICK} | options
    await asyncio.wait_for(supervise("part", part, **options), 2)
    return falls


async def test_it_runs_again_until_it_returns_by_itself():
    falls = await run([DeviceLost("gone"), OSError("disk"), TimedOut("late")])
    assert [(fall.expected, fall.falls) for fall in falls] == [(True, 1), (True, 2), (True, 3)]


async def test_a_bug_is_logged_whole_once_and_the_part_runs_on(caplog):
    falls = await run([ZeroDivisionError("bug"), DeviceLost("gone")])
    assert [fall.expected for fall in falls] == [False, True]
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert errors[0].exc_info is not None
    assert "ZeroDivisionError" in caplog.text


async def test_a_part_that_ran_steadily_starts_anew_as_after_its_first_fall():
    falls = await run([OSError("1"), OSError("2")], steady_s=0.0)
    assert [fall.falls for fall in falls] == [1, 1]


async def test_cancellation_ends_it():
    task = asyncio.create_task(supervise("part", asyncio.Event().wait, stopping=asyncio.Event()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_one_that_falls_while_it_is_stopped_is_not_begun_again():
    begun, stopping = [], asyncio.Event()

    async def part():
        begun.append(asyncio.get_running_loop().time())
        try:
            await asyncio.Event().wait()
        finally:
            if len(begun) == 1:
                raise OSError("its port was closed")

    falls = []
    task = asyncio.create_task(supervise("part", part, stopping=stopping, on_fall=falls.append, retry=QUICK))
    await asyncio.sleep(0.01)
    stopping.set()
    task.cancel()
    async with asyncio.timeout(2):
        await asyncio.wait([task])
    assert len(begun) == len(falls) == 1


def test_what_a_task_group_wraps_is_judged_by_what_is_inside():
    assert is_expected(ExceptionGroup("", [DeviceLost("x"), ExceptionGroup("", [OSError("y")])]))
    assert not is_expected(ExceptionGroup("", [DeviceLost("x"), ValueError("y")]))
    assert reason(ExceptionGroup("", [ExceptionGroup("", [ValueError("inside")])])) == "inside"
    assert reason(ValueError()) == "ValueError"
