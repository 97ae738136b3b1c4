"""What the core asks of drivers, and what drivers may ask of the core."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from telecore.events import Event
from telecore.ids import E164, Address, ChannelId, DeviceId, Iccid
from telecore.model import ChannelState, DeviceIdentity, LineCall, MediaStats, Service, SignalLevel, Sim
from telecore.sim_health import StoreLevel
from telecore.sip_target import SipTarget


@dataclass(frozen=True, slots=True)
class SmsPart:
    """One received PDU. ``key`` is the same each time the same PDU is read, from whatever storage.

    ``same_for_s``: two PDUs with one key are the same only if no more time lies between them; None: however much.

    ``flash``: class 0, to be shown at once. ``data``: eight-bit data instead of a text; ``port``: the application it is
    for (23.040 §9.2.3.24.4). ``recipient``: which of the channel's numbers it was sent to, for one that has several.
    """

    channel: ChannelId
    key: str
    sender: Address
    body: str
    sent_at: datetime | None
    ref: int | None = None
    part: int = 1
    parts: int = 1
    wide_ref: bool = False
    flash: bool = False
    port: int | None = None
    data: bytes | None = None
    recipient: E164 | None = None
    same_for_s: float | None = None


@dataclass(frozen=True, slots=True)
class StatusReport:
    """An SMS-STATUS-REPORT (23.040 §9.2.2.3), or what stands for it. ``ref`` as in SubmitRef, ``status`` as TP-ST.

    ``others``: other writings of the same ref, for SMSCs that answer a submit in hex and report in decimal.
    """

    channel: ChannelId
    key: str
    ref: int | str
    recipient: Address
    status: int
    done_at: datetime | None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RadioStatus:
    """The SIM and its registration, as the modem tells them now.

    ``lock``: what +CPIN? says of a locked SIM, ``SIM PUK``, ``PH-NET PIN``, …; ``fault``: the CME code of a SIM that
    fails; ``reject_cause``: why the network refuses it (24.008 §10.5.3.6); ``access``: ``GSM``, ``UMTS``, ``LTE``.
    ``without``: services of the channel that do not work just now, though it is registered (a gateway's SIP is down).
    ``call``: what a gateway's box says that the line is doing.
    """

    state: ChannelState
    sim: Sim | None = None
    signal: SignalLevel | None = None
    reason: str = ""
    lock: str = ""
    fault: int | None = None
    reject_cause: int | None = None
    access: str = ""
    without: frozenset[Service] = frozenset()
    call: LineCall | None = None


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """A call that rings. ``voice`` is the line's handle on it, not yet answered.

    ``called``: the number that was dialled, where the line tells it; None: the channel's own.
    """

    channel: ChannelId
    caller: Address | None
    voice: VoiceCall
    called: E164 | None = None


class Core(Protocol):
    """What a device tells the agent. When ``part`` or ``report`` returns, the thing is safe on disk."""

    async def part(self, part: SmsPart) -> None: ...
    async def report(self, report: StatusReport) -> None: ...
    async def radio(self, channel: ChannelId, status: RadioStatus) -> None: ...
    async def ussd(self, channel: ChannelId, reply: UssdReply) -> None: ...
    async def event(self, event: Event) -> None: ...
    def stored(self, channel: ChannelId, level: StoreLevel) -> None:
        """How full the storage of received SMS is; told when it changes."""

    def incoming(self, call: IncomingCall) -> None: ...


@dataclass(frozen=True, slots=True)
class OutboundSms:
    """One message to submit. ``validity_s`` becomes TP-VP (23.040 §9.2.3.12).

    ``sender``: which of the channel's numbers; None: its only one.
    """

    to: str
    body: str
    report: bool = True
    validity_s: int | None = None
    flash: bool = False
    port: int | None = None
    sender: E164 | None = None


@dataclass(frozen=True, slots=True)
class SubmitRef:
    """What a report of one submitted segment will name: TP-MR, or the id that a gateway or SMSC gave it.

    ``sms``: for how many SMS of the network it stands, where a box cuts texts itself and gives one reference for all.
    """

    ref: int | str
    segment: int
    segments: int
    sms: int = 1


UNNAMED = "\x00unheard"
"""In place of a ref: the network took it, and how it named it was not heard. No SMSC can give this one: its ids are
C-strings."""

OnSegment = Callable[[SubmitRef], Awaitable[None]]
"""Called when the network took a segment, before the next is begun; when it returns, the ref is on disk."""


class SmsService(Protocol):
    async def submit(self, sms: OutboundSms, first: int, on_segment: OnSegment) -> None:
        """Submit the segments from number ``first`` (0-based) on.

        Raises DeviceRefused (nothing of that segment went out), OutcomeUnknown (it may have), DeviceLost, Transient.
        """


@runtime_checkable
class PacedSms(SmsService, Protocol):
    """A service that takes one at a time and not too often. What waits for that is not begun, so a crash leaves no
    doubt of it."""

    def wait_s(self) -> float:
        """Seconds until the next one may begin; 0 at once."""


@runtime_checkable
class WindowedSms(SmsService, Protocol):
    """A service that takes several messages at a time. Whoever has no window takes one after the other."""

    @property
    def window(self) -> int:
        """How many submits may be under way now; it may change from moment to moment."""

    def wait_s(self) -> float:
        """Seconds until another one may begin, because the SMSC asked for a pause; 0 at once."""

    def segments(self, sms: OutboundSms) -> int:
        """How many segments it will be."""


@dataclass(frozen=True, slots=True)
class HeldCopy:
    """A segment that was written into a modem to be sent from there (27.005 §3.5.3, §3.5.4).

    ``device``: the modem's IMEI. ``identity``: the same for the same text to the same recipient. ``settings``: what the
    modem forgets when it restarts, as it was then.
    """

    segment: int
    segments: int
    device: str
    store: str
    index: int
    identity: str
    settings: str


@dataclass(frozen=True, slots=True)
class HeldEntry:
    """A message to be sent that lies in a modem. ``sent``: STO SENT or STO UNSENT (27.005 §3.1); None: not told."""

    store: str
    index: int
    identity: str
    to: Address
    sent: bool | None


OnCopy = Callable[[HeldCopy], Awaitable[None]]
"""Called when a segment lies in the modem, before it is sent; when it returns, that is on disk."""


@runtime_checkable
class HoldingSms(SmsService, Protocol):
    """A service that writes a message into the modem before it sends it, so that the modem remembers whether it went.

    ``marks``: whether this modem was seen to mark what it sent; None: not yet. ``settle_s``: how long a mark may be
    missing though the message is on its way.
    """

    @property
    def holds(self) -> bool: ...
    @property
    def device(self) -> str: ...
    @property
    def marks(self) -> bool | None: ...
    @property
    def settle_s(self) -> float: ...

    async def submit_held(self, sms: OutboundSms, first: int, on_copy: OnCopy, on_segment: OnSegment) -> None:
        """As ``submit``. CannotHold: nothing went out, use ``submit``.

        After an OutcomeUnknown or DeviceLost the copy, if ``on_copy`` was called, tells more.
        """

    def identities(self, sms: OutboundSms) -> tuple[str, ...]:
        """Of each of its segments."""

    def lived_since(self, copy: HeldCopy) -> bool:
        """Whether it is the same modem, and not restarted since the copy was written."""

    async def held(self) -> Sequence[HeldEntry]:
        """What lies there to be sent. Raises DeviceLost, DeviceRefused, TimedOut."""

    async def discard(self, entry: HeldEntry) -> None:
        """Delete it, if it still lies there."""


class UssdState(StrEnum):
    DONE = "done"
    REPLY_WANTED = "reply_wanted"
    RELEASED = "released"
    NOT_SUPPORTED = "not_supported"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class UssdReply:
    state: UssdState
    text: str


class UssdService(Protocol):
    async def request(self, code: str) -> UssdReply: ...
    async def cancel(self) -> None: ...


class RadioService(Protocol):
    async def status(self) -> RadioStatus: ...
    async def restart(self) -> None: ...


class VoiceEventKind(StrEnum):
    RINGING = "ringing"
    ANSWERED = "answered"
    DIGIT = "digit"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class VoiceEvent:
    """``cause`` is Q.850's and comes with ENDED, ``digit`` with DIGIT (the modem's own report of a tone)."""

    kind: VoiceEventKind
    cause: int | None = None
    digit: str = ""


class PcmStream(Protocol):
    """Sound of one call, both ways: s16le mono. ``on_frame`` is called with 20 ms as it arrives."""

    rate: int
    on_frame: Callable[[bytes], None]

    def send(self, frame: bytes) -> None:
        """Hand over 20 ms. Called on the one clock of the agent; never blocks, never raises for a lost line."""


@runtime_checkable
class Measured(Protocol):
    """A PCM stream that knows how its sound went."""

    def stats(self) -> MediaStats: ...


class VoiceCall(Protocol):
    """One call on one line, from its first ring to its verified end."""

    pcm: PcmStream | None
    detects_dtmf: bool
    on_event: Callable[[VoiceEvent], None]

    async def answer(self) -> None: ...
    async def hang_up(self, cause: int = 16) -> None:
        """End it and see it ended. Never raises for a call that is over already."""

    async def send_digits(self, digits: str) -> None:
        """Press these (0-9, *, #, A-D); the network makes the tones. Raises DeviceRefused."""


@runtime_checkable
class KeysApart(Protocol):
    """A call whose keys may come beside its sound (RFC 4733, INFO): whoever it is joined to does not hear them."""

    @property
    def keys_apart(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Referred:
    """What came of a transfer: the SIP response to it, and the last one told of the call that it led to."""

    response: int
    notified: int | None = None


@runtime_checkable
class Refers(Protocol):
    """A call whose party can be asked to call somebody else instead of us."""

    async def refer(self, uri: str) -> Referred:
        """Returns when it is known what came of it. Raises DeviceRefused, Transient."""


class VoiceService(Protocol):
    async def dial(
        self, to: str, on_event: Callable[[VoiceEvent], None], caller: E164 | None = None, *, hidden: bool = False
    ) -> VoiceCall:
        """Begin a call; its progress comes as events. ``hidden``: the callee is not to see our number (CLIR).

        Raises Busy, NoNetwork, DeviceRefused, DeviceLost.
        """


@runtime_checkable
class UriVoice(Protocol):
    """A voice service that calls SIP URIs as well."""

    async def dial_uri(self, target: SipTarget, on_event: Callable[[VoiceEvent], None]) -> VoiceCall:
        """As ``VoiceService.dial``; what the URI's host answers comes as events."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One line able to carry traffic: a bundle of optional services.

    ``numbers``: those that are reached here and no SIM tells. ``capacity``: how many calls at once. ``sip_domains``: as
    in ChannelStatus; its voice is then a UriVoice.
    """

    id: ChannelId
    radio: RadioService | None = None
    sms: SmsService | None = None
    ussd: UssdService | None = None
    voice: VoiceService | None = None
    numbers: tuple[E164, ...] = ()
    capacity: int = 1
    sip_domains: tuple[str, ...] = ()


class Heal(StrEnum):
    """What can be done to a device that does not serve, the gentlest first (the ladder is ``devices/ladder.py``)."""

    PROBE = "probe"
    RESYNCHRONISE = "resynchronise"
    REOPEN = "reopen"
    SOFT_RESET = "soft_reset"
    VENDOR_RESET = "vendor_reset"
    USB_POWER = "usb_power"
    QUARANTINE = "quarantine"


class Device(Protocol):
    """One modem or one gateway."""

    id: DeviceId
    identity: DeviceIdentity
    channels: Sequence[Channel]

    async def open(self) -> None:
        """Reach it, learn what it is, make it ready. Raises DeviceLost, DeviceRefused, TimedOut."""

    async def run(self, core: Core) -> None:
        """Serve until the device is lost."""

    async def heal(self, step: Heal) -> str:
        """Do SOFT_RESET or VENDOR_RESET to a device that is not open, even one that does not answer.

        Returns what was done and seen, in a few words. Raises DeviceLost when it cannot be reached at all,
        DeviceRefused when it has no such reset.
        """

    async def close(self) -> None:
        """Let go. Never raises; bounded in time."""


class PinMemory(Protocol):
    """Which PIN was tried on which SIM. It outlives the process, so that a restart is no further try."""

    def pin_tried(self, iccid: Iccid, pin: str) -> bool: ...
    async def note_pin(self, iccid: Iccid, pin: str | None) -> None:
        """The PIN is about to be tried: on disk when this returns. None: the SIM took it. Raises StorageFailed."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Whether a SIM may carry this now. ``reason`` empty: it may. ``wait_s``: try again then; None: waiting is no use.

    ``code``: Twilio's, for a refusal.
    """

    reason: str = ""
    wait_s: float | None = None
    code: int = 30022

    @property
    def granted(self) -> bool:
        return not self.reason


class Gate(Protocol):
    """Whether a SIM may carry something outwards: its health, its account and its quotas decide. Never blocks."""

    def sms(self, channel: ChannelId, to: str, *, urgent: bool = False) -> Permit: ...
    def call(self, channel: ChannelId, to: str, *, urgent: bool = False) -> Permit: ...


@dataclass(frozen=True, slots=True)
class CallFacts:
    """One leg that is over. Seconds; ``ring_s`` from dialling to alerting, ``talk_s`` from the answer to the end,
    ``lasted_s`` from dialling to the end.

    ``by_us``: we ended it before it could be answered, so it says nothing of the SIM.
    """

    channel: ChannelId
    to: str
    outgoing: bool
    cause: int
    ring_s: float | None = None
    talk_s: float | None = None
    by_us: bool = False
    lasted_s: float | None = None


class Witness(Protocol):
    """Who is told how traffic went, to judge SIMs by it. All calls return at once and never raise."""

    def sms_sent(self, channel: ChannelId, to: str) -> None:
        """The network took a segment."""

    def sms_refused(self, channel: ChannelId, to: str, kind: str, code: int | None) -> None:
        """It did not; ``kind`` and ``code`` as in DeviceRefused."""

    def sms_reported(self, channel: ChannelId, to: str, status: int) -> None:
        """A status report came; ``status`` is TP-ST."""

    def sms_received(self, channel: ChannelId, sender: str, body: str) -> None:
        """A whole text came in; an operator may warn in it."""

    def call_ended(self, facts: CallFacts) -> None: ...
    def call_sound(self, channel: ChannelId, verdict: str) -> None:
        """As in SoundChecked."""
