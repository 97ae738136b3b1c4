"""Everything that can have happened. Facts in the past tense; they travel up, through the spool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from telecore.ids import (
    E164,
    Address,
    CallSid,
    ChannelId,
    CommandId,
    EventId,
    Iccid,
    MessageSid,
    RecordingSid,
    StayId,
    new_id,
)
from telecore.model import ChannelStatus, DeviceIdentity, MediaStats, Recording
from telecore.schema import Tagged
from telecore.sim_health import Balance, Health, HealthState

_CLOCK: list[Callable[[], datetime]] = [lambda: datetime.now(UTC)]


def keep_time(clock: Callable[[], datetime]) -> None:
    """From now on events are stamped by this clock, for the whole process."""
    _CLOCK[0] = clock


def _now() -> datetime:
    return _CLOCK[0]()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Tagged, family=True):
    """A fact. ``command`` names the command it answers, if any. Which edge speaks, the tunnel knows."""

    id: EventId = field(default_factory=lambda: EventId(new_id()))
    at: datetime = field(default_factory=_now)
    command: CommandId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeStarted(Event):
    """The agent's process began; calls of an earlier ``instance`` that have no end are over."""

    kind: ClassVar[str] = "edge.started"
    instance: str
    version: str
    platform: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryReported(Event):
    kind: ClassVar[str] = "edge.inventory"
    channel: ChannelId
    device: DeviceIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelChanged(Event):
    kind: ClassVar[str] = "channel.changed"
    status: ChannelStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(Event):
    """``message`` was made by the edge when the first part came, so a repetition is recognised."""

    kind: ClassVar[str] = "message.received"
    message: MessageSid
    channel: ChannelId
    sender: Address
    recipient: E164 | None
    body: str
    parts: int
    sent_at: datetime | None
    complete: bool = True
    flash: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DataReceived(Event):
    """A message for a port of an application, or of eight-bit data (23.040 §9.2.3.24.4).

    ``data`` is in hex; of a text, its UTF-8. Not ``complete``: some parts never came.
    """

    kind: ClassVar[str] = "data.received"
    channel: ChannelId
    sender: Address
    port: int | None
    data: str
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSubmitted(Event):
    """The network took every segment. ``refs``: their TP-MR (23.040 §9.2.3.6), or the ids an SMSC gave."""

    kind: ClassVar[str] = "message.submitted"
    message: MessageSid
    channel: ChannelId
    segments: int
    refs: tuple[int | str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDelivered(Event):
    kind: ClassVar[str] = "message.delivered"
    message: MessageSid
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFailed(Event):
    """``code`` is Twilio's error code. ``after_submit``: the network had taken it (undelivered, not failed).

    ``uncertain``: it may have been sent; nobody repeats it by himself.
    """

    kind: ClassVar[str] = "message.failed"
    message: MessageSid
    code: int
    reason: str
    after_submit: bool = False
    uncertain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UssdReplied(Event):
    """``state``: ``done``, ``reply_wanted``, ``released``, ``not_supported`` or ``timeout`` (27.007 §7.15)."""

    kind: ClassVar[str] = "ussd.replied"
    channel: ChannelId
    state: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SimHealthChanged(Event):
    """A SIM is trusted otherwise than before. ``evidence``: the lines, codes and counts that led to it.

    ``was``: what was told last; None: nothing was told of this SIM yet.
    """

    kind: ClassVar[str] = "sim.health"
    channel: ChannelId
    iccid: Iccid
    was: HealthState | None
    health: Health
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceRead(Event):
    """An operator was asked for an account. ``said``: its own words, secrets taken out."""

    kind: ClassVar[str] = "sim.balance"
    channel: ChannelId
    iccid: Iccid
    balance: Balance
    recipe: str
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToppedUp(Event):
    """``outcome``: ``done``, ``refused``, or ``unknown``, which nobody repeats by himself."""

    kind: ClassVar[str] = "sim.topped_up"
    channel: ChannelId
    iccid: Iccid
    outcome: str
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHealed(Event):
    """One step to bring a modem back. ``outcome``: ``worked``, ``failed`` or ``not_possible``."""

    kind: ClassVar[str] = "channel.healed"
    channel: ChannelId
    step: str
    outcome: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestDone(Event):
    """An SMS and a call between two SIMs of a site. None: not tried, or it did not arrive.

    ``sms_s``: from submit to arrival; ``ring_s``: from dialling to ringing at the other SIM; ``heard_to`` and
    ``heard_back``: the level of the test tone at the callee and at the caller, in dBm0.
    """

    kind: ClassVar[str] = "selftest.done"
    sender: ChannelId
    receiver: ChannelId
    passed: bool
    text: str
    sms_s: float | None = None
    ring_s: float | None = None
    answer_s: float | None = None
    heard_to: float | None = None
    heard_back: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMissed(Event):
    """Somebody called while the line was in another call, and was turned away."""

    kind: ClassVar[str] = "call.missed"
    channel: ChannelId
    caller: Address | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent(Event):
    """Something about one leg. ``call`` is made by whoever begins the leg: the edge for an inbound one."""

    call: CallSid


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOffered(CallEvent):
    """A call comes in. ``caller`` is None when the network withholds it."""

    kind: ClassVar[str] = "call.offered"
    channel: ChannelId
    caller: Address | None
    called: E164 | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallInitiated(CallEvent):
    """The edge has begun to dial."""

    kind: ClassVar[str] = "call.initiated"
    channel: ChannelId


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRinging(CallEvent):
    """The called party is alerted."""

    kind: ClassVar[str] = "call.ringing"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswered(CallEvent):
    kind: ClassVar[str] = "call.answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswererDetected(CallEvent):
    """A person, a machine or a fax: ``answered_by`` is Twilio's word, told ``ms`` after the answer, once."""

    kind: ClassVar[str] = "call.answerer"
    answered_by: str
    ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageWanted(CallEvent):
    """A page of this call has a message to send. Empty ``to``: the other party; empty ``sender``: our number in it."""

    kind: ClassVar[str] = "message.wanted"
    message: MessageSid
    body: str
    to: str = ""
    sender: str = ""
    status_callback: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(CallEvent):
    """``cause`` is Q.850's. ``by``: ``caller``, ``callee``, ``us``, ``network``, ``timeout`` or ``restart``.

    ``duration_s`` counts from the answer; None when it was never answered. ``media``: how its sound went over RTP.
    """

    kind: ClassVar[str] = "call.ended"
    cause: int
    by: str
    duration_s: int | None = None
    media: MediaStats | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundChecked(CallEvent):
    """How the first seconds of a call sounded: ``good``, ``not_heard``, ``not_sent``, ``silent`` or ``echo``.

    Levels in dBm0; ``echo_db``: how much quieter our own sound comes back; ``echo_ms``: how much later.
    """

    kind: ClassVar[str] = "call.sound"
    channel: ChannelId
    verdict: str
    heard: float | None = None
    sent: float | None = None
    echo_db: float | None = None
    echo_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StayEnded(CallEvent):
    """A call left its conference or queue; ``because`` as in StayOutcome."""

    kind: ClassVar[str] = "call.stay_ended"
    stay: StayId
    because: str
    waited_s: int = 0
    live_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingEvent(CallEvent):
    """``source`` is Twilio's word; ``status_callback`` empty: the cloud knows whom to tell, or nobody is to be told.

    ``conference``: whose sound it is, when it is not one call's.
    ``track``: ``inbound`` (what the party says), ``outbound`` (what it hears) or ``both``.
    """

    source: str = "RecordVerb"
    status_callback: str = ""
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)
    conference: str = ""
    track: str = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingBegan(RecordingEvent):
    kind: ClassVar[str] = "recording.began"
    sid: RecordingSid
    channels: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingChanged(CallEvent):
    """It was paused, goes on, or was stopped: ``status`` is Twilio's word."""

    kind: ClassVar[str] = "recording.changed"
    sid: RecordingSid
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingDropped(RecordingEvent):
    """Nothing was to be heard in it, or it was lost."""

    kind: ClassVar[str] = "recording.dropped"
    sid: RecordingSid
    channels: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingMade(RecordingEvent):
    """A recording lies at the edge; the cloud asks for its bytes by hash."""

    kind: ClassVar[str] = "recording.made"
    recording: Recording
    transcribe: bool = False
    transcribe_callback: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningRaised(Event):
    kind: ClassVar[str] = "warning.raised"
    code: str
    severity: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningCleared(Event):
    kind: ClassVar[str] = "warning.cleared"
    code: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRejected(Event):
    """A wish that was not carried out, and nothing of it was begun. ``code`` is Twilio's."""

    kind: ClassVar[str] = "command.rejected"
    subject: str = ""
    code: int
    reason: str
