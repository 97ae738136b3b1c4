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
from datetime import UTC, datetime

from edge_agent.contracts import Gate, SmsPart, StatusReport, Witness
from edge_agent.logs import about
from edge_agent.sms_line import Duty, Lines, SmsLine
from edge_agent.spool import QueuedSms, Spool
from edge_agent.submit_rules import Waiting
from edge_agent.submitting import interrupted
from edge_agent.supervise import Fall, supervise
from edge_agent.unguarded import Unguarded
from telecore.commands import SendMessage
from telecore.errors import TelecoreError
from telecore.events import MessageFailed, MessageReceived
from telecore.ids import ChannelId

log = logging.getLogger(__name__)

DOUBT_S = 20.0
"""How long the report of a message may take that may have gone out before it counts as failed."""
_TICK_S = 60.0


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
        self._channels = lines
        self._doubt_s = doubt_s
        self._witness: Witness = witness or Unguarded()
        self._duty = Duty(spool, lines, gate or Unguarded(), self._witness, on_sent, clock, interval_s)
        self._on_fall = on_fall
        self._wall = wall
        self._lines: dict[ChannelId, SmsLine] = {}
        self._group: asyncio.TaskGroup | None = None
        self._stopping = False

    async def part(self, part: SmsPart) -> None:
        """A PDU came. When this returns it is safe here, and may be deleted from the SIM."""
        event = await self._spool.store_part(part, part.recipient or self._channels.number(part.channel))
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
        if channel in self._lines:
            self._lines[channel].wake()

    def waiting(self, channel: ChannelId) -> int:
        """How many messages wait for this channel."""
        return self._lines[channel].waiting if channel in self._lines else 0

    async def run(self) -> None:
        """Serve every line until ``stop``."""
        self._lines.clear()
        for sms in await self._spool.queued_sms():
            self._put(sms)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await self._resume(None)
                for line in self._lines.values():
                    self._start(line)
                await self._tick()
        finally:
            self._group = None

    async def stop(self) -> None:
        """Begin no more submits, and wait for those under way."""
        self._stopping = True
        for line in self._lines.values():
            line.stop()
        tasks = [line.task for line in self._lines.values() if line.task is not None]
        if tasks:
            await asyncio.wait(tasks)

    def _put(self, sms: QueuedSms) -> None:
        channel = sms.command.channel
        if channel not in self._lines:
            self._lines[channel] = SmsLine(channel, self._duty, in_doubt=self._doubt, resume=self._resume)
        self._lines[channel].put(Waiting(sms, deadline=self._deadline(sms.command)))
        self._start(self._lines[channel])

    def _deadline(self, command: SendMessage) -> float | None:
        """On the monotonic clock, so that a step of the wall clock expires nothing."""
        if command.not_after is None:
            return None
        return self._duty.clock() + (command.not_after - self._wall()).total_seconds()

    def _start(self, line: SmsLine) -> None:
        if self._group is not None and line.task is None and not self._stopping:
            name = f"sms {line.channel}"
            with about(channel=line.channel):
                line.task = self._group.create_task(supervise(name, line.serve, on_fall=self._on_fall), name=name)

    async def _tick(self) -> None:
        then = self._duty.clock()
        while True:
            await asyncio.sleep(_TICK_S)
            now = self._duty.clock()
            for event in await self._spool.expire_parts(now - then):
                log.warning("%s is told without its missing parts", event.kind)
            then = now

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
