"""What is recorded of one call: begun, told, paused, stopped, and kept whatever becomes of who asked for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from edge_agent.call.purpose import Purpose
from edge_agent.call.report import CallReport
from edge_agent.media.leg import Leg
from edge_agent.media.record import CallRecording, Pause, Trimmer
from edge_agent.media.recorder import Recorder
from edge_agent.media.wav_file import WavFile
from telecore.commands import ControlRecording, RecordCall
from telecore.events import RecordingChanged
from telecore.ids import CallSid, RecordingSid
from telecore.model import Recording

log = logging.getLogger(__name__)

Keeping = asyncio.Task[Recording | None]


@dataclass(frozen=True, slots=True)
class _Running:
    """``own``: it ends with the call; else whoever began it ends it."""

    recording: CallRecording
    purpose: Purpose
    own: bool


class Recordings:
    """``spawn`` begins a task that ends before the call's own end is told."""

    def __init__(
        self,
        call: CallSid,
        leg: Leg,
        recorder: Recorder,
        report: CallReport,
        spawn: Callable[[Coroutine[Any, Any, Recording | None]], Keeping],
    ) -> None:
        self._call = call
        self._leg = leg
        self._recorder = recorder
        self._report = report
        self._spawn = spawn
        self._running: dict[RecordingSid, _Running] = {}
        self._keeping: dict[RecordingSid, Keeping] = {}

    def begin(
        self,
        purpose: Purpose,
        channels: int = 1,
        *,
        trim: bool = False,
        sid: RecordingSid | None = None,
        own: bool = True,
    ) -> CallRecording:
        """Record both directions of the leg, or the purpose's track, from now on."""
        recording = CallRecording(self.open(purpose, channels, sid), trim=trim, track=purpose.track)
        self._running[recording.sid] = _Running(recording, purpose, own)
        self._leg.attach(recording)
        return recording

    def stop(self, recording: CallRecording, *, worth: bool = True) -> Keeping:
        """Keep what was recorded; the same task for one that was stopped before. Not ``worth`` it: keep nothing."""
        running = self._running.pop(recording.sid, None)
        if running is None:
            return self._keeping[recording.sid]
        self._leg.detach(recording)
        return self.keep(recording.sound if worth else recording.sound.forget(), running.purpose)

    def start(self, command: RecordCall) -> None:
        """Somebody asks the cloud for a recording of this call."""
        if command.recording not in self._running and command.recording not in self._keeping:
            purpose = Purpose("StartCallRecordingAPI", track=command.track)
            self.begin(purpose, command.channels, trim=command.trim, sid=command.recording)

    @property
    def running(self) -> int:
        """How many are being made now."""
        return len(self._running)

    def change(self, command: ControlRecording) -> None:
        """Pause one, go on with it, or stop it. What is not recorded now is not changed."""
        running = self._running.get(command.recording)
        if running is None:
            log.info("call %s: recording %s does not run now", self._call, command.recording)
            return
        self._report.say(RecordingChanged(call=self._call, sid=command.recording, status=command.status))
        if command.status == "stopped":
            self.stop(running.recording)
        elif command.status == "paused":
            running.recording.pause = Pause.SILENCE if command.silence else Pause.SKIP
        else:
            running.recording.pause = None

    def open(self, purpose: Purpose, channels: int = 1, sid: RecordingSid | None = None) -> WavFile:
        """A file for what is recorded from now on, by somebody who keeps it."""
        file = self._recorder.open(channels, sid)
        self._report.say(purpose.began(self._call, file))
        return file

    def keep(self, sound: Trimmer, purpose: Purpose) -> Keeping:
        """Turn what was recorded into a RecordingMade."""
        task = self._spawn(self._keep(sound, purpose))
        self._keeping[sound.file.sid] = task
        return task

    def end(self) -> None:
        """The call is over."""
        for running in [running for running in self._running.values() if running.own]:
            self.stop(running.recording)

    async def kept(self, within_s: float | None = None) -> None:
        """Wait for the disk, if it does not take too long."""
        if self._keeping:
            await asyncio.wait(self._keeping.values(), timeout=within_s)

    async def _keep(self, sound: Trimmer, purpose: Purpose) -> Recording | None:
        recording = await self._recorder.keep(self._call, sound)
        if recording is not None:
            self._report.say(purpose.event(recording))
        else:
            self._report.say(purpose.dropped(self._call, sound.file))
        return recording
