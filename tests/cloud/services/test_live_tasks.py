from __future__ import annotations

import asyncio

import pytest

from cloud.services.live_tasks import LiveTasks
from telecore.errors import Transient


@pytest.mark.parametrize(
    ("error", "place"), [(Transient("the store is away"), False), (KeyError("the store is away"), True)]
)
async def test_what_passes_is_told_in_a_line_and_a_fault_with_its_place(
    error: Exception, place: bool, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = LiveTasks()

    async def fails() -> None:
        raise error

    task = tasks.start(fails(), "call CA1")
    await asyncio.wait([task])
    await tasks.settle()
    assert "call CA1 failed" in caplog.text
    assert "the store is away" in caplog.text
    assert ("Traceback" in caplog.text) is place
