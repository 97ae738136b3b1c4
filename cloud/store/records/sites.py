"""Edges, their channels, and the streets to and from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from telecore.ids import AccountSid, ChannelId, CommandId, EdgeId
from telecore.model import ChannelStatus


@dataclass(frozen=True, slots=True)
class EdgeRecord:
    """The token lives hashed and once. ``key_sha256`` is of a bearer key, for edges that have no key pair yet.

    ``public_key``, and ``next_key`` which is to replace it: of the pair that was made at the edge. ``join_accepted``
    and ``join_offered``: telecore/tunnel/joins.py. ``shut_why``: not empty while nobody may come in as this edge.
    ``outbox_highest``: the last number given out on the street down, 0 for none; ``outbox_acked``: the last it has.
    """

    edge: EdgeId
    account: AccountSid
    created_at: datetime
    key_sha256: str = ""
    enrolled_at: datetime | None = None
    last_seen_at: datetime | None = None
    instance: str = ""
    version: str = ""
    outbox_stream: str = ""
    outbox_highest: int = 0
    outbox_acked: int = 0
    linked: bool = False
    doubt_at: datetime | None = None
    doubt_stream: str = ""
    doubt_seq: int = 0
    public_key: str = ""
    next_key: str = ""
    join_accepted: str = ""
    join_offered: str = ""
    forgiven: bool = False
    shut_at: datetime | None = None
    shut_why: str = ""

    @property
    def enrolled(self) -> bool:
        """Whether some device has a key of this edge."""
        return bool(self.key_sha256 or self.public_key)


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
