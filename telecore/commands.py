"""Everything that can be wished. Imperatives; they travel down.

Those that name a channel go through the outbox and the journal, once each. The others matter only while their call
lives and travel inside the notice ``Do``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from telecore.ids import (
    E164,
    Address,
    CallSid,
    ChannelId,
    CommandId,
    DialId,
    FeedId,
    MessageSid,
    RecordingSid,
    Sha256,
    StayId,
    new_id,
)
from telecore.model import MachineSpec, Track
from telecore.schema import Tagged
from telecore.sim_health import HealthState
from telecore.sip_target import SipTarget
from telecore.stays import Place
from telecore.twiml.page import Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Tagged, family=True):
    """A wish. After ``not_after`` the edge answers ``CommandRejected`` instead of obeying."""

    id: CommandId = field(default_factory=lambda: CommandId(new_id()))
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessage(Command):
    """Answered by MessageSubmitted, MessageFailed or CommandRejected, later MessageDelivered.

    ``urgent``: a warning, which goes before the others and above quotas. ``flash``: shown at once and not kept (class
    0). ``port``: for the application that listens there, not for a person. ``sender``: which of the channel's numbers,
    for one that has several. ``repeat``: when nobody knows whether it went it is sent again, and may come twice.
    """

    kind: ClassVar[str] = "message.send"
    message: MessageSid
    channel: ChannelId
    to: str
    body: str
    report: bool = True
    urgent: bool = False
    flash: bool = False
    port: int | None = None
    sender: E164 | None = None
    repeat: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestUssd(Command):
    """Answered by UssdReplied or CommandRejected. ``code`` may be a reply within a menu."""

    kind: ClassVar[str] = "ussd.request"
    channel: ChannelId
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelUssd(Command):
    """End the session, if there is one. Answered by UssdReplied (``released``)."""

    kind: ClassVar[str] = "ussd.cancel"
    channel: ChannelId


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartChannel(Command):
    """Reset the line's modem. Answered by ChannelHealed or CommandRejected."""

    kind: ClassVar[str] = "channel.restart"
    channel: ChannelId


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSimHealth(Command):
    """A person decides: hold the SIM in this state, or None: let the agent judge again, from now on.

    Answered by SimHealthChanged or CommandRejected.
    """

    kind: ClassVar[str] = "sim.set_health"
    channel: ChannelId
    state: HealthState | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBalance(Command):
    """Answered by BalanceRead or CommandRejected."""

    kind: ClassVar[str] = "sim.read_balance"
    channel: ChannelId


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp(Command):
    """Spend a voucher. ``voucher`` is a secret: never logged, never kept once spent. Answered by ToppedUp."""

    kind: ClassVar[str] = "sim.top_up"
    channel: ChannelId
    voucher: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSelfTest(Command):
    """Try an SMS and a call from ``channel`` to ``receiver``, both of this edge. Answered by SelfTestDone."""

    kind: ClassVar[str] = "channel.test"
    channel: ChannelId
    receiver: ChannelId
    sms: bool = True
    call: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Erase(Command):
    """These messages, calls and recordings were deleted in the cloud: delete them here too, now or when they come up
    late. Not answered.

    ``redacted``: messages whose words and numbers go; how they went is still told. ``sounds``: of the recordings among
    ``subjects``, where no other recording that the cloud knows has the same.
    """

    kind: ClassVar[str] = "erase"
    subjects: tuple[str, ...] = ()
    redacted: tuple[MessageSid, ...] = ()
    sounds: tuple[Sha256, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceCall(Command):
    """Dial out. Answered by CallInitiated, CallRinging, CallAnswered, CallEnded, or CommandRejected.

    ``send_digits`` are pressed after the answer, before any page. ``hide_caller``: ask the network not to show our
    number (CLIR). ``urgent``: a warning, which goes above quotas. ``sip``: call this URI instead of a number.
    ``dialled``: it is a leg of a <Dial> at another edge; once answered (with ``whisper``: after its page) it is told as
    FarLegReady and waits to be joined.
    ``machine``: tell who answered, by AnswererDetected; ``machine_first``: no page is expected before that.
    """

    kind: ClassVar[str] = "call.place"
    call: CallSid
    channel: ChannelId
    to: str
    caller: E164 | None = None
    timeout_s: float = 60.0
    time_limit_s: float = 14400.0
    send_digits: str = ""
    record: bool = False
    record_channels: int = 1
    record_trim: bool = False
    record_track: str = "both"
    urgent: bool = False
    hide_caller: bool = False
    sip: SipTarget | None = None
    dialled: bool = False
    whisper: bool = False
    machine: MachineSpec | None = None
    machine_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage(Command):
    """Run these verbs on this call, interrupting whatever page runs.

    ``page`` counts up within a call; a number not above the last one is a repetition and is ignored.
    """

    kind: ClassVar[str] = "call.run_page"
    call: CallSid
    page: int
    verbs: tuple[Verb, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp(Command):
    kind: ClassVar[str] = "call.hang_up"
    call: CallSid
    cause: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCall(Command):
    """Record a live call until it ends. Answered by RecordingBegan, later RecordingMade or RecordingDropped.

    ``track``: ``inbound`` (what the party says), ``outbound`` (what it hears) or ``both``.
    """

    kind: ClassVar[str] = "call.record"
    call: CallSid
    recording: RecordingSid
    channels: int = 1
    track: str = "both"
    trim: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRecording(Command):
    """``status``: ``paused``, ``in-progress`` or ``stopped``; ``silence``: the pause is heard. See RecordingChanged."""

    kind: ClassVar[str] = "call.recording"
    call: CallSid
    recording: RecordingSid
    status: str
    silence: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitCall(Command):
    """End the call this many seconds after its answer."""

    kind: ClassVar[str] = "call.limit"
    call: CallSid
    time_limit_s: float


@dataclass(frozen=True, slots=True)
class RoutedLeg:
    """A leg the cloud has made a row for. ``target`` is its place in the DialSpec's targets.

    ``sip``: the URI to call instead of the number ``to``. ``far``: another edge dials it, and its sound comes by the
    tunnel.
    """

    call: CallSid
    channel: ChannelId
    to: str
    target: int
    caller: E164 | None = None
    whisper: bool = False
    sip: SipTarget | None = None
    far: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDial(Command):
    """The answer to RouteWanted. A target without a leg has its reason in ``refusals``."""

    kind: ClassVar[str] = "call.route_dial"
    call: CallSid
    dial: DialId
    legs: tuple[RoutedLeg, ...]
    refusals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechHeard(Command):
    """The answer to SpeechOver: what a <Gather> was told, empty when nothing was understood."""

    kind: ClassVar[str] = "speech.heard"
    call: CallSid
    feed: FeedId
    text: str = ""
    confidence: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFeed(Command):
    """Carry this call's sound to the cloud. Answered by FeedOpened or FeedClosed; a repetition by FeedOpened again.

    ``speaks``: what the cloud sends down is heard by the party. ``keys``: keys the party presses are told as FeedKey.
    ``name``: by which a page may stop it, empty for none. ``answers``: only if the StreamWanted of it still stands.
    """

    kind: ClassVar[str] = "feed.open"
    call: CallSid
    feed: FeedId
    tracks: tuple[Track, ...] = ()
    speaks: bool = False
    keys: bool = False
    name: str = ""
    answers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseFeed(Command):
    """Enough of it. Not answered."""

    kind: ClassVar[str] = "feed.close"
    call: CallSid
    feed: FeedId


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushFeed(Command):
    """Forget what the cloud said and the party has not heard yet."""

    kind: ClassVar[str] = "feed.flush"
    call: CallSid
    feed: FeedId


class FarNews(StrEnum):
    """What can be told of a leg that somebody else dials. READY: its sound flows, and it may be joined. TAKEN: it was
    given a page of its own and is nobody's leg any more."""

    RINGING = "ringing"
    ANSWERED = "answered"
    READY = "ready"
    DIGIT = "digit"
    TAKEN = "taken"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class TellFarLeg(Command):
    """How a leg goes that this edge holds and another dials; said again after each FarLegHeld.

    ``cause`` (Q.850) comes with ENDED, ``digit`` with DIGIT. ``keys_apart``, with READY: keys do not come in the sound.
    """

    kind: ClassVar[str] = "far_leg.tell"
    call: CallSid
    news: FarNews
    cause: int = 16
    digit: str = ""
    keys_apart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceStay(Command):
    """Where a call of a stay is to be. A ``version`` not above the last one is a repetition and is ignored."""

    kind: ClassVar[str] = "stay.place"
    call: CallSid
    stay: StayId
    version: int
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWait(Command):
    """What a call of a stay hears while it is in no room: verbs, or our hold music. Answered by WaitEnded for verbs."""

    kind: ClassVar[str] = "stay.wait"
    call: CallSid
    stay: StayId
    page: int
    verbs: tuple[Verb, ...] = ()
    music: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveStay(Command):
    """End a stay; ``because`` as in StayOutcome. The call goes on with its page."""

    kind: ClassVar[str] = "stay.leave"
    call: CallSid
    stay: StayId
    because: str
    sid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce(Command):
    """Play to a whole room, or to one call of it. Answered by the notice Announcement."""

    kind: ClassVar[str] = "room.announce"
    announcement: str
    room: str
    verbs: tuple[Verb, ...]
    call: CallSid | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferCall(Command):
    """A call comes in from a browser: take it as from a line. Answered by FarLegHeld and CallOffered."""

    kind: ClassVar[str] = "call.offer"
    call: CallSid
    channel: ChannelId
    caller: Address
