"""PocketSphinx as a recogniser, in a process for each utterance: it crashes alone and takes no core from live calls."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec

from cloud.services.hearing.recogniser import Heard, Listen, Partial, RecogniserBusy, RecognitionFailed

AT_ONCE = os.cpu_count() or 1
_MODULE = "cloud.services.hearing.sphinx_process"
_BACKLOG = 2 * 8000 * 120
"""Two minutes of sound that the process has not taken: it will not catch up."""


class Sphinx:
    """English only, by the model that comes with it. ``at_once``: utterances, each in a process."""

    def __init__(self, *, at_once: int = AT_ONCE) -> None:
        self._room = at_once

    async def open(self) -> None:
        """Raises RecognitionFailed, naming the command that installs it."""
        if await asyncio.to_thread(find_spec, "pocketsphinx") is None:
            raise RecognitionFailed("pocketsphinx is not installed: pip install 'simferry[recognition]'")

    async def listen(self, want: Listen) -> SphinxHearing:
        """Raises RecognitionFailed."""
        if not want.language.lower().startswith("en"):
            raise RecognitionFailed(f"pocketsphinx hears English only, not {want.language}")
        if self._room < 1:
            raise RecogniserBusy("pocketsphinx hears as many calls as it can already")
        self._room -= 1
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", _MODULE, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
            )
        except OSError as error:
            self._room += 1
            raise RecognitionFailed(f"no process to hear with: {error}") from error
        except asyncio.CancelledError:
            self._room += 1
            raise
        return SphinxHearing(process, want, self._done)

    def _done(self) -> None:
        self._room += 1


class SphinxHearing:
    """One utterance in its process."""

    def __init__(self, process: asyncio.subprocess.Process, want: Listen, done: Callable[[], None]) -> None:
        self._process = process
        self._want = want
        self._done = done
        self._closed = False
        self._result: Heard | None = None
        assert process.stdin is not None
        process.stdin.write(_asked(want))
        self._reading = asyncio.create_task(self._read())

    def feed(self, samples: bytes) -> None:
        stdin = self._process.stdin
        if stdin is None or stdin.is_closing() or stdin.transport.get_write_buffer_size() > _BACKLOG:
            return
        stdin.write(samples)

    async def finish(self) -> Heard:
        """Raises RecognitionFailed."""
        stdin = self._process.stdin
        assert stdin is not None
        stdin.close()
        await asyncio.shield(self._reading)
        if self._result is None:
            raise RecognitionFailed(f"pocketsphinx ended with status {await self._process.wait()}")
        return self._result

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._reading.cancel()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        try:
            await asyncio.wait({self._reading})
            await self._process.wait()
        finally:
            self._done()

    async def _read(self) -> None:
        """Lines until the process ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            said = json.loads(line)
            if "partial" not in said:
                self._result = Heard(said["text"], said["confidence"])
            elif self._want.on_partial is not None:
                self._want.on_partial(_partial(said["partial"]))


def _asked(want: Listen) -> bytes:
    """A line before the sound: an argument could not be as long as hints may be, and everybody could read it."""
    return json.dumps({"hints": want.hints, "partials": want.on_partial is not None}).encode() + b"\n"


def _partial(text: str) -> Partial:
    """The last word may still become another; those before it seldom do."""
    stable, _, unstable = text.rpartition(" ")
    return Partial(stable, unstable)
