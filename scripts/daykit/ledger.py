"""The account of the day: what was asked, what the agent said of it, and what the network knows to be true."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from telecore.events import (
    CallEnded,
    CallOffered,
    ChannelChanged,
    ChannelHealed,
    CommandRejected,
    Event,
    MessageDelivered,
    MessageFailed,
    MessageReceived,
    MessageSubmitted,
    SimHealthChanged,
    UssdReplied,
)
from telecore.ids import CallSid, ChannelId, CommandId, MessageSid


@dataclass(slots=True)
class Outbound:
    """An SMS on its way out. ``ends`` are the events that told of it."""

    sid: MessageSid
    channel: ChannelId
    to: str
    body: str
    asked_at: float
    submitted_at: float | None = None
    ends: list[str] = field(default_factory=list)
    reason: str = ""
    ended_at: float = 0.0


@dataclass(slots=True)
class Inbound:
    """An SMS of a handset to a SIM."""

    channel: ChannelId
    sender: str
    body: str
    sent_at: float
    told: int = 0


@dataclass(slots=True)
class Call:
    """``by``: who ended it, as the agent says."""

    sid: CallSid
    channel: ChannelId
    asked_at: float
    inbound: bool
    to: str = ""
    ended: list[int] = field(default_factory=list)
    by: str = ""

    @property
    def device(self) -> str:
        return self.channel.rpartition("/")[2]


class Ledger:
    """Hears every event."""

    def __init__(self) -> None:
        self.outbound: dict[MessageSid, Outbound] = {}
        self.inbound: dict[tuple[ChannelId, str, str], Inbound] = {}
        self.calls: dict[CallSid, Call] = {}
        self.requests: dict[CommandId, list[str]] = {}
        self.kinds: Counter[str] = Counter()
        self.states: list[tuple[float, ChannelId, str]] = []
        self.health: list[SimHealthChanged] = []
        self.healing: list[ChannelHealed] = []
        self.unexplained: list[str] = []
        self.strange: list[str] = []

    def hear(self, event: Event) -> None:
        """Write it down."""
        self.kinds[event.kind] += 1
        at = event.at.timestamp()
        match event:
            case MessageSubmitted():
                self.outbound[event.message].submitted_at = at
            case ChannelChanged(status=status):
                self.states.append((at, status.channel, status.state.value))
            case MessageDelivered():
                self._end(event.message, "delivered", "", at)
            case MessageFailed():
                how = "uncertain" if event.uncertain else "undelivered" if event.after_submit else "failed"
                self._end(event.message, how, event.reason, at)
            case MessageReceived():
                self._received(event)
            case CallOffered():
                self.calls[event.call] = Call(event.call, event.channel, at, inbound=True)
            case CallEnded():
                self._call_ended(event)
            case UssdReplied() | CommandRejected():
                self._answered(event, at)
            case SimHealthChanged():
                self.health.append(event)
                if not event.evidence:
                    self.unexplained.append(f"{event.channel}: {event.was} → {event.health.state} without evidence")
            case ChannelHealed():
                self.healing.append(event)
                if not event.evidence:
                    self.unexplained.append(f"{event.channel}: {event.step} {event.outcome} without evidence")

    def _end(self, message: MessageSid, how: str, reason: str, at: float) -> None:
        sms = self.outbound[message]
        sms.ends.append(how)
        sms.reason, sms.ended_at = reason, at

    def _received(self, event: MessageReceived) -> None:
        known = self.inbound.get((event.channel, event.sender, event.body))
        if known is None:
            self.strange.append(f"{event.channel}: an SMS that nobody sent: {event.sender} {event.body[:40]!r}")
        else:
            known.told += 1

    def _call_ended(self, event: CallEnded) -> None:
        call = self.calls.get(event.call)
        if call is None:
            self.strange.append(f"a call that nobody made ended: {event.call}")
        else:
            call.ended.append(event.cause)
            call.by = event.by

    def _answered(self, event: UssdReplied | CommandRejected, at: float) -> None:
        if isinstance(event, CommandRejected) and event.subject in self.outbound:
            self._end(MessageSid(event.subject), "rejected", event.reason, at)
        elif isinstance(event, CommandRejected) and event.subject in self.calls:
            self.calls[CallSid(event.subject)].ended.append(0)
        elif event.command is not None and event.command in self.requests:
            text = event.reason if isinstance(event, CommandRejected) else event.state
            self.requests[event.command].append(text)
