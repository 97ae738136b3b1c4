"""What is begun is ended, whatever becomes of its caller."""

from __future__ import annotations

import asyncio
import logging

import pytest

from edge_agent.drivers.carry_through import carry_through
from telecore.errors import OutcomeUnknown


class Submit:
    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.done = False
        self.error: Exception | None = None

    async def run(self) -> None:
        await self.begun.wait()
        await self.go_on.wait()
        if self.error is not None:
            raise self.error
        self.done = True


async def started(submit: Submit) -> asyncio.Task[None]:
    task = asyncio.create_task(carry_through(submit.run(), submit.begun.is_set))
    await asyncio.sleep(0)
    return task


async def test_what_has_not_begun_is_called_off() -> None:
    submit = Submit()
    task = await started(submit)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    submit.begun.set()
    submit.go_on.set()
    await asyncio.sleep(0)
    assert not submit.done


async def test_what_has_begun_is_ended_however_often_its_caller_is_cancelled() -> None:
    submit = Submit()
    submit.begun.set()
    task = await started(submit)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
    submit.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert submit.done


async def test_an_error_is_the_callers_or_is_told_when_there_is_none(caplog: pytest.LogCaptureFixture) -> None:
    for cancelled in (False, True):
        submit = Submit()
        submit.error = OutcomeUnknown("nobody knows")
        submit.begun.set()
        task = await started(submit)
        if cancelled:
            task.cancel()
        submit.go_on.set()
        with caplog.at_level(logging.WARNING), pytest.raises(asyncio.CancelledError if cancelled else OutcomeUnknown):
            await task
    assert "nobody knows" in caplog.text
