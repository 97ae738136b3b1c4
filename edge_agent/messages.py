"""SMS: received parts become messages, messages become submits, status reports find their submit.

The states of a submit, all of them on disk (``spool/submits.py``):

queued → submitting → submitted → delivered | undelivered;  queued → failed;  submitting → queued | failed | doubtful;
doubtful → submitted | uncertain
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from edge_agent.contracts import Gate, SmsPart, SmsService, StatusReport, Witness
from edge_agent.logs import about
from edge_agent.spool import QueuedSms, Spool
from edge_agent.submit_rules import (
    UNCERTAIN,
    Again,
    Expire,
    GiveUp,
    Refuse,
    Sleep,
    Submit,
    Wait,
    Waiting,
    admit,
    next_step,
    remaining_s,
)
from edge_agent.submitting import Progress, expired, interrupted, outbound, refused
from edge_agent.supervise import Fall, supervise
from edge_agent.unguarded import Unguarded
from telecore.commands import SendMessage
from telecore.errors import DeviceRefused, TelecoreError
from telecore.events import Event, MessageFailed, MessageReceived
from telecore.ids import E164, ChannelId, MessageSid

log = logging.getLogger(__name__)

DOUBT_S = 20.0
"""How long the report of a message may take that may have gone out before it counts as failed."""
_TICK_S = 60.0
_LONGEST_SLEEP_S = 300.0
_SUBMIT_TIMEOUT_S = 600.0
"""Ten segments, each of which a slow network takes a minute over. The driver's own limits are shorter."""


class Lines(Protocol):
    """What this site's channels are and can do now."""

    def sms(self, channel: ChannelId) -> SmsService | None: ...
    def registered(self, channel: ChannelId) -> bool: ...
    def number(self, channel: ChannelId) -> E164 | None: ...


@dataclass(slots=True)
class _Line:
    """One channel's queue: one submit at a time."""

    queue: list[Waiting] = field(default_factory=list)
    sids: set[MessageSid] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    next_at: float = 0.0

    def put(self, waiting: Waiting, *, first: bool = False) -> None:
        """Queue a message that is not queued already."""
        if waiting.sms.command.message not in self.sids:
            self.sids.add(waiting.sms.command.message)
            self.queue.insert(0 if first else len(self.queue), waiting)

    def remove(self, waiting: Waiting) -> None:
        self.queue.remove(waiting)
        self.sids.discard(waiting.sms.command.message)


