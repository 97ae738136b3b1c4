"""SMS: received parts become messages, messages become submits, status reports find their submit.

The states of a submit, all of them on disk (``spool/submits.py``):

queued → submitting → submitted → delivered | undelivered;  queued → failed;  submitting → queued | failed | doubtful;
doubtful → submitted | uncertain | queued (one that may be repeated)
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime

from edge_agent.contracts import UNNAMED, Gate, HeldCopy, SmsPart, StatusReport, SubmitRef, Witness
from edge_agent.copies import Copies
from edge_agent.copy_rules import Fate
from edge_agent.logs import about
from edge_agent.sms_line import Duty, Lines, SmsLine
from edge_agent.spool import QueuedSms, Spool
from edge_agent.submit_rules import Waiting
from edge_agent.submitting import interrupted
from edge_agent.supervise import Fall, supervise
from edge_agent.unguarded import Unguarded
from telecore.commands import SendMessage
from telecore.errors import StorageFailed, TelecoreError
from telecore.events import MessageFailed, MessageReceived
from telecore.ids import ChannelId, MessageSid

log = logging.getLogger(__name__)

DOUBT_S = 20.0
"""How long the report of a message may take that may have gone out before it counts as failed, its line being there."""
MOST_REPEATS = 3
"""So often a message that may be repeated is, each time nobody knows whether it went."""
AWAY_S = 120.0
"""So long a line may be away before its reports are not waited for: a site boots and registers meanwhile."""
_TICK_S = 60.0
_LOOK_S = 0.5


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
        self._copies = Copies(spool, lines.sms)
        self._settling: set[MessageSid] = set()
        self._lines: dict[ChannelId, SmsLine] = {}
        self._group: asyncio.TaskGroup | None = None
        self._stopping = False
        self._ending = asyncio.Event()

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
        self._ending.clear()
        self._lines.clear()
        for sms in await self._spool.queued_sms():
            self._put(sms)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                try:
                    await self._serve()
                finally:
                    self._ending.set()
        finally:
            self._group = None

    async def _serve(self) -> None:
        for command in await self._spool.interrupted_sms(None):
            self._line(command.channel)  # each line looks after its own before it begins
        for line in self._lines.values():
            self._start(line)
        await self._tick()

    async def stop(self) -> None:
        """Begin no more submits, and wait for those under way."""
        self._stopping = True
        for line in self._lines.values():
            line.stop()
        tasks = [line.task for line in self._lines.values() if line.task is not None]
        if tasks:
            await asyncio.wait(tasks)

    def _put(self, sms: QueuedSms) -> None:
        line = self._line(sms.command.channel)
        line.put(Waiting(sms, deadline=self._deadline(sms.command)))
        self._start(line)

    def _line(self, channel: ChannelId) -> SmsLine:
        if channel not in self._lines:
            self._lines[channel] = SmsLine(
                channel, self._duty, in_doubt=self._doubt, resume=self._resume, sweep=self._copies.sweep
            )
        return self._lines[channel]

    def _deadline(self, command: SendMessage) -> float | None:
        """On the monotonic clock, so that a step of the wall clock expires nothing."""
        if command.not_after is None:
            return None
        return self._duty.clock() + (command.not_after - self._wall()).total_seconds()

    def _start(self, line: SmsLine) -> None:
        if self._group is not None and line.task is None and not self._stopping:
            name = f"sms {line.channel}"
            with about(channel=line.channel):
                serving = supervise(name, line.serve, stopping=self._ending, on_fall=self._on_fall)
                line.task = self._group.create_task(serving, name=name)

    async def _tick(self) -> None:
        then = self._duty.clock()
        while True:
            await asyncio.sleep(_TICK_S)
            now = self._duty.clock()
            try:
                expired = await self._spool.expire_parts(now - then)
            except StorageFailed as error:  # the time that has passed counts the next time
                log.error("messages wait for their missing parts longer: %s", error)  # noqa: TRY400
                continue
            for event in expired:
                log.warning("%s is told without its missing parts", event.kind)
            then = now

    async def _resume(self, channel: ChannelId) -> None:
        """Before the line begins anything: what is found begun was begun by an earlier life."""
        for command in await self._spool.interrupted_sms(channel):
            self._put_again(await self._doubt(command, interrupted(command)))

    async def _doubt(self, command: SendMessage, failed: MessageFailed) -> QueuedSms | None:
        """It may have gone out: ask the modem if it has a copy, else end it if no report says so within a while.

        It is given back when nothing of it had gone.
        """
        if command.message in self._settling:
            return None
        found = await self._spool.reconsider(command.message)
        if isinstance(found, QueuedSms) or found is None:
            return found
        if self._group is None:
            await self._spool.finish_sms(command.message, failed)
        elif isinstance(found, HeldCopy):
            self._settle(command, self._ask_modem(command, found, failed))
        elif await self._spool.doubt_sms(command.message):
            self._settle(command, self._end_later(command, failed))
        else:
            return await self._end(command, failed)
        return None

    def _settle(self, command: SendMessage, work: Coroutine[None, None, None]) -> None:
        """Beside the line, which goes on meanwhile. A spool that cannot be written now is asked at the next start."""

        async def settle() -> None:
            try:
                await work
            except TelecoreError as error:
                log.warning("message %s stays in doubt for now: %s", command.message, error)
            finally:
                self._settling.discard(command.message)

        assert self._group is not None
        self._settling.add(command.message)
        self._group.create_task(settle(), name=f"doubt {command.message}")

    async def _ask_modem(self, command: SendMessage, copy: HeldCopy, failed: MessageFailed) -> None:
        fate = await self._copies.fate(command, copy)
        log.info("message %s was interrupted on %s: its modem says %s", command.message, command.channel, fate.value)
        if fate is Fate.UNKNOWN:
            if await self._spool.doubt_sms(command.message):
                await self._hear_reports(command.channel)
            again = await self._end(command, failed)
        else:
            if fate is Fate.SENT:
                self._duty.on_sent(command.channel)
                self._witness.sms_sent(command.channel, command.to)
                await self._spool.segment_sent(command.message, SubmitRef(UNNAMED, copy.segment, copy.segments))
            again = await self._spool.requeue_sms(command.message)
        self._put_again(again)
        await self._copies.forget(command.channel, copy)

    async def _hear_reports(self, channel: ChannelId) -> None:
        """They come when the line is there: after a power cut it may be away for longer than they take."""
        away = 0.0
        while not self._channels.registered(channel) and away < AWAY_S:
            await asyncio.sleep(_LOOK_S)
            away += _LOOK_S
        await asyncio.sleep(self._doubt_s)

    async def _end_later(self, command: SendMessage, failed: MessageFailed) -> None:
        await self._hear_reports(command.channel)
        self._put_again(await self._end(command, failed))

    async def _end(self, command: SendMessage, failed: MessageFailed) -> QueuedSms | None:
        """Nobody knows: it is told, unless it may be repeated; then it is given back."""
        again = await self._spool.repeat_sms(command.message, MOST_REPEATS) if command.repeat else None
        if again is None:
            await self._spool.finish_sms(command.message, failed)
        else:
            log.warning("message %s may have been sent and is sent again, as it asks for", command.message)
        return again

    def _put_again(self, sms: QueuedSms | None) -> None:
        if sms is not None:
            self._put(sms)
