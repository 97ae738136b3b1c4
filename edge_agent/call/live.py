"""One call of this edge, from its offer or its dialling to its verified end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from edge_agent.call.detection import Detection
from edge_agent.call.ending import Ending, Origin, told_by_line
from edge_agent.call.equipment import Equipment
from edge_agent.call.hearing import Hearings
from edge_agent.call.moments import Moments
from edge_agent.call.pages import PageRunner
from edge_agent.call.recordings import Recordings
from edge_agent.call.report import CallReport
from edge_agent.call.routes import RouteAsk
from edge_agent.call.sounds import sound_checked
from edge_agent.call.timers import Timers
from edge_agent.contracts import VoiceCall, VoiceEvent, VoiceEventKind
from edge_agent.media.leg import Leg
from edge_agent.media.sound_check import Sound, SoundCheck
from telecore.causes import Cause, status_of
from telecore.commands import RunPage
from telecore.errors import TelecoreError, TimedOut
from telecore.events import AnswererDetected, CallAnswered, CallEnded, CallRinging
from telecore.ids import CallSid
from telecore.model import CallStatus, MachineSpec
from telecore.states import CALL_STATES, FINAL_CALL, may_become
from telecore.twiml.control import CallControl
from telecore.twiml.page import Ended, Goto, Outcome

log = logging.getLogger(__name__)

T = TypeVar("T")


class LiveCall:
    """State, timers and end of one call. What happens is told to it by plain calls; ``serve`` is its one task.

    ``on_change`` is called whenever ``answered``, ``prepared``, ``taken``, ``ending`` or ``over`` change.
    """

    def __init__(self, origin: Origin, equipment: Equipment) -> None:
        self.origin = origin
        self.equipment = equipment
        self.leg = Leg(equipment.clock)
        self.report = CallReport(equipment.emit, equipment.notify)
        self.pages = PageRunner(origin.call, equipment.notify, equipment.clips, self._page_ended, self._page_failed)
        self.status = CallStatus.RINGING if origin.inbound else CallStatus.QUEUED
        self.voice: VoiceCall | None = None
        self.ending: Ending | None = None
        self.over = False
        """Its end is told: whatever is told from now on comes after it."""
        self.prepared = False
        """A dialled leg has pressed its digits and whispered: it may be joined."""
        self.joined = False
        """It is, or who dials it for another knows that it may be."""
        self.taken = False
        """A prepared leg was given a page of its own and is nobody's leg any more."""
        self.recordings = Recordings(origin.call, self.leg, equipment.recorder, self.report, self._spawn)
        self.detection: Detection | None = None
        """Finds out who answered."""
        self.routes = RouteAsk()
        self.hearings = Hearings(origin.call, equipment.notify)
        self.on_change: Callable[[], None] = _nothing
        self.on_ending: Callable[[], bool] = _false
        """Tells whoever keeps a recording; true: the page deserves a moment more."""
        self._moments = Moments()
        self._limit_s = origin.time_limit_s
        self._timers = Timers()
        self._answering: asyncio.Task[TelecoreError | None] | None = None
        self._group: asyncio.TaskGroup | None = None
        self._answered = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def sid(self) -> CallSid:
        return self.origin.call

    @property
    def answered(self) -> bool:
        return self._moments.answered is not None

    @property
    def duration_s(self) -> int | None:
        """Whole seconds since the answer, None without one."""
        answered = self._moments.answered
        return None if answered is None else round(self._timers.now() - answered)

    def connect(self, voice: VoiceCall) -> None:
        """This is the line's handle on the call."""
        self.voice = self.leg.voice = voice

    def on_voice(self, event: VoiceEvent) -> None:
        """The line tells how the call goes."""
        if event.kind is VoiceEventKind.DIGIT:
            self.leg.press(event.digit)
        elif event.kind is VoiceEventKind.RINGING:
            if not self.origin.inbound and self._step(CallStatus.RINGING):
                self._moments.rang = self._timers.now()
                self.report.say(CallRinging(call=self.sid))
        elif event.kind is VoiceEventKind.ANSWERED:
            self._mark_answered()
        else:
            self._end(told_by_line(event.cause, inbound=self.origin.inbound))

    async def answer(self) -> None:
        """Answer an inbound call, wait for an outbound one's answer. At once when it is. Raises TelecoreError."""
        self.check_alive()
        if self.answered:
            return
        if not self.origin.inbound or self.voice is None:
            await self._answered.wait()
            return
        # A page may be replaced while the line is being connected; the call is answered all the same.
        if self._answering is None:
            self._answering = self._spawn(self._answer(self.voice))
        if (error := await asyncio.shield(self._answering)) is not None:
            raise error

    def check_alive(self) -> None:
        """Cancel whoever asks for something on a call that is over: a page that outlived it by its last recording."""
        if self.ending is not None:
            raise asyncio.CancelledError

    def end(self, cause: int, by: str) -> None:
        """It is over; the first reason counts."""
        self._end(Ending(cause, by))

    def finish(self) -> None:
        """The page is through with this call: it ends when its last sound has been heard."""
        if self.answered:
            ending = Ending(Cause.NORMAL_CLEARING, "us")
            self._end_after("finish", self.equipment.waits.last_sound, ending)
        else:
            self.end(Cause.NORMAL_CLEARING, "us")

    def take(self, command: RunPage) -> None:
        """Run this page. A leg that is joined, or may be, leaves its <Dial> for it."""
        if self.ending is None and self.pages.take(command):
            for timer in ("page", "finish", "failed"):  # of what went before
                self._timers.stop(timer)
            if self.detection is not None:
                self.detection.let_go()
            if self.prepared and not self.taken:
                self.taken = True
                self.on_change()

    def expect_page(self) -> None:
        """Somebody owes this call a page."""
        if self.ending is None:
            self._end_after("page", self.equipment.waits.page, Ending(Cause.TEMPORARY_FAILURE, "timeout"))

    def begin_ringing(self, seconds: float) -> None:
        """It is being dialled: give up when nobody answers within this time."""
        self._moments.dialled = self._timers.now()
        self._step(CallStatus.INITIATED)
        self._end_after("ring", seconds, Ending(Cause.NO_ANSWER, "timeout"))

    def prepare(self) -> None:
        """It may be joined."""
        self.prepared = True
        self.on_change()

    def detect(self, spec: MachineSpec) -> Detection:
        """Find out who answered, from now on."""
        self.detection = Detection(spec, self._detected)
        self.leg.attach(self.detection)
        return self.detection

    def fail(self, error: TelecoreError, cause: int) -> None:
        """It cannot go on."""
        log.warning("call %s on %s failed: %s", self.sid, self.origin.channel, error)
        self.end(cause, "network")

    def limit(self, seconds: float) -> None:
        """End it so many seconds after its answer."""
        self._limit_s = seconds
        if self._moments.answered is not None and self.ending is None:
            left = max(0.0, self._moments.answered + seconds - self._timers.now())
            self._end_after("limit", left, Ending(Cause.NORMAL_CLEARING, "timeout"))

    async def serve(self, begin: Callable[[], Awaitable[None]], control: CallControl) -> None:
        """Live until the call is over and all that is told of it is on disk. ``begin`` makes it ready for pages."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self.report.run())
            running = group.create_task(self._run(begin, control))
            await self._ended.wait()
            await self._wind_up(running)
            await self.recordings.kept()  # a slow disk: its end was told without them
            self.report.close()

    async def bury(self) -> None:
        """A fault of ours ended ``serve``: free the line and say that the call is over."""
        self.end(Cause.TEMPORARY_FAILURE, "us")
        self._timers.stop_all()
        self.leg.close()
        await self._hang_up()
        if not self.over:
            report = CallReport(self.equipment.emit, self.equipment.notify)
            report.say(ended := self._end_event())
            self._tell_witness(ended)
            self.over = True
            self.on_change()
            report.close()
            await report.run()

    async def _run(self, begin: Callable[[], Awaitable[None]], control: CallControl) -> None:
        try:
            await begin()
        except TelecoreError as error:
            self.fail(error, Cause.TEMPORARY_FAILURE)
        await self.pages.run(control)

    async def _answer(self, voice: VoiceCall) -> TelecoreError | None:
        try:
            async with asyncio.timeout(self.equipment.waits.answer):
                await voice.answer()
        except TimeoutError:
            return TimedOut("the line did not connect the call")
        except TelecoreError as error:
            return error
        self._mark_answered()
        return None

    async def _wind_up(self, running: asyncio.Task[None]) -> None:
        ended = self._end_event()
        self._timers.stop_all()
        self.leg.close()
        if self.detection is not None:
            self.detection.end()
        self.recordings.end()
        last_words = self.on_ending()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hang_up(running))
            if last_words:
                await self.pages.finish(self.equipment.waits.last_words)
            unfinished = {task for task in (running, self._answering) if task is not None}
            for task in unfinished:
                task.cancel()
            await asyncio.wait(unfinished)
            await self.recordings.kept(self.equipment.waits.keeping)
        self.report.say(ended)
        self._tell_witness(ended)
        self.over = True
        self.on_change()

    async def _hang_up(self, running: asyncio.Task[None] | None = None) -> None:
        ending = self.ending
        if self.voice is None and running is not None:
            # It is being dialled just now; what comes of it is hung up.
            await asyncio.wait({running})
        if self.voice is None or ending is None or ending.remote:
            return
        try:
            async with asyncio.timeout(self.equipment.waits.hang_up):
                await self.voice.hang_up(ending.cause)
        except (TimeoutError, TelecoreError) as error:
            log.warning("call %s: the line was not seen free: %s", self.sid, error or "no answer")

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        assert self._group is not None  # pages and recordings exist only while the call is served
        return self._group.create_task(work)

    def _mark_answered(self) -> None:
        if self.ending is not None or not self._step(CallStatus.IN_PROGRESS):
            return
        self._moments.answered = self._timers.now()
        self._timers.stop("ring")
        self.leg.start()
        self._check_sound()
        self.report.say(CallAnswered(call=self.sid))
        self.limit(self._limit_s)
        self._answered.set()
        self.on_change()

    def _page_ended(self, outcome: Outcome) -> None:
        whispered = self.origin.dialled and not self.taken
        if isinstance(outcome, Goto):
            self.expect_page()
        elif whispered and outcome == Ended("finished"):
            self.prepare()
        else:
            self.finish()

    def _page_failed(self, error: TelecoreError) -> None:
        """Answering fails when the caller gave up a moment ago; then the line says so in a moment."""
        self._end_after("failed", self.equipment.waits.last_words, Ending(Cause.TEMPORARY_FAILURE, "network"))

    def _step(self, status: CallStatus) -> bool:
        """Go forward. A line may tell of a state twice, or late: then nothing happens."""
        if not may_become(CALL_STATES, self.status, status):
            return False
        self.status = status
        return True

    def _end_event(self) -> CallEnded:
        assert self.ending is not None
        cause, by = self.ending.cause, self.ending.by
        if self.status not in FINAL_CALL:
            self.status = status_of(cause, answered=self.answered)
        return CallEnded(call=self.sid, cause=cause, by=by, duration_s=self.duration_s, media=self.leg.media)

    def _check_sound(self) -> None:
        if self.voice is not None and self.voice.pcm is not None and not self.origin.by_tunnel:
            self.leg.attach(SoundCheck(self.voice.pcm, self._sounds))

    def _sounds(self, sound: Sound) -> None:
        checked = sound_checked(self.sid, self.origin.channel, sound)
        self.report.say(checked)
        self.equipment.sounds.told(checked.channel, self.sid, checked.verdict)
        self.equipment.witness.call_sound(checked.channel, checked.verdict)

    def _detected(self, answered_by: str, ms: int) -> None:
        self.report.say(AnswererDetected(call=self.sid, answered_by=answered_by, ms=ms))

    def _tell_witness(self, ended: CallEnded) -> None:
        if self.voice is not None and not self.origin.by_tunnel:  # else no network ever saw this call
            self.equipment.witness.call_ended(self._moments.facts(self.origin, ended))

    def _end_after(self, timer: str, seconds: float, ending: Ending) -> None:
        self._timers.set(timer, seconds, lambda: self._end(ending))

    def _end(self, ending: Ending) -> None:
        if self.ending is None:
            self.ending = ending
            self._moments.ended = self._timers.now()
            self._ended.set()
            self.on_change()


def _nothing() -> None:
    return


def _false() -> bool:
    return False
