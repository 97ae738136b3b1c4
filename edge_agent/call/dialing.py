"""One <Dial>: a route, legs that ring, one that answers, and two parties joined."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress

from edge_agent.call.live import LiveCall
from edge_agent.call.purpose import Purpose
from edge_agent.media.key_relay import keys_relayed
from edge_agent.media.leg import Ear
from edge_agent.media.mixer import Mixer
from edge_agent.media.record import CallRecording
from edge_agent.media.source import Samples
from edge_agent.media.tones import ringback
from telecore.causes import Cause, status_of
from telecore.commands import RouteDial, RoutedLeg
from telecore.ids import DialId, new_id
from telecore.model import CallStatus, Recording
from telecore.notices import RouteWanted
from telecore.twiml.control import DialOutcome, DialSpec

DialOut = Callable[[RoutedLeg, DialSpec], LiveCall]
"""Begin this leg."""

ROUTE_NOT_HAD = 12400
_SLOW_LINE_S = 0.5
_WORST_TO_BEST = (CallStatus.FAILED, CallStatus.BUSY, CallStatus.NO_ANSWER)


class Dialing:
    """Runs once. Cancelled (the page was replaced), it ends its legs and keeps its recording.

    When the caller hangs up it ends at once and tells how far it came: its action URL is asked all the same.
    """

    def __init__(self, parent: LiveCall, spec: DialSpec, dial_out: DialOut) -> None:
        self._parent = parent
        self._spec = spec
        self._dial_out = dial_out
        self._legs: list[LiveCall] = []
        self._changed = asyncio.Event()
        self._recording: CallRecording | None = None
        self._joined = False

    async def run(self) -> DialOutcome:
        """Until a conversation is over, or nobody answered."""
        self._parent.check_alive()
        try:
            outcome = await self._run()
            await self._see_them_end()
            return outcome
        finally:
            self._parent.leg.background = None
            self._stop_recording()
            for leg in self._legs:
                leg.on_change = _nothing
                self._let_go(leg)

    def hung_up(self) -> bool:
        """The caller is gone. Whether there is an outcome worth telling."""
        self._changed.set()
        return bool(self._legs)

    async def _run(self) -> DialOutcome:
        route = await self._route()
        if route is None or not route.legs:
            return DialOutcome(CallStatus.FAILED)
        if self._parent.answered:
            self._parent.leg.background = Samples(ringback(self._spec.ring_tone), 0)
            if "ringing" in self._spec.record:
                self._start_recording()
        leg = await self._ring(route.legs)
        if leg is None:
            return self._nobody()
        await self._until(lambda: leg.prepared or leg.ending or self._parent.ending)
        if leg.ending is not None or self._parent.ending is not None:
            # The whisper was not to the callee's liking, or the caller's patience ended: nobody was reached.
            return self._nobody()
        return await self._join(leg)

    async def _route(self) -> RouteDial | None:
        """Ask the cloud for legs, and answer the caller meanwhile, unless he is to hear the network's own ringing."""
        parent = self._parent
        wanted = RouteWanted(parent.sid, DialId(new_id()), self._spec)
        with parent.routes.awaiting(wanted) as routed:
            parent.equipment.notify(wanted)
            if not self._spec.answer_on_bridge:
                await parent.answer()
            try:
                async with asyncio.timeout(parent.equipment.waits.route):
                    return await routed
            except TimeoutError:
                parent.pages.fault(ROUTE_NOT_HAD, "nobody was dialled: no route came from the cloud in time")
                return None

    async def _ring(self, legs: Sequence[RoutedLeg]) -> LiveCall | None:
        """Who answered first; the others are hung up. Each leg gives up by itself in time."""
        for tier in [(leg,) for leg in legs] if self._spec.sequential else [tuple(legs)]:
            ringing = [self._begin(leg) for leg in tier]
            await self._until(lambda: _decided(ringing) or self._parent.ending)  # noqa: B023
            winner = _first_answered(ringing)
            if self._parent.ending is not None:
                return None
            if winner is not None:
                for leg in ringing:
                    if leg is not winner:
                        self._let_go(leg)
                return winner
        return None

    def _begin(self, routed: RoutedLeg) -> LiveCall:
        leg = self._dial_out(routed, self._spec)
        leg.on_change = self._changed.set
        self._legs.append(leg)
        return leg

    async def _join(self, leg: LiveCall) -> DialOutcome:
        parent, star = self._parent, _Star(self._changed)
        await parent.answer()
        if leg.taken or leg.ending is not None or parent.ending is not None:
            return DialOutcome(CallStatus.COMPLETED, leg.sid)
        if self._spec.record != "do-not-record":
            self._start_recording()
        self._joined = leg.joined = True
        async with AsyncExitStack() as stack:
            mixer = stack.enter_context(Mixer(parent.equipment.clock))
            mixer.join(parent.leg)
            mixer.join(leg.leg)
            await stack.enter_async_context(keys_relayed(parent.leg, leg.leg))
            if self._spec.hangup_on_star:
                stack.enter_context(parent.leg.attached(star))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._spec.time_limit_s):
                    await self._until(lambda: leg.ending or leg.taken or star.pressed or parent.ending)
        duration = leg.duration_s or 0
        self._let_go(leg)
        kept = self._stop_recording()
        return _talked(leg, duration, None if kept is None else await asyncio.shield(kept))

    async def _until(self, happened: Callable[[], object]) -> None:
        while not happened():
            self._changed.clear()
            await self._changed.wait()

    async def _see_them_end(self) -> None:
        """The page goes on when its legs are over, so that the cloud hears of things in order. A slow line is left."""
        for leg in self._legs:
            self._let_go(leg)
        with suppress(TimeoutError):
            async with asyncio.timeout(_SLOW_LINE_S):
                await self._until(lambda: all(leg.over or leg.taken for leg in self._legs))

    def _let_go(self, leg: LiveCall) -> None:
        if not leg.taken:
            leg.end(Cause.NORMAL_CLEARING, "us")

    def _nobody(self) -> DialOutcome:
        """The status that says most about why."""
        if self._parent.ending is not None:
            return DialOutcome(CallStatus.CANCELED, self._legs[-1].sid)
        ended = [leg for leg in self._legs if leg.ending is not None]
        best = max(ended, key=lambda leg: _WORST_TO_BEST.index(_status(leg)))
        return DialOutcome(_status(best), best.sid)

    def _start_recording(self) -> None:
        """On the caller's leg: what he says, and what he hears."""
        if self._recording is None:
            channels = 2 if self._spec.record.endswith("-dual") else 1
            purpose = Purpose.of_dial(self._spec)
            self._recording = self._parent.recordings.begin(purpose, channels, trim=self._spec.trim_silence, own=False)

    def _stop_recording(self) -> asyncio.Task[Recording | None] | None:
        """Ringing that led to nothing is not kept."""
        recording, self._recording = self._recording, None
        if recording is None:
            return None
        return self._parent.recordings.stop(recording, worth=self._joined)


class _Star(Ear):
    """Waits for the key that ends a join."""

    wants_keys = True

    def __init__(self, changed: asyncio.Event) -> None:
        self.pressed = False
        self._changed = changed

    def press(self, key: str) -> None:
        if key == "*":
            self.pressed = True
            self._changed.set()


def _first_answered(legs: Sequence[LiveCall]) -> LiveCall | None:
    return next((leg for leg in legs if leg.answered and leg.ending is None), None)


def _decided(legs: Sequence[LiveCall]) -> bool:
    return _first_answered(legs) is not None or all(leg.ending is not None for leg in legs)


def _status(leg: LiveCall) -> CallStatus:
    """Of one that was not joined: answering it does not count."""
    return CallStatus.FAILED if leg.ending is None else status_of(leg.ending.cause, answered=False)


def _talked(leg: LiveCall, duration: int, recording: Recording | None) -> DialOutcome:
    return DialOutcome(
        CallStatus.COMPLETED,
        leg.sid,
        duration,
        bridged=True,
        recording=None if recording is None else recording.sid,
        recording_duration_s=0.0 if recording is None else recording.duration_s,
    )


def _nothing() -> None:
    return
