"""The spool's thread."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from edge_agent.spool import Spool
from edge_agent.spool.thread import OneThread
from tests.fakes.tunnel import until


def alive(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


async def test_one_after_the_other_and_errors_go_to_who_asked():
    thread, seen = OneThread("one"), []

    def slow() -> str:
        time.sleep(0.05)
        seen.append("slow")
        return "done"

    results = await asyncio.gather(
        thread.result(slow), thread.result(lambda: 1 // 0), thread.result(lambda: seen.append("last")),
        return_exceptions=True,
    )  # fmt: skip
    assert results[0] == "done"
    assert isinstance(results[1], ZeroDivisionError)
    assert seen == ["slow", "last"]
    thread.end()


async def test_a_wait_that_is_cancelled_does_not_stop_the_work():
    thread, seen = OneThread("one"), []
    waiting = asyncio.ensure_future(thread.result(lambda: (time.sleep(0.05), seen.append(1))))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await thread.result(lambda: seen.append(2))
    assert seen == [1, 2]
    thread.end()


async def test_a_closed_spool_leaves_no_thread(tmp_path):
    before = alive("spool")
    spool = await Spool.open(tmp_path / "spool.db")
    assert len(alive("spool")) == len(before) + 1
    await spool.close()
    await until(lambda: alive("spool") == before, 5)
