"""A program of somebody else's, in a process of its own; what it prints is what it tells."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.conformance.official import environment

HERE = Path(__file__).parent
FLASK = HERE.parents[2] / ".peers" / "programs" / "bin" / "python"
_WITHIN_S = 40.0


class Program:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lines: list[str] = []
        self._news = asyncio.Condition()

    async def read(self) -> None:
        """Keep what it prints, until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._news:
                self._lines.append(line.decode(errors="replace").rstrip())
                self._news.notify_all()

    async def said(self, pattern: str, count: int = 1) -> list[re.Match[str]]:
        """The lines that match, once there are so many of them."""

        def found() -> list[re.Match[str]]:
            return [match for line in self._lines if (match := re.search(pattern, line))]

        try:
            async with asyncio.timeout(_WITHIN_S), self._news:
                await self._news.wait_for(lambda: len(found()) >= count)
        except TimeoutError:
            raise AssertionError(f"{pattern} was not said {count} times:\n" + "\n".join(self._lines)) from None
        return found()


@asynccontextmanager
async def running(*command: str, **variables: str) -> AsyncIterator[Program]:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=HERE,
        env={**environment(), **variables, "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    program = Program(process)
    reading = asyncio.create_task(program.read())
    try:
        yield program
    finally:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()
        await reading


@asynccontextmanager
async def flask(name: str, **variables: str) -> AsyncIterator[tuple[Program, str]]:
    """A Flask application on a free port, and its URL."""
    command = [str(FLASK), "-m", "flask", "--app", name, "--debug", "run", "--no-reload", "--port", "0"]
    async with running(*command, **variables) as program:
        (line,) = await program.said(r"Running on (http://\S+)")
        yield program, line[1].rstrip("/")


@asynccontextmanager
async def node(name: str, **variables: str) -> AsyncIterator[tuple[Program, str]]:
    """A Node application on a free port, and its URL."""
    async with running("node", name, PORT="0", **variables) as program:
        (line,) = await program.said(r"listening (\d+)")
        yield program, f"http://127.0.0.1:{line[1]}"
