"""The rooms of this edge: who is in them, what is played to all, and what is recorded of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from edge_agent.call.purpose import Purpose
from edge_agent.call.report import CallReport, Notify
from edge_agent.call.trunk import Trunk, Trunks
from edge_agent.media.clips import Clips
from edge_agent.media.clock import MediaClock, ticks
from edge_agent.media.leg import Leg
from edge_agent.media.mixer import Mixer, Port
from edge_agent.media.record import Trimmer
from edge_agent.media.recorder import Recorder
from edge_agent.media.source import Pause, Samples
from edge_agent.media.tones import ENTERED, LEFT
from telecore.audio.activity import SilenceDetector
from telecore.errors import Busy, TelecoreError
from telecore.ids import CallSid
from telecore.notices import Notice, TrunkClosed, TrunkOpened
from telecore.stays import Place, RoomRecording
from telecore.twiml.control import Prompt

log = logging.getLogger(__name__)


class Room:
    """One room while somebody is in it. ``legs``: by call, in the order they came."""

    def __init__(self, clock: MediaClock) -> None:
        self.mixer = Mixer(clock)
        self.ports: dict[CallSid, Port] = {}
        self.coaches: dict[CallSid, CallSid] = {}
        """Who coaches whom, whether that one is here now or not."""
        self.recording: _Recording | None = None
        self.trunk: Trunk | None = None
        self.spanning: dict[CallSid, None] = {}
        """Those who are told that others are elsewhere."""


class _Recording:
    """All that is said in a room, from when it began."""

    def __init__(self, call: CallSid, purpose: Purpose, sound: Trimmer) -> None:
        self.call = call
        self.purpose = purpose
        self.sound = sound
        self._silence = SilenceDetector()

    def heard(self, frame: bytes) -> None:
        self._silence.feed(frame)
        self.sound.write(frame, loud=self._silence.silent_ms == 0)


class Rooms:
    """Opens a room for the first who enters and closes it behind the last."""

    def __init__(
        self,
        clock: MediaClock,
        clips: Clips,
        recorder: Recorder,
        report: CallReport,
        notify: Notify,
        *,
        trunks: Trunks,
    ) -> None:
        self.notify = notify
        self._trunks = trunks
        self._clock = clock
        self._clips = clips
        self._recorder = recorder
        self._report = report
        self._rooms: dict[str, Room] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """See kept what was recorded. For when no call is left."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def of(self, name: str) -> Room | None:
        """The room of this name, if somebody is in it."""
        return self._rooms.get(name)

    def enter(self, call: CallSid, leg: Leg, place: Place, *, beep: bool) -> Port:
        """Let a leg hear and be heard; ``beep``: all hear that it came."""
        room = self._rooms.get(place.room)
        if room is None:
            room = self._rooms[place.room] = Room(self._clock)
            room.mixer.__enter__()
        port = room.ports[call] = room.mixer.join(leg, muted=place.muted)
        _coach(room)
        if place.recording is not None and room.recording is None:
            self._record(room, call, place.recording)
        self._span(place.room, room, call, place.spans)
        if beep:
            room.mixer.play(Samples(ENTERED))
        return port

    def change(self, call: CallSid, place: Place) -> None:
        """Mute, or let coach, one who is in the room."""
        room = self._rooms.get(place.room)
        if room is None or call not in room.ports:
            return
        self._span(place.room, room, call, place.spans)
        room.ports[call].muted = place.muted
        room.coaches.pop(call, None)
        if place.coach is not None:
            room.coaches[call] = place.coach
        _coach(room)

    def leave(self, name: str, call: CallSid, *, beep: bool) -> None:
        """Take a leg out; ``beep``: the others hear that it left."""
        room = self._rooms.get(name)
        port = room.ports.pop(call, None) if room is not None else None
        if room is None or port is None:
            return
        room.mixer.leave(port.leg)
        self._span(name, room, call, False)
        room.coaches.pop(call, None)
        _coach(room)
        if not room.ports:
            del self._rooms[name]
            self._close(room)
        elif beep:
            room.mixer.play(Samples(LEFT))

    async def announce(self, name: str, prompts: Sequence[Prompt]) -> bool:
        """Play to all of a room; whether it was heard to its end."""
        try:
            for prompt in prompts:
                samples = await self._clips.get(prompt.clip) if prompt.clip is not None else b""
                room = self._rooms.get(name)
                if room is None:
                    return False
                sound = Samples(samples, prompt.loop) if prompt.clip is not None else Pause(ticks(prompt.pause_s))
                await asyncio.wait({played := room.mixer.play(sound, here=True)})
                if played.cancelled():
                    return False
        except TelecoreError as error:
            log.warning("an announcement in %s could not be played: %s", name, error)
            return False
        return True

    def repeat(self) -> list[Notice]:
        """What a cloud that was away has to be told again."""
        return [_opened(name, room, room.trunk) for name, room in self._rooms.items() if room.trunk is not None]

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this, and let ``close`` wait for it."""
        task = asyncio.create_task(work, name="room")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _span(self, name: str, room: Room, call: CallSid, spans: bool) -> None:
        """Hear the others of a room while somebody of this edge is to."""
        if spans:
            room.spanning[call] = None
        else:
            room.spanning.pop(call, None)
        if room.spanning and room.trunk is None:
            try:
                room.trunk = self._trunks.open()
            except Busy as error:
                log.warning("room %s does not hear its other edges: %s", name, error)
                return
            room.mixer.join(room.trunk.leg, trunk=True)
            self.notify(_opened(name, room, room.trunk))
        elif not room.spanning and room.trunk is not None:
            trunk, room.trunk = room.trunk, None
            room.mixer.leave(trunk.leg)
            trunk.close()
            self.notify(TrunkClosed(name, trunk.stream))

    def _record(self, room: Room, call: CallSid, wanted: RoomRecording) -> None:
        purpose = Purpose.of_room(wanted)
        file = self._recorder.open()
        self.spawn(self._report.tell(purpose.began(call, file)))
        room.recording = _Recording(call, purpose, Trimmer(file, trim=wanted.trim_silence))
        room.mixer.tap(room.recording)

    def _close(self, room: Room) -> None:
        room.mixer.__exit__(None, None, None)
        if room.recording is not None:
            self.spawn(self._keep(room.recording))

    async def _keep(self, recording: _Recording) -> None:
        kept = await self._recorder.keep(recording.call, recording.sound)
        purpose, call = recording.purpose, recording.call
        told = purpose.dropped(call, recording.sound.file) if kept is None else purpose.event(kept)
        await self._report.tell(told)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work for a room fell over a fault of ours", exc_info=error)


def _coach(room: Room) -> None:
    """Who coaches somebody that is not here is heard by nobody rather than by all."""
    for call, port in room.ports.items():
        wanted = room.coaches.get(call)
        coached = room.ports.get(wanted, port) if wanted is not None else None
        port.coach = None if coached is None else coached.leg


def _opened(name: str, room: Room, trunk: Trunk) -> TrunkOpened:
    return TrunkOpened(name, next(iter(room.spanning)), trunk.stream)
