"""Sound of a modem's calls over a sound card, through arecord and aplay (alsa-utils): two pipes, no thread of ours.

Quectel's USB audio is a card of the modem's own that appears a moment after it was switched on; a SIM800's sound goes
over a card that somebody wired to it. The programs run during calls only.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import struct
import termios
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress

from edge_agent.drivers.at_modem.audio import CallPcm
from edge_agent.drivers.at_modem.audio_pace import QUEUED_FRAMES, Balance
from telecore.audio.frames import FRAME_BYTES, RATE
from telecore.errors import DeviceLost

log = logging.getLogger(__name__)

RETRY_S, RETRY_MOST_S = 0.2, 2.0
GIVE_UP_S = 15.0
"""A card that has not appeared by then does not come in this call."""
START_S = 3.0
"""A card that is open gives its first frame within this."""
END_S = 1.0
_PIPE_BYTES = 4096
_FORMAT = ("-q", "-t", "raw", "-f", "S16_LE", "-r", str(RATE), "-c", "1", "-F", "20000")
_BUFFER_US = 80_000


class SoundCard:
    """A Carrier. ``capture`` and ``playback`` are ALSA names (``hw:CARD=Android``, ``plughw:1``).

    ``dropped`` counts frames that found no room; ``reason`` says why there is no sound.
    """

    def __init__(self, capture: str, playback: str, *, retry_s: float = RETRY_S, give_up_s: float = GIVE_UP_S) -> None:
        self.dropped = 0
        self.reason = ""
        self._capture = ("arecord", "-D", capture, "-B", str(_BUFFER_US), *_FORMAT)
        self._playback = ("aplay", "-D", playback, "-B", str(_BUFFER_US), *_FORMAT)
        self._retry_s = retry_s
        self._give_up_s = give_up_s
        self._stream: CallPcm | None = None
        self._balance = Balance()
        self._ready = True
        self._flowed = False
        self._pipe = -1
        self._serving: asyncio.Task[None] | None = None

    def stream(self) -> CallPcm:
        return CallPcm(self)

    def start(self, stream: CallPcm) -> None:
        self.stop()
        self._stream, self._ready, self.reason = stream, True, ""
        self._serving = asyncio.get_running_loop().create_task(self._serve(stream), name="sound card")

    def stop(self) -> None:
        self._stream = None
        if self._serving is not None:
            self._serving.cancel()
            self._serving = None

    def flow(self, *, ready: bool) -> None:
        self._ready = ready

    def send(self, stream: CallPcm, frame: bytes) -> None:
        if stream is not self._stream or self._pipe < 0 or not self._ready:
            return
        for _ in range(self._balance.put(frame)):
            if self._write(frame):
                stream.taken += 1
            else:
                self.dropped += 1

    def _write(self, frame: bytes) -> bool:
        try:
            waiting: int = struct.unpack("i", fcntl.ioctl(self._pipe, termios.FIONREAD, bytes(4)))[0]
            if waiting > QUEUED_FRAMES * FRAME_BYTES:
                return False
            return os.write(self._pipe, frame) == FRAME_BYTES  # whole or not at all: it is shorter than PIPE_BUF
        except (BlockingIOError, BrokenPipeError):
            return False

    async def _serve(self, stream: CallPcm) -> None:
        """Open the card again and again until it is there; and again when it is lost."""
        loop = asyncio.get_running_loop()
        pause, until = self._retry_s, loop.time() + self._give_up_s
        while True:
            try:
                await self._carry(stream)
            except DeviceLost as error:
                self.reason = str(error)
            if self._flowed:
                self._flowed = False
                pause, until = self._retry_s, loop.time() + self._give_up_s
            if loop.time() + pause > until:
                log.warning("the call has no sound: %s", self.reason)
                return
            log.info("the sound card is not ready: %s", self.reason)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, RETRY_MOST_S)

    async def _carry(self, stream: CallPcm) -> None:
        """Let sound flow until one of the programs ends. Raises DeviceLost with what it said."""
        reader, writer = os.pipe()
        try:
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            os.set_blocking(writer, False)
            playing = await _start(self._playback, stdin=reader, stdout=DEVNULL)
            try:
                recording = await _start(self._capture, stdin=DEVNULL, stdout=PIPE)
                try:
                    await self._pump(stream, playing, recording, writer)
                finally:
                    await _end(recording)
            finally:
                await _end(playing)
        finally:
            self._pipe = -1
            os.close(reader)
            os.close(writer)

    async def _pump(self, stream: CallPcm, playing: Process, recording: Process, writer: int) -> None:
        hearing = asyncio.ensure_future(self._hear(stream, recording, writer))
        ended = asyncio.ensure_future(playing.wait())
        try:
            await asyncio.wait({hearing, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (hearing, ended):
                task.cancel()
            await asyncio.wait({hearing, ended})
        at_fault = playing if playing.returncode is not None else recording
        raise DeviceLost(await _complaint(at_fault))

    async def _hear(self, stream: CallPcm, recording: Process, writer: int) -> None:
        assert recording.stdout is not None  # asked for with PIPE
        limit: float | None = START_S
        with suppress(asyncio.IncompleteReadError, TimeoutError):
            while True:
                async with asyncio.timeout(limit):
                    frame = await recording.stdout.readexactly(FRAME_BYTES)
                if self._pipe < 0:  # both are open: what was to be played before is stale
                    self._pipe, self._balance = writer, Balance()
                self._flowed = True
                self._balance.got()
                stream.on_frame(frame)
                await asyncio.sleep(0)  # a card that gives faster than it should must not keep the loop


async def _start(command: tuple[str, ...], *, stdin: int, stdout: int) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command, stdin=stdin, stdout=stdout, stderr=PIPE, limit=16 * FRAME_BYTES
        )
    except OSError as error:
        raise DeviceLost(f"{command[0]} (alsa-utils) cannot be run: {error.strerror}") from error


async def _end(program: Process) -> None:
    if program.returncode is None:
        with suppress(ProcessLookupError):
            program.kill()
    with suppress(TimeoutError):
        async with asyncio.timeout(END_S):
            await program.communicate()  # reads its pipes to their end, and so closes them


async def _complaint(program: Process) -> str:
    """The last line of what it said."""
    said = b""
    if program.stderr is not None and program.returncode is not None:
        with suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                said = await program.stderr.read(4096)
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:120] if lines else "the sound card gives nothing"
