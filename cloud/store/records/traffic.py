"""Calls, messages, recordings, and what is told of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from cloud.store.records.accounts import Hook
from telecore.ids import AccountSid, Address, CallSid, ChannelId, EdgeId, MessageSid, NumberSid, RecordingSid, Sha256
from telecore.model import CallStatus, Direction, MessageStatus


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """``sender`` is empty until one of the ``service``'s numbers is chosen; ``send_at`` is for a scheduled one.

    ``secret_body`` is sent in place of ``body``, shown to nobody, and forgotten once it is sent.
    """

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
    status_callback_method: str = "POST"
    service: str | None = None
    send_at: datetime | None = None
    secret_body: str | None = None
    repeat: bool = False
    id: int = 0


@dataclass(frozen=True, slots=True)
class CallRecord:
    """``page`` is the number of the last page sent; ``sequence`` of the next status callback.

    ``machine_first``: no document is asked for before ``answered_by`` is known.
    """

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
    answered_by: str | None = None
    machine_first: bool = False
    machine_callback: Hook = field(default_factory=Hook)
    id: int = 0


@dataclass(frozen=True, slots=True)
class RecordingRecord:
    """``status``: in-progress, paused and stopped at the edge, then ``processing`` until the bytes are here.

    Without a ``size`` there are none yet; ``absent``: they never come. ``conference``: whose sound it is; ``call`` is
    then the one that it began with.
    """

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
    conference: str | None = None
    track: str = "both"
    id: int = 0


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