class Messages:
    """The one place where SMS are looked after. ``interval_s`` is the least time between two submits of one SIM.

    ``gate`` says whether a SIM may carry one now, ``witness`` is told how each went.
    """

    def __init__(
        self,
        spool: Spool,
        lines: Lines,
        *,
        interval_s: float = 0.0,
        doubt_s: float = DOUBT_S,
        gate: Gate | None = None,
        witness: Witness | None = None,
        on_sent: Callable[[ChannelId], None] = lambda channel: None,
        on_fall: Callable[[Fall], None] | None = None,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spool = spool
        self._lines = lines
        self._interval_s = interval_s
        self._doubt_s = doubt_s
        self._gate: Gate = gate or Unguarded()
        self._witness: Witness = witness or Unguarded()
        self._on_sent = on_sent
        self._on_fall = on_fall
        self._wall = wall
        self._clock = clock
        self._queues: dict[ChannelId, _Line] = {}
        self._group: asyncio.TaskGroup | None = None
        self._stopping = False

    async def part(self, part: SmsPart) -> None:
        """A PDU came. When this returns it is safe here, and may be deleted from the SIM."""
        event = await self._spool.store_part(part, part.recipient or self._lines.number(part.channel))
        if isinstance(event, MessageReceived):
            log.info("message %s received on %s", event.message, part.channel)
            self._witness.sms_received(part.channel, event.sender, event.body)
        elif event is not None:
            log.info("data for port %s received on %s", event.port, part.channel)

    async def report(self, report: StatusReport) -> None:
        """A status report came. When this returns it is safe here."""
        await self._spool.store_report(report)
        self._witness.sms_reported(report.channel, report.recipient, report.status)

    def enqueue(self, command: SendMessage) -> None:
        """Send a message that the journal has taken on."""
        self._put(QueuedSms(command))

    def wake(self, channel: ChannelId) -> None:
        """The channel's state has changed."""
        if channel in self._queues:
            self._queues[channel].changed.set()

    def waiting(self, channel: ChannelId) -> int:
        """How many messages wait for this channel."""
        return len(self._queues[channel].queue) if channel in self._queues else 0

    async def run(self) -> None:
        """Serve every line until ``stop``."""
        self._queues.clear()
        for sms in await self._spool.queued_sms():
            self._put(sms)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await self._resume(None)
                for channel, line in self._queues.items():
                    self._start(channel, line)
                await self._tick()
        finally:
            self._group = None

    async def stop(self) -> None:
        """Begin no more submits, and wait for those under way."""
        self._stopping = True
        for line in self._queues.values():
            line.changed.set()
        tasks = [line.task for line in self._queues.values() if line.task is not None]
        if tasks:
            await asyncio.wait(tasks)

    def _put(self, sms: QueuedSms) -> None:
        channel = sms.command.channel
        line = self._queues.setdefault(channel, _Line())
        line.put(Waiting(sms, deadline=self._deadline(sms.command)))
        line.changed.set()
        self._start(channel, line)

    def _deadline(self, command: SendMessage) -> float | None:
        """On the monotonic clock, so that a step of the wall clock expires nothing."""
        if command.not_after is None:
            return None
        return self._clock() + (command.not_after - self._wall()).total_seconds()

    def _start(self, channel: ChannelId, line: _Line) -> None:
        if self._group is not None and line.task is None and not self._stopping:
            with about(channel=channel):
                work = supervise(f"sms {channel}", lambda: self._serve(channel, line), on_fall=self._on_fall)
                line.task = self._group.create_task(work, name=f"sms {channel}")

    async def _tick(self) -> None:
        then = self._clock()
        while True:
            await asyncio.sleep(_TICK_S)
            now = self._clock()
            for event in await self._spool.expire_parts(now - then):
                log.warning("%s is told without its missing parts", event.kind)
            then = now

    async def _serve(self, channel: ChannelId, line: _Line) -> None:
        await self._resume(channel)
        while not self._stopping:
            line.changed.clear()
            now = self._clock()
            service = self._lines.sms(channel)
            ready = service is not None and self._lines.registered(channel) and now >= line.next_at
            step = next_step(line.queue, now, ready=ready)
            if isinstance(step, Expire):
                await self._finish(line, step.waiting, expired(step.waiting.sms))
            elif isinstance(step, Submit) and service is not None:
                await self._admit(line, step.waiting, service, now)
            elif isinstance(step, Sleep):
                await self._pause(line, step.seconds, now)

    async def _admit(self, line: _Line, waiting: Waiting, service: SmsService, now: float) -> None:
        command = waiting.sms.command
        verdict = admit(self._gate.sms(command.channel, command.to, urgent=command.urgent), waiting, now)
        if isinstance(verdict, Refuse):
            await self._finish(line, waiting, refused(waiting.sms, verdict))
        elif isinstance(verdict, Wait):
            line.queue[line.queue.index(waiting)] = replace(waiting, due=verdict.due)
        else:
            await self._submit(line, waiting, service)
            line.next_at = self._clock() + self._interval_s

    async def _pause(self, line: _Line, seconds: float | None, now: float) -> None:
        pauses = [_LONGEST_SLEEP_S, *([seconds] if seconds is not None else [])]
        if line.next_at > now:
            pauses.append(line.next_at - now)
        with suppress(TimeoutError):
            await asyncio.wait_for(line.changed.wait(), min(pauses))

    async def _submit(self, line: _Line, waiting: Waiting, service: SmsService) -> None:
        command = waiting.sms.command
        fresh = await self._spool.begin_submit(command.message)
        line.remove(waiting)
        if not fresh:
            return
        progress = Progress(self._spool, command, waiting.sms.segment, self._sent)
        left = remaining_s(waiting, self._clock())
        try:
            async with asyncio.timeout(_SUBMIT_TIMEOUT_S):
                await service.submit(outbound(command, left), progress.segment, progress.note)
        except TimeoutError:
            verdict: Again | GiveUp = GiveUp(UNCERTAIN, "the modem took too long, so it may have been sent", True)
        except TelecoreError as error:
            if isinstance(error, DeviceRefused):
                self._witness.sms_refused(command.channel, command.to, error.kind, error.code)
            verdict = progress.judge(error, waiting, self._clock())
        else:
            log.info("message %s submitted on %s", command.message, command.channel)
            return
        await self._settle(line, command, verdict)

    def _sent(self, command: SendMessage) -> None:
        self._on_sent(command.channel)
        self._witness.sms_sent(command.channel, command.to)

    async def _settle(self, line: _Line, command: SendMessage, verdict: Again | GiveUp) -> None:
        if isinstance(verdict, Again):
            await self._spool.put_back(command.message, refused=verdict.refused)
            line.put(verdict.waiting, first=True)
            return
        outcome = "is in doubt" if verdict.uncertain else "failed"
        log.warning("message %s %s on %s: %s", command.message, outcome, command.channel, verdict.reason)
        failed = MessageFailed(
            command=command.id,
            message=command.message,
            code=verdict.code,
            reason=verdict.reason,
            uncertain=verdict.uncertain,
        )
        if verdict.uncertain:
            await self._doubt(command, failed)
        else:
            await self._spool.finish_sms(command.message, failed)

    async def _resume(self, channel: ChannelId | None) -> None:
        for command in await self._spool.interrupted_sms(channel):
            await self._doubt(command, interrupted(command))

    async def _doubt(self, command: SendMessage, failed: MessageFailed) -> None:
        """It may have gone out: end it only if no report says so within a while."""
        if await self._spool.doubt_sms(command.message) and self._group is not None:
            self._group.create_task(self._end_later(command, failed), name=f"doubt {command.message}")
        else:
            await self._spool.finish_sms(command.message, failed)

    async def _end_later(self, command: SendMessage, failed: MessageFailed) -> None:
        await asyncio.sleep(self._doubt_s)
        with suppress(TelecoreError):  # a spool that cannot be written now is asked again at the next start
            await self._spool.finish_sms(command.message, failed)

    async def _finish(self, line: _Line, waiting: Waiting, event: Event) -> None:
        await self._spool.finish_sms(waiting.sms.command.message, event)
        line.remove(waiting)
