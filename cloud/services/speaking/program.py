"""A speech program run once per text: fed through its standard input, bounded in time and in what it gives."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from cloud.services.speaking.engine import SpeechFailed

SOUND_LIMIT = 32 * 1024 * 1024
_PROCESSES = 2


class Program:
    """``name`` is found by the PATH or is a path. A few run at once; more wait for their turn."""

    def __init__(self, name: str, within_s: float) -> None:
        self.name = name
        self._within_s = within_s
        self._turn = asyncio.Semaphore(_PROCESSES)

    async def run(self, arguments: Sequence[str], text: bytes = b"") -> bytes:
        """What it writes to its standard output. Raises SpeechFailed."""
        try:
            async with self._turn, asyncio.timeout(self._within_s):
                return await self._speak(arguments, text)
        except TimeoutError as error:
            raise SpeechFailed(f"{self.name} did not finish within {self._within_s:g} s") from error
        except OSError as error:
            raise SpeechFailed(f"{self.name} cannot be run: {error}") from error

    async def _speak(self, arguments: Sequence[str], text: bytes) -> bytes:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            self.name, *arguments, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            _, sound = await asyncio.gather(_feed(process, text), _drain(process))
            status = await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if status:
            raise SpeechFailed(f"{self.name} ended with status {status}")
        return sound


async def _feed(process: asyncio.subprocess.Process, text: bytes) -> None:
    """A program that is over before it has read everything says by its status whether that was right."""
    assert process.stdin is not None
    # uvloop's words for a pipe that the other end has closed already: RuntimeError.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, RuntimeError):
        process.stdin.write(text)
        await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()


async def _drain(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    sound = bytearray()
    while piece := await process.stdout.read(65536):
        sound += piece
        if len(sound) > SOUND_LIMIT:
            raise SpeechFailed("the speech is longer than any call should hear")
    return bytes(sound)
