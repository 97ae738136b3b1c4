"""One line's queue of messages, and its submits: one at a time, or as many as its window takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol, cast

from edge_agent.contracts import Gate, HoldingSms, PacedSms, SmsService, WindowedSms, Witness
from edge_agent.line_queue import LineQueue
from edge_agent.spool import Begun, QueuedSms, Spool
from edge_agent.submit_rules import (
    UNCERTAIN,
    Again,
    Expire,
    GiveUp,
    Refuse,
    Sleep,
    Wait,
    Waiting,
    admit,
    remaining_s,
)
from edge_agent.submitting import Progress, expired, outbound, refused
from telecore.commands import SendMessage
from telecore.errors import DeviceRefused, TelecoreError
from telecore.events import Event, MessageFailed
from telecore.ids import E164, ChannelId

log = logging.getLogger(__name__)

_LONGEST_SLEEP_S = 300.0
_SUBMIT_TIMEOUT_S = 600.0
"""Ten segments, each of which a slow network takes a minute over. The driver's own limits are shorter."""


class Lines(Protocol):
    """What this site's channels are and can do now."""

    def sms(self, channel: ChannelId) -> SmsService | None: ...
    def registered(self, channel: ChannelId) -> bool: ...
    def number(self, channel: ChannelId) -> E164 | None: ...


@dataclass(frozen=True, slots=True)
class Duty:
    """What all lines share. ``interval_s``: the least time between two submits of a line that takes one at a time."""

    spool: Spool
    lines: Lines
    gate: Gate
    witness: Witness
    on_sent: Callable[[ChannelId], None]
    clock: Callable[[], float]
    interval_s: float


