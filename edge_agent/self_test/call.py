"""The call of a self-test: dialled on one line, answered on the other, a tone of its own in each direction."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from edge_agent.contracts import IncomingCall, VoiceCall, VoiceEvent, VoiceEventKind, VoiceService
from edge_agent.media.clock import MediaClock, ticks
from edge_agent.media.leg import Ear, Leg
from edge_agent.media.source import Samples
from edge_agent.self_test.figures import CallFigures
from telecore.audio.frames import FRAME_BYTES, FRAME_MS
from telecore.audio.tone import tone
from telecore.audio.tone_level import ToneLevel
from telecore.causes import Cause
from telecore.errors import TelecoreError

T = TypeVar("T")

SENT_DBM0 = -16
_CALLER_HZ, _CALLEE_HZ = 500, 850
"""Within the band of every codec, parts of no DTMF key, neither a harmonic of the other."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds. ``ring``: for ringing at the other SIM; ``answer``: for the answer to be seen; ``tone``: its length."""

    ring: float = 40.0
    answer: float = 20.0
    tone: float = 3.0
    settle: float = 0.5
    hang_up: float = 15.0


class _Party(Ear):
    """One end of the test call."""

    def __init__(self, clock: MediaClock) -> None:
        self.leg = Leg(clock)
        self.answered = asyncio.Event()
        self.ended = asyncio.Event()
        self.cause: int | None = None
        self.meters = {hz: ToneLevel(hz) for hz in (_CALLER_HZ, _CALLEE_HZ)}

    def on_event(self, event: VoiceEvent) -> None:
        if event.kind is VoiceEventKind.ANSWERED:
            self.answered.set()
        elif event.kind is VoiceEventKind.ENDED:
            self.cause = event.cause
            self.ended.set()

    def hear(self, frame: bytes) -> None:
        for meter in self.meters.values():
            meter.feed(frame)

    async def speak(self, hz: int, waits: Waits) -> None:
        """Send a tone while listening. A call that ends meanwhile is not waited for."""
        with self.leg.attached(self), suppress(TimeoutError):
            async with asyncio.timeout(waits.settle + waits.tone + 2.0):
                await asyncio.sleep(waits.settle)
                await self.leg.play(Samples(_frame(hz), loop=ticks(waits.tone)))
                await asyncio.sleep(waits.settle)

    @property
    def has_sound(self) -> bool:
        return self.leg.voice is not None and self.leg.voice.pcm is not None


def _frame(hz: int) -> bytes:
    """20 ms that go on without a seam when they are repeated."""
    return tone((hz,), 3 * FRAME_MS, SENT_DBM0)[FRAME_BYTES : 2 * FRAME_BYTES]


