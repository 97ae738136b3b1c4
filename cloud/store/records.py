"""What the store gives and takes, as values. Moments are aware UTC datetimes; ``id`` orders rows by creation."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from telecore.ids import (
    E164,
    AccountSid,
    Address,
    CallSid,
    ChannelId,
    CommandId,
    EdgeId,
    MessageSid,
    NumberSid,
    RecordingSid,
    Sha256,
)
from telecore.model import CallStatus, ChannelStatus, Direction, MessageStatus

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """``status``: active, suspended or closed."""

    sid: AccountSid
    friendly_name: str
    auth_token: str
    created_at: datetime
    updated_at: datetime
    status: str = "active"
    owner: AccountSid | None = None


@dataclass(frozen=True, slots=True)
class Hook:
    """A URL of the customer's and how to call it."""

    url: str = ""
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class NumberRecord:
    """A SIM's number, Twilio's IncomingPhoneNumber. ``channel`` is where its SIM was seen last."""

    sid: NumberSid
    account: AccountSid
    number: E164
    friendly_name: str
    created_at: datetime
    updated_at: datetime
    channel: ChannelId | None = None
    voice: Hook = field(default_factory=Hook)
    voice_fallback: Hook = field(default_factory=Hook)
    sms: Hook = field(default_factory=Hook)
    sms_fallback: Hook = field(default_factory=Hook)
    status_callback: Hook = field(default_factory=Hook)


@dataclass(frozen=True, slots=True)
class MessageRecord:
    sid: MessageSid
    account: AccountSid
    direction: Direction
    sender: Address
    recipient: Address
    body: str
    status: MessageStatus
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None = None
    segments: int = 1
    error_code: int | None = None
    error_message: str | None = None
    channel: ChannelId | None = None
    status_callback: str = ""
    not_after: datetime | None = None
    urgent: bool = False
    flash: bool = False
    port: int | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class CallRecord:
    """``page`` is the number of the last page sent; ``sequence`` of the next status callback."""

    sid: CallSid
    account: AccountSid
    direction: Direction
    caller: Address
    called: Address
    status: CallStatus
    created_at: datetime
    updated_at: datetime
    number: NumberSid | None = None
    channel: ChannelId | None = None
    edge: EdgeId | None = None
    parent: CallSid | None = None
    started_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    duration_s: int | None = None
    cause: int | None = None
    url: str = ""
    method: str = "POST"
    twiml: str = ""
    fallback: Hook = field(default_factory=Hook)
    status_callback: Hook = field(default_factory=Hook)
    status_callback_events: tuple[str, ...] = ("completed",)
    page: int = 0
    sequence: int = 0
    time_limit_s: int = 14400
    recording_callback: Hook = field(default_factory=Hook)
    recording_callback_events: tuple[str, ...] = ("completed",)
    id: int = 0


@dataclass(frozen=True, slots=True)
class RecordingRecord:
    """``status``: processing until the bytes are here, then completed; ``absent`` when they never come."""

    sid: RecordingSid
    account: AccountSid
    call: CallSid
    sha256: Sha256
    size: int
    duration_s: float
    channels: int
    source: str
    status: str
    created_at: datetime
    updated_at: datetime
    status_callback: Hook = field(default_factory=Hook)
    status_callback_events: tuple[str, ...] = ("completed",)
    id: int = 0


@dataclass(frozen=True, slots=True)
class EdgeRecord:
    """``key_sha256`` is empty until the edge has enrolled; the token lives hashed and once."""

    edge: EdgeId
    account: AccountSid
    created_at: datetime
    key_sha256: str = ""
    enrolled_at: datetime | None = None
    last_seen_at: datetime | None = None
    instance: str = ""
    version: str = ""
    stream: str = ""
    applied: int = 0


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """The last that was heard of a channel."""

    channel: ChannelId
    edge: EdgeId
    status: ChannelStatus
    heard_at: datetime


@dataclass(frozen=True, slots=True)
class CallbackRecord:
    """A request to the customer's application that must be made. Those of one ``subject`` go out in order.

    ``destination`` is the server that is asked.
    """

    id: int
    account: AccountSid
    kind: str
    subject: str
    url: str
    method: str
    params: dict[str, str]
    token: str
    created_at: datetime
    due_at: datetime
    destination: str = ""
    attempts: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event as it was heard; ``subject`` is the SID or channel it is about, ``payload`` its JSON form."""

    id: int
    event: str
    edge: EdgeId
    kind: str
    subject: str
    at: datetime
    received_at: datetime
    payload: dict[str, object]


@dataclass(frozen=True, slots=True)
class NotificationRecord:
    """What went wrong with a document or a webhook, for the customer to read. ``level``: error or warning."""

    sid: str
    account: AccountSid
    subject: str
    level: str
    code: int
    text: str
    url: str
    method: str
    created_at: datetime
    id: int = 0


@dataclass(frozen=True, slots=True)
class WarningRecord:
    """Something wrong at an edge, now. ``subject``: the channel or the device that it is about, or nothing."""

    edge: EdgeId
    code: str
    subject: str
    severity: str
    text: str
    since: datetime


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """One thing that a channel went through, with the SIM of ``account``; ``payload`` is the event's JSON form."""

    id: int
    channel: ChannelId
    account: AccountSid
    kind: str
    iccid: str
    at: datetime
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A command that somebody waits for. ``status``: queued, done (the edge answered) or failed; ``by``: who asked."""

    sid: CommandId
    account: AccountSid
    edge: EdgeId
    channel: ChannelId
    kind: str
    created_at: datetime
    updated_at: datetime
    not_after: datetime
    status: str = "queued"
    by: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    id: int = 0


@dataclass(frozen=True, slots=True)
class OperatorRecord:
    """Who may see the operator's page. ``password`` is the salted hash, see ``cloud/web/passwords.py``."""

    name: str
    password: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Between:
    """From the first moment on, and before the second; None leaves that side open."""

    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Which page of a list: the ``size`` rows after (older than) or before (newer than) this SID; else the newest."""

    size: int = 50
    after: str | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class PageOf(Generic[T]):
    """One page of a keyset listing, newest first.

    ``next_after`` is the SID to go on after when older rows exist, ``previous_before`` likewise towards the newer.
    """

    items: tuple[T, ...]
    next_after: str | None = None
    previous_before: str | None = None
