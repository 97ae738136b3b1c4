"""One submit: what the modem is given, how far it came, and the event that ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from edge_agent.contracts import HeldCopy, OutboundSms, SubmitRef
from edge_agent.spool import QueuedSms, Spool
from edge_agent.submit_rules import EXPIRED, UNCERTAIN, Again, GiveUp, Refuse, Waiting, judge
from telecore.commands import SendMessage
from telecore.errors import DeviceLost, OutcomeUnknown, TelecoreError
from telecore.events import CommandRejected, Event, MessageFailed


class Progress:
    """How far one submit has come. ``segment`` is the next one."""

    def __init__(
        self, spool: Spool, command: SendMessage, segment: int, on_sent: Callable[[SendMessage], None]
    ) -> None:
        self._spool = spool
        self._on_sent = on_sent
        self._command = command
        self._first = segment
        self._unwritten = False
        self._has_copy = False
        self.segment = segment

    async def copied(self, copy: HeldCopy) -> None:
        """The next segment lies in the modem; when this returns, that is on disk, and it may be sent."""
        await self._spool.copy_written(self._command.message, copy)
        self._has_copy = True

    async def note(self, ref: SubmitRef) -> None:
        """The network took a segment; when this returns, that is on disk."""
        self._unwritten = True
        for _ in range(ref.sms):
            self._on_sent(self._command)
        await self._spool.segment_sent(self._command.message, ref)
        self._unwritten = self._has_copy = False
        self.segment = ref.segment + 1

    def judge(self, error: TelecoreError, waiting: Waiting, now: float) -> Again | GiveUp:
        """A segment that went out and could not be noted must not go out again."""
        if self._unwritten:
            return GiveUp(UNCERTAIN, f"it was sent, and that could not be written down: {error}", uncertain=True)
        if self._has_copy and isinstance(error, DeviceLost):
            error = OutcomeUnknown(f"{error} while it was being sent")
        if self.segment > self._first:
            waiting = replace(waiting, sms=replace(waiting.sms, segment=self.segment, attempts=0))
        return judge(error, waiting, now)


def outbound(command: SendMessage, left_s: int | None) -> OutboundSms:
    return OutboundSms(command.to, command.body, command.report, left_s, command.flash, command.port, command.sender)


def refused(sms: QueuedSms, verdict: Refuse) -> Event:
    command = sms.command
    if sms.segment == 0:
        return CommandRejected(command=command.id, subject=command.message, code=verdict.code, reason=verdict.reason)
    reason = f"{verdict.reason} ({sms.segment} segments went)"
    return MessageFailed(command=command.id, message=command.message, code=verdict.code, reason=reason)


def expired(sms: QueuedSms) -> Event:
    command, reason = sms.command, "the message's time ran out before a SIM could send it"
    if sms.segment == 0:
        return CommandRejected(command=command.id, subject=command.message, code=EXPIRED, reason=reason)
    return MessageFailed(
        command=command.id,
        message=command.message,
        code=EXPIRED,
        reason=f"{reason} whole ({sms.segment} segments went)",
    )


def interrupted(command: SendMessage) -> MessageFailed:
    return MessageFailed(
        command=command.id,
        message=command.message,
        code=UNCERTAIN,
        reason="interrupted while it was being sent, so it may have been sent",
        uncertain=True,
    )