class CallTrial:
    """One test call. ``ringing`` is fulfilled when the other SIM rings with it.

    ``cause``, ``talk_s`` and ``lasted_s``, from dialling to its end, are known when it is over.
    """

    def __init__(
        self,
        clock: MediaClock,
        ringing: asyncio.Future[IncomingCall],
        waits: Waits,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ringing = ringing
        self._waits = waits
        self._now = now
        self._caller, self._callee = _Party(clock), _Party(clock)
        self._dialling: asyncio.Future[VoiceCall] | None = None
        self.talk_s: float | None = None
        self.lasted_s: float | None = None
        self.cause: int = Cause.NORMAL_CLEARING

    async def run(self, service: VoiceService, to: str) -> CallFigures:
        """Dial, answer, measure, hang up. What goes wrong is told in the figures."""
        figures = CallFigures()
        dialled = self._now()
        async with self._hung_up():
            try:
                figures = await self._ring(service, to, figures)
                if not figures.problem:
                    figures = await self._answer(figures)
                if not figures.problem:
                    began = self._now()
                    figures = await self._measure(figures)
                    self.talk_s = self._now() - began
            except TelecoreError as error:
                self.cause = Cause.TEMPORARY_FAILURE
                figures = replace(figures, problem=f"failed: {error}")
            self.lasted_s = self._now() - dialled
        return figures

    async def _ring(self, service: VoiceService, to: str, figures: CallFigures) -> CallFigures:
        began = self._now()
        try:
            async with asyncio.timeout(self._waits.ring):
                self._dialling = asyncio.ensure_future(service.dial(to, self._caller.on_event))
                self._caller.leg.voice = await asyncio.shield(self._dialling)
                if not await self._before_its_end(self._ringing):
                    self.cause = self._caller.cause or Cause.NORMAL_CLEARING
                    return replace(figures, problem=f"ended with cause {self.cause} before it rang there")
        except TimeoutError:
            self.cause = Cause.NO_ANSWER
            return replace(figures, problem=f"did not ring there within {self._waits.ring:.0f} s")
        return replace(figures, ring_s=self._now() - began)

    async def _answer(self, figures: CallFigures) -> CallFigures:
        incoming = self._ringing.result()
        incoming.voice.on_event = self._callee.on_event
        self._callee.leg.voice = incoming.voice
        began = self._now()
        try:
            async with asyncio.timeout(self._waits.answer):
                await incoming.voice.answer()
                if not await self._before_its_end(asyncio.ensure_future(self._caller.answered.wait())):
                    self.cause = self._caller.cause or Cause.NORMAL_CLEARING
                    return replace(figures, problem=f"ended with cause {self.cause} when it was answered")
        except TimeoutError:
            return replace(figures, problem=f"the answer was not seen within {self._waits.answer:.0f} s")
        return replace(figures, answer_s=self._now() - began)

    async def _measure(self, figures: CallFigures) -> CallFigures:
        for party in (self._caller, self._callee):
            party.leg.start()
        if not (self._caller.has_sound and self._callee.has_sound):
            await asyncio.sleep(self._waits.settle)
            return replace(figures, silent="sound was not tried: a modem has no audio port")
        async with asyncio.TaskGroup() as group:
            group.create_task(self._caller.speak(_CALLER_HZ, self._waits))
            group.create_task(self._callee.speak(_CALLEE_HZ, self._waits))
        early = self._caller.ended.is_set()
        return replace(
            figures,
            heard_to=self._callee.meters[_CALLER_HZ].level,
            heard_back=self._caller.meters[_CALLEE_HZ].level,
            echo=self._caller.meters[_CALLER_HZ].level,
            problem=f"ended with cause {self._caller.cause} in the middle" if early else "",
        )

    async def _before_its_end(self, wanted: asyncio.Future[T]) -> bool:
        """Wait for it, or for the end of the caller's side."""
        ended = asyncio.ensure_future(self._caller.ended.wait())
        try:
            either: set[asyncio.Future[T] | asyncio.Future[Literal[True]]] = {wanted, ended}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return wanted.done()
        finally:
            ended.cancel()
            wanted.cancel()

    @asynccontextmanager
    async def _hung_up(self) -> AsyncIterator[None]:
        """Whatever happens, both lines are free afterwards."""
        try:
            yield
        finally:
            await self._hang_up(self._callee.leg.voice, await self._dialled())

    async def _dialled(self) -> VoiceCall | None:
        """A number half dialled cannot be taken back: what comes of it is hung up."""
        dialling = self._dialling
        if dialling is None:
            return None
        await asyncio.wait({dialling}, timeout=self._waits.hang_up)
        if not dialling.done():
            dialling.cancel()
            return None
        return None if dialling.cancelled() or dialling.exception() is not None else dialling.result()

    async def _hang_up(self, *voices: VoiceCall | None) -> None:
        for party in (self._caller, self._callee):
            party.leg.close()
        for voice in voices:
            with suppress(TimeoutError, TelecoreError):
                async with asyncio.timeout(self._waits.hang_up):
                    if voice is not None:
                        await voice.hang_up()
