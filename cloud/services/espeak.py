"""Speech by espeak-ng, which needs no Internet: one process per text."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil

from telecore.audio.wav import AudioFormatError, Pcm, read_wav
from telecore.errors import Transient

log = logging.getLogger(__name__)

PROGRAM = "espeak-ng"
WORDS_PER_MINUTE = 160
_TEXT_LIMIT = 4096
_SOUND_LIMIT = 32 * 1024 * 1024
_PROCESSES = 2


class SpeechFailed(Transient):
    """The text could not be spoken; the message says what to do about it."""


class Espeak:
    """A speech engine. ``available`` holds the languages of the voices installed, once ``open`` has returned."""

    def __init__(self, program: str = PROGRAM, within_s: float = 20.0) -> None:
        self._program = program
        self._within_s = within_s
        self._turn = asyncio.Semaphore(_PROCESSES)
        self.available: frozenset[str] = frozenset()
        self.name = "espeak-ng"

    async def open(self) -> None:
        """Learn which voices there are. Raises SpeechFailed, naming the command that installs the program."""
        if await asyncio.to_thread(shutil.which, self._program) is None:
            raise SpeechFailed(f"{self._program} is not installed, so <Say> is silent: run apt-get install espeak-ng")
        listing = await self._run(["--voices"], b"")
        rows = [line.split() for line in listing.decode("utf-8", "replace").splitlines()[1:]]
        self.available = frozenset(row[1].lower() for row in rows if len(row) > 1)
        log.info("%s speaks %d languages", self._program, len(self.available))

    async def render(self, text: str, voice: str) -> Pcm:
        """The text as sound. Raises SpeechFailed."""
        # "[[" would begin phoneme names (espeak-ng, "Phoneme Input").
        plain = text[:_TEXT_LIMIT].replace("[[", "[ [").replace("\0", " ")
        arguments = ["-v", voice, "-s", str(WORDS_PER_MINUTE), "-b", "1", "--stdin", "--stdout"]
        wav = await self._run(arguments, plain.encode("utf-8", "replace"))
        try:
            return read_wav(wav)
        except AudioFormatError as error:
            raise SpeechFailed(f"{self._program} gave no sound for voice {voice}: {error}") from error

    async def _run(self, arguments: list[str], text: bytes) -> bytes:
        try:
            async with self._turn, asyncio.timeout(self._within_s):
                return await self._speak(arguments, text)
        except TimeoutError as error:
            raise SpeechFailed(f"{self._program} did not finish within {self._within_s:g} s") from error
        except OSError as error:
            raise SpeechFailed(f"{self._program} cannot be run: {error}") from error

    async def _speak(self, arguments: list[str], text: bytes) -> bytes:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            self._program, *arguments, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
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
            raise SpeechFailed(f"{self._program} ended with status {status}")
        return sound


async def _feed(process: asyncio.subprocess.Process, text: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(text)
        await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()


async def _drain(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    sound = bytearray()
    while piece := await process.stdout.read(65536):
        sound += piece
        if len(sound) > _SOUND_LIMIT:
            raise SpeechFailed("the speech is longer than any call should hear")
    return bytes(sound)
