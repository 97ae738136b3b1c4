"""Edges, their channels, and the streets to and from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from telecore.ids import AccountSid, ChannelId, CommandId, EdgeId
from telecore.model import ChannelStatus


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
    outbox_acked: int = 0
    linked: bool = False
    doubt_at: datetime | None = None
    doubt_stream: str = ""
    doubt_seq: int = 0


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """The last that was heard of a channel."""

    channel: ChannelId
    edge: EdgeId
    status: ChannelStatus
    heard_at: datetime


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