class SmsLine:
    """``in_doubt`` is handed a message that may have gone out, and gives it back when it did not; ``resume`` looks
    after those an earlier life began, ``sweep`` after what it left in a modem that has just come."""

    def __init__(
        self,
        channel: ChannelId,
        duty: Duty,
        *,
        in_doubt: Callable[[SendMessage, MessageFailed], Awaitable[QueuedSms | None]],
        resume: Callable[[ChannelId], Awaitable[None]],
        sweep: Callable[[ChannelId, HoldingSms], Awaitable[None]],
    ) -> None:
        self.channel = channel
        self.task: asyncio.Task[None] | None = None
        self._duty = duty
        self._in_doubt = in_doubt
        self._resume = resume
        self._sweep = sweep
        self._swept: SmsService | None = None
        self._proven: HoldingSms | None = None
        self._queue = LineQueue()
        self._changed = asyncio.Event()
        self._stopping = False
        self._next_at = 0.0
        self._interval_s = 0.0
        self._service: SmsService | None = None
        self._has_window = False
        self._is_paced = False
        self._flying: set[asyncio.Task[Waiting | None]] = set()
        self._broken: BaseException | None = None

    @property
    def waiting(self) -> int:
        """Messages that wait, those under way not counted."""
        return len(self._queue)

    def put(self, waiting: Waiting) -> None:
        """Queue a message that is not queued already."""
        self._queue.put(waiting)
        self._changed.set()

    def wake(self) -> None:
        self._changed.set()

    def stop(self) -> None:
        """Begin nothing more; ``serve`` ends with what is under way."""
        self._stopping = True
        self._changed.set()

    async def serve(self) -> None:
        """Until ``stop``. Raises what a submit could not put on record."""
        await self._resume(self.channel)
        self._broken = None
        try:
            while not self._stopping or self._flying:
                self._changed.clear()
                if self._broken is not None:
                    raise self._broken
                await self._pause(await self._turn())
        finally:
            await self._abandon()

    async def _abandon(self) -> None:
        """Nobody knows what becomes of those under way: ``resume`` finds them on disk."""
        for task in self._flying:
            task.cancel()
        if self._flying:
            await asyncio.wait(self._flying)

    async def _turn(self) -> float | None:
        """Begin as many as may begin now; how long until there can be more, as far as time decides."""
        if self._stopping:
            return None
        now = self._duty.clock()
        service = self._duty.lines.sms(self.channel)
        registered = service is not None and self._duty.lines.registered(self.channel)
        if registered and service is not self._swept:
            if isinstance(service, HoldingSms):
                await self._sweep(self.channel, service)
            self._swept = service
        room = self._room(service, now) if registered else 0
        begun: list[Waiting] = []
        while True:
            step = self._queue.next(now, ready=len(begun) < room)
            if isinstance(step, Sleep):
                break
            if isinstance(step, Expire):
                await self._finish(step.waiting, expired(step.waiting.sms))
            elif await self._admit(step.waiting, now):
                self._queue.take(step.waiting)
                begun.append(step.waiting)
        if begun and service is not None:
            await self._begin(begun, service)
            return 0.0
        return self._until(step.seconds, now)

    def _room(self, service: SmsService | None, now: float) -> int:
        windowed = self._windowed(service)
        if windowed is not None:
            self._interval_s = 0.0
            self._next_at = now + windowed.wait_s()
            most = windowed.window
        else:
            self._interval_s = self._duty.interval_s
            if self._is_paced:
                self._next_at = max(self._next_at, now + cast("PacedSms", service).wait_s())
            most = 1
        return most - len(self._flying) if now >= self._next_at else 0

    def _windowed(self, service: SmsService | None) -> WindowedSms | None:
        """The service, if it has a window; looked at once, for the look costs as much as a submit."""
        if service is not self._service:
            self._service, self._has_window = service, isinstance(service, WindowedSms)
            self._is_paced = isinstance(service, PacedSms)
        return cast("WindowedSms", service) if self._has_window else None

    def _until(self, seconds: float | None, now: float) -> float | None:
        pauses = [] if seconds is None else [seconds]
        if self._next_at > now and len(self._queue):
            pauses.append(self._next_at - now)
        return min(pauses, default=None)

    async def _pause(self, seconds: float | None) -> None:
        if seconds is not None and seconds <= 0:
            return
        with suppress(TimeoutError):
            # Not wait_for: before Python 3.12 it swallows a cancellation that comes together with the event.
            async with asyncio.timeout(min(_LONGEST_SLEEP_S, seconds or _LONGEST_SLEEP_S)):
                await self._changed.wait()

    async def _admit(self, waiting: Waiting, now: float) -> bool:
        command = waiting.sms.command
        verdict = admit(self._duty.gate.sms(command.channel, command.to, urgent=command.urgent), waiting, now)
        if isinstance(verdict, Refuse):
            await self._finish(waiting, refused(waiting.sms, verdict))
        elif isinstance(verdict, Wait):
            self._queue.replace(waiting, replace(waiting, due=verdict.due))
        return verdict is None

    async def _begin(self, begun: list[Waiting], service: SmsService) -> None:
        """Put on record that they may be out from now on, all in one commit, and hand them to the line."""
        windowed = self._windowed(service)
        holding = service if isinstance(service, HoldingSms) and service.holds else None
        asked = [
            Begun(
                waiting.sms.command.message,
                windowed.segments(outbound(waiting.sms.command, None)) if windowed else 0,
                held=holding is not None,
            )
            for waiting in begun
        ]
        try:
            fresh = await self._duty.spool.begin_submits(asked)
        except TelecoreError:
            for waiting in begun:
                self._queue.put_back(waiting)
            raise
        for waiting, is_fresh in zip(begun, fresh, strict=True):
            if is_fresh:
                self._fly(waiting, service, holding)
            else:
                self._queue.done(waiting.sms.command.message)

    def _fly(self, waiting: Waiting, service: SmsService, holding: HoldingSms | None) -> None:
        task = asyncio.get_running_loop().create_task(self._submit(waiting, service, holding))
        self._flying.add(task)
        task.add_done_callback(lambda done: self._landed(waiting, done))

    def _landed(self, waiting: Waiting, task: asyncio.Task[Waiting | None]) -> None:
        self._flying.discard(task)
        error = None if task.cancelled() else task.exception()
        again = None if task.cancelled() or error is not None else task.result()
        if again is not None:
            self._queue.put_back(again)
        else:
            self._queue.done(waiting.sms.command.message)
        self._broken = self._broken or error
        self._next_at = max(self._next_at, self._duty.clock() + self._interval_s)
        self._changed.set()

    async def _submit(self, waiting: Waiting, service: SmsService, holding: HoldingSms | None) -> Waiting | None:
        """The message as it is to be tried again, or None when it is done with."""
        command = waiting.sms.command
        progress = Progress(self._duty.spool, command, waiting.sms.segment, self._sent)
        left = remaining_s(waiting, self._duty.clock())
        try:
            async with asyncio.timeout(_SUBMIT_TIMEOUT_S):
                if holding is not None:
                    await holding.submit_held(outbound(command, left), progress.segment, progress.copied, progress.note)
                    await self._prove(holding)
                else:
                    await service.submit(outbound(command, left), progress.segment, progress.note)
        except TimeoutError:
            verdict: Again | GiveUp = GiveUp(UNCERTAIN, "the modem took too long, so it may have been sent", True)
        except TelecoreError as error:
            if isinstance(error, DeviceRefused):
                self._duty.witness.sms_refused(command.channel, command.to, error.kind, error.code)
            verdict = progress.judge(error, waiting, self._duty.clock())
            self._swept = None  # a copy may have been left behind
        else:
            log.info("message %s submitted on %s", command.message, command.channel)
            return None
        return await self._settle(command, verdict, waiting)

    async def _prove(self, holding: HoldingSms) -> None:
        if holding.marks and holding is not self._proven:
            await self._duty.spool.prove(holding.device)
            self._proven = holding

    def _sent(self, command: SendMessage) -> None:
        self._duty.on_sent(command.channel)
        self._duty.witness.sms_sent(command.channel, command.to)

    async def _settle(self, command: SendMessage, verdict: Again | GiveUp, waiting: Waiting) -> Waiting | None:
        if isinstance(verdict, Again):
            await self._duty.spool.put_back(command.message, refused=verdict.refused)
            return verdict.waiting
        outcome = "is in doubt" if verdict.uncertain else "failed"
        log.warning("message %s %s on %s: %s", command.message, outcome, command.channel, verdict.reason)
        failed = MessageFailed(
            command=command.id,
            message=command.message,
            code=verdict.code,
            reason=verdict.reason,
            uncertain=verdict.uncertain,
        )
        if not verdict.uncertain:
            await self._duty.spool.finish_sms(command.message, failed)
            return None
        again = await self._in_doubt(command, failed)
        return None if again is None else replace(waiting, sms=again)

    async def _finish(self, waiting: Waiting, event: Event) -> None:
        await self._duty.spool.finish_sms(waiting.sms.command.message, event)
        self._queue.remove(waiting)
