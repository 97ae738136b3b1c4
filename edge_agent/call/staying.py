"""A call's stay in a conference or a queue: the cloud says where it is to be, and here it is brought there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from edge_agent.call.live import LiveCall
from edge_agent.call.rooms import Rooms
from edge_agent.media.leg import Ear
from edge_agent.media.source import Samples
from edge_agent.media.tones import ringback
from telecore.audio.hold_music import hold_music
from telecore.commands import Announce, LeaveStay, PlaceStay, RunWait
from telecore.errors import TelecoreError
from telecore.events import StayEnded
from telecore.ids import StayId, new_id
from telecore.notices import Announcement, Notice, Spoke, StayWanted, WaitEnded
from telecore.stays import DequeueSpec, EnqueueSpec, Place, StayOutcome, StaySpec
from telecore.twiml.control import CallControl, Prompt
from telecore.twiml.interpreter import run_page
from telecore.twiml.page import Ended
from telecore.twiml.verbs.leave import LEFT
from telecore.twiml.verbs.pause import Pause
from telecore.twiml.verbs.play import Play
from telecore.twiml.verbs.say import Say

WAIT_NOT_RUN = 12400


class Staying:
    """Runs once. Cancelled (the page was replaced), it leaves its room and says so."""

    def __init__(
        self,
        call: LiveCall,
        spec: StaySpec,
        control: CallControl,
        rooms: Rooms,
        end_others: Callable[[str, Staying], None],
    ) -> None:
        self.id = StayId(new_id())
        self.call = call
        self.room = ""
        """Where it is now; empty while it waits."""
        self._spec = spec
        self._control = control
        self._rooms = rooms
        self._end_others = end_others
        self._place = Place()
        self._version = 0
        self._page = 0
        self._next: RunWait | None = None
        self._unanswered: WaitEnded | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._because = ""
        self._changed = asyncio.Event()
        self._began = self._live_since = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> StayOutcome:
        """Until the stay is over."""
        call, star = self.call, _Star(lambda: self.end("star"))
        call.check_alive()
        await call.answer()
        self._began = asyncio.get_running_loop().time()
        call.equipment.notify(self._wanted())
        if isinstance(self._spec, DequeueSpec):
            call.leg.background = Samples(ringback(self._spec.ring_tone), 0)
        ears = (star,) if getattr(self._spec, "hangup_on_star", False) else ()
        try:
            with call.leg.attached(*ears):
                while not self._over():
                    self._heed()
                    await self._until_something()
        finally:
            outcome = self._leave()
        return outcome

    def repeat(self) -> list[Notice]:
        """What a cloud that was away has to be told again. While the call is being answered it is not there yet."""
        if not self._began:
            return []
        return [self._wanted(), *([self._unanswered] if self._unanswered is not None else [])]

    def hung_up(self) -> bool:
        """The party is gone: there is an outcome to tell."""
        self._changed.set()
        return True

    def end(self, because: str) -> None:
        """The stay is over; the first reason counts."""
        self._because = self._because or because
        self._changed.set()

    def place(self, command: PlaceStay) -> None:
        if command.version > self._version:
            self._version, self._place = command.version, command.place
            self._changed.set()

    def wait(self, command: RunWait) -> None:
        if command.page > self._page:
            self._page, self._next, self._unanswered = command.page, command, None
            self._changed.set()

    def leave(self, command: LeaveStay) -> None:
        if command.sid and not self._place.sid:
            self._place = Place(sid=command.sid)
        self.end(command.because)

    def announce(self, command: Announce) -> None:
        """Play to this party alone."""
        self._spawn(self._announce(command))

    def _over(self) -> bool:
        if self._because == "" and self.call.ending is not None:
            self._because = "hangup"
        return self._because != ""

    async def _until_something(self) -> None:
        """A change, or the time is up: to be in a room, or to get into one."""
        patience = None
        spec, now = self._spec, asyncio.get_running_loop().time()
        if self._live_since and not isinstance(spec, EnqueueSpec):
            patience = self._live_since + getattr(spec, "time_limit_s", 0.0) - now
        elif isinstance(spec, DequeueSpec) and self._place.peer is None:
            patience = self._began + spec.timeout_s - now
        try:
            async with asyncio.timeout(patience):
                await self._changed.wait()
        except TimeoutError:
            self.end("time-limit" if self._live_since else "timeout")
        self._changed.clear()

    def _heed(self) -> None:
        """Bring the call to where it is wanted."""
        place = self._place
        if self.room != place.room:
            self._leave_room(beep=False)
            if place.room:
                self._enter()
        elif self.room:
            self._rooms.change(self.call.sid, place)
        if not self.room and self._next is not None:
            command, self._next = self._next, None
            self._stop_waiting()
            self._waiting = self._spawn(self._wait(command))

    def _enter(self) -> None:
        self._stop_waiting()
        self._next = None
        self._unanswered = None
        first = self._live_since == 0.0
        port = self._rooms.enter(self.call.sid, self.call.leg, self._place, beep=first and self._place.beep_on_enter)
        self._rooms.change(self.call.sid, self._place)
        if self._place.report_speech:
            port.on_speech = self._spoke
        self.room = self._place.room
        self._live_since = self._live_since or asyncio.get_running_loop().time()

    def _leave_room(self, *, beep: bool) -> None:
        if self.room:
            self._rooms.leave(self.room, self.call.sid, beep=beep)
            self.room = ""

    def _leave(self) -> StayOutcome:
        """Out of the room, and say so; without a reason of its own it was interrupted by another page."""
        now = asyncio.get_running_loop().time()
        because = self._because or ("hangup" if self.call.ending is not None else "redirected")
        self._because = because
        room, place = self.room, self._place
        self._stop_waiting()
        for task in self._tasks:
            task.cancel()
        self._leave_room(beep=place.beep_on_exit)
        self.call.leg.background = None
        live = round(now - self._live_since) if self._live_since else None
        waited = round((self._live_since or now) - self._began)
        self.call.report.say(StayEnded(call=self.call.sid, stay=self.id, because=because, waited_s=waited, live_s=live))
        if room and place.ends_room:
            self._end_others(room, self)
        return StayOutcome(because, place.sid, place.peer, waited, live)

    async def _wait(self, command: RunWait) -> None:
        """What is heard while the call is in no room."""
        leg = self.call.leg
        leg.background = None
        if command.music:
            leg.background = Samples(await asyncio.to_thread(hold_music), 0)
        if not command.verbs:
            return
        try:
            outcome = await run_page(command.verbs, self._control)
        except TelecoreError as error:
            self.call.pages.fault(WAIT_NOT_RUN, f"what is heard in waiting could not go on: {error}")
            outcome = Ended("finished")
        if outcome == LEFT:
            self.end("leave")
        elif outcome != Ended("hangup"):
            self._unanswered = WaitEnded(self.call.sid, self.id, command.page, outcome)
            self.call.equipment.notify(self._unanswered)

    async def _announce(self, command: Announce) -> None:
        heard = False
        try:
            for prompt in prompts_of(command):
                await self._control.play(prompt)
            heard = True
        finally:
            self.call.equipment.notify(Announcement(command.announcement, command.room, heard))

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        self.call.leg.background = None

    def _spoke(self, speaks: bool) -> None:
        self.call.equipment.notify(Spoke(self.call.sid, self.id, speaks))

    def _wanted(self) -> StayWanted:
        return StayWanted(self.call.sid, self.id, self._spec, self._version, self._page)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=f"stay of {self.call.sid}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def prompts_of(command: Announce) -> list[Prompt]:
    """What is to be heard of an announcement."""
    return [verb.prompt() for verb in command.verbs if isinstance(verb, Say | Play | Pause)]


class _Star(Ear):
    """Waits for the key that ends a stay."""

    wants_keys = True

    def __init__(self, pressed: Callable[[], None]) -> None:
        self._pressed = pressed

    def press(self, key: str) -> None:
        if key == "*":
            self._pressed()
