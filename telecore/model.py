"""The nouns both sides speak of, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from telecore.ids import (
    E164,
    CallSid,
    ChannelId,
    Iccid,
    Imei,
    Imsi,
    Plmn,
    RecordingSid,
    Sha256,
)
from telecore.sim_health import Balance, Health, StoreLevel, Usage


class Service(StrEnum):
    """What a channel offers, as in GSM's teleservices."""

    VOICE = "voice"
    SMS = "sms"
    USSD = "ussd"


class Direction(StrEnum):
    """Twilio's words."""

    INBOUND = "inbound"
    OUTBOUND_API = "outbound-api"
    OUTBOUND_DIAL = "outbound-dial"
    OUTBOUND_REPLY = "outbound-reply"


class Track(StrEnum):
    """One direction of a call's sound: what the party says, and what it hears."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class ChannelState(StrEnum):
    ABSENT = "absent"
    LOCKED = "locked"
    SEARCHING = "searching"
    DENIED = "denied"
    REGISTERED = "registered"
    FAULTY = "faulty"
    DISABLED = "disabled"


class LineCall(StrEnum):
    """What the mobile side of a line is doing, as its box tells it."""

    IDLE = "idle"
    DIALING = "dialing"
    ALERTING = "alerting"
    CONNECTED = "connected"
    INCOMING = "incoming"


class CallStatus(StrEnum):
    """Twilio's words."""

    QUEUED = "queued"
    INITIATED = "initiated"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    FAILED = "failed"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"


class MessageStatus(StrEnum):
    """Twilio's words."""

    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    CANCELED = "canceled"
    RECEIVING = "receiving"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Sim:
    """A card. ``msisdn`` is None when neither the SIM nor the configuration knows the number."""

    iccid: Iccid
    imsi: Imsi | None = None
    msisdn: E164 | None = None
    operator: Plmn | None = None
    operator_name: str | None = None


@dataclass(frozen=True, slots=True)
class SignalLevel:
    """Received signal in dBm (27.007 §8.5: −113 + 2·rssi)."""

    dbm: int


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """Who the box says it is (27.007 §5.1–5.4)."""

    manufacturer: str
    model: str
    revision: str
    imei: Imei | None = None
    profile: str | None = None
    port: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """How one line stands. ``reason`` says in a few words why it is not registered; ``access``: ``GSM``, ``LTE``, …

    ``numbers``: those that are reached here without a SIM that knows them (a trunk's, an SMSC's).
    ``capacity``: how many calls it carries at once.
    ``down``: what it offers and cannot do just now, as ``reason`` says.
    ``call``: what its box says that the line is doing; None where no box tells.
    ``sip_domains``: hosts whose SIP URIs can be called through it; ``*.host``: those under it, ``*``: all.
    """

    channel: ChannelId
    state: ChannelState
    since: float
    offers: frozenset[Service] = frozenset()
    sim: Sim | None = None
    signal: SignalLevel | None = None
    device: DeviceIdentity | None = None
    busy_legs: int = 0
    sent_today: int = 0
    reason: str = ""
    health: Health | None = None
    balance: Balance | None = None
    usage: Usage | None = None
    store: StoreLevel | None = None
    access: str = ""
    numbers: tuple[E164, ...] = ()
    capacity: int = 1
    down: frozenset[Service] = frozenset()
    call: LineCall | None = None
    sip_domains: tuple[str, ...] = ()

    @property
    def own_numbers(self) -> tuple[E164, ...]:
        """All that are reached here, its SIM's first."""
        msisdn = self.sim.msisdn if self.sim is not None else None
        return self.numbers if msisdn is None else (msisdn, *(number for number in self.numbers if number != msisdn))


@dataclass(frozen=True, slots=True)
class Clip:
    """Audio named by the hash of its content: a WAV file of 8 kHz µ-law mono. ``ms`` is its length."""

    sha256: Sha256
    size: int
    ms: int


@dataclass(frozen=True, slots=True)
class Recording:
    """Sound kept of a call: a WAV file of 8 kHz 16-bit linear PCM, its hash and its length in seconds."""

    sid: RecordingSid
    call: CallSid
    sha256: Sha256
    size: int
    duration_s: float
    channels: int = 1


@dataclass(frozen=True, slots=True)
class MediaStats:
    """The sound of one call over RTP. ``lost`` and ``jitter_ms`` are ours of what they sent; ``far_*`` theirs, by RTCP.

    In packets, ``concealed`` in frames of 20 ms that were made up. ``late`` ones came after their time.
    """

    sent: int = 0
    received: int = 0
    lost: int = 0
    late: int = 0
    concealed: int = 0
    jitter_ms: float = 0.0
    far_lost: int | None = None
    far_jitter_ms: float | None = None
    round_trip_ms: float | None = None
    codec: str = ""


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """Tell who answers, by Twilio's thresholds. ``to_end``: wait until a machine's greeting is over."""

    to_end: bool = False
    timeout_ms: int = 30000
    speech_threshold_ms: int = 2400
    speech_end_ms: int = 1200
    silence_timeout_ms: int = 5000


ANSWERED_BY = frozenset(
    {
        "human",
        "machine_start",
        "machine_end_beep",
        "machine_end_silence",
        "machine_end_other",
        "fax",
        "unknown",
    }
)
"""Twilio's words for who answered."""
