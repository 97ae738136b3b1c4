"""A recogniser that keeps people waiting."""

from __future__ import annotations

import asyncio

import pytest

from cloud.services.hearing.bounded import BoundedHearing
from cloud.services.hearing.recogniser import Heard, Listen, RecognitionFailed
from tests.fakes.recogniser import Scripted, ScriptedHearing


class Stuck(ScriptedHearing):
    async def finish(self):
        await asyncio.Event().wait()

    async def close(self):
        await asyncio.Event().wait()


async def test_its_words_are_passed_on():
    inner = await Scripted().listen(Listen("en"))
    hearing = BoundedHearing(inner, within_s=1.0)
    hearing.feed(b"ab")
    assert await hearing.finish() == Heard("two tickets", 0.75)
    await hearing.close()
    assert (inner.samples, inner.closed) == (b"ab", 1)


async def test_no_words_in_time_are_a_failure_and_it_is_let_go(caplog):
    hearing = BoundedHearing(Stuck(Scripted(), Listen("en")), within_s=0.01)
    with pytest.raises(RecognitionFailed, match="finish within 0.01 s"):
        await hearing.finish()
    await hearing.close()
    assert "let go" in caplog.text


async def test_what_was_long_may_take_as_much_longer():
    hearing = BoundedHearing(Stuck(Scripted(), Listen("en")), within_s=0.01)
    hearing.feed(bytes(16000))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await hearing.finish()
