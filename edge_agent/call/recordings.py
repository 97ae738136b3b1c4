"""What is recorded of one call: begun, told, and kept whatever becomes of who asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from edge_agent.call.purpose import WHOLE_CALL, Purpose
from edge_agent.call.report import CallReport
from edge_agent.media.record import Trimmer
from edge_agent.media.recorder import Recorder
from edge_agent.media.wav_file import WavFile
from telecore.ids import CallSid
from telecore.model import Recording

Keeping = asyncio.Task[Recording | None]


class Recordings:
    """``spawn`` begins a task that ends before the call's own end is told."""

    def __init__(
        self,
        call: CallSid,
        recorder: Recorder,
        report: CallReport,
        spawn: Callable[[Coroutine[Any, Any, Recording | None]], Keeping],
    ) -> None:
        self.whole: Trimmer | None = None
        """What is recorded from the answer to the end."""
        self._call = call
        self._recorder = recorder
        self._report = report
        self._spawn = spawn
        self._keeping: set[Keeping] = set()

    def open(self, purpose: Purpose, channels: int = 1) -> WavFile:
        """A file for what is recorded from now on."""
        file = self._recorder.open(channels)
        if purpose.tells("in-progress"):
            self._report.say(purpose.began(self._call, file))
        return file

    def keep(self, sound: Trimmer, purpose: Purpose) -> Keeping:
        """Turn what was recorded into a RecordingMade."""
        task = self._spawn(self._keep(sound, purpose))
        self._keeping.add(task)
        return task

    def end(self) -> None:
        """The call is over."""
        if self.whole is not None:
            self.keep(self.whole, WHOLE_CALL)

    async def kept(self, within_s: float) -> None:
        """Wait for the disk, if it does not take too long."""
        if self._keeping:
            await asyncio.wait(self._keeping, timeout=within_s)

    async def _keep(self, sound: Trimmer, purpose: Purpose) -> Recording | None:
        recording = await self._recorder.keep(self._call, sound)
        if recording is not None:
            self._report.say(purpose.event(recording))
        elif purpose.tells("absent"):
            self._report.say(purpose.dropped(self._call, sound.file))
        return recording
