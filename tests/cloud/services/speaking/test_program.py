"""A program that ends before it was fed is judged by its status, on either loop."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from cloud.services.speaking.engine import SpeechFailed
from cloud.services.speaking.program import Program


async def _many(program: Program, arguments: list[str], times: int) -> None:
    for _ in range(times):
        assert await program.run(arguments, b"x" * 200_000) == b""


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_one_that_reads_nothing(loop: object) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:  # type: ignore[arg-type]
        runner.run(_many(Program("true", 10.0), [], 10))
        with pytest.raises(SpeechFailed, match="status 1"):
            runner.run(Program("false", 10.0).run([], b"x"))
