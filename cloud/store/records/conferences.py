"""Conferences and who is in them, queues and who waits in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from cloud.store.records.accounts import Hook
from telecore.ids import AccountSid, CallSid, EdgeId, StayId


@dataclass(frozen=True, slots=True)
class ConferenceRecord:
    """``status``: init (people wait for it), in-progress, completed. ``sequence``: of the last callback.

    ``recorder``: the edge that records it. ``reason`` and ``ended_by``: why it ended, and whose call did it.
    """

    sid: str
    account: AccountSid
    name: str
    status: str
    created_at: datetime
    updated_at: datetime
    reason: str = ""
    ended_by: CallSid | None = None
    sequence: int = 0
    max_participants: int = 250
    record: bool = False
    trim_silence: bool = True
    recorder: EdgeId | None = None
    status_callback: Hook = field(default_factory=Hook)
    status_callback_events: tuple[str, ...] = ()
    recording_callback: Hook = field(default_factory=Hook)
    recording_callback_events: tuple[str, ...] = ("completed",)
    event_callback: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True)
class ParticipantRecord:
    """A call in a conference. ``status``: queued (it is being dialled), connected, complete.

    ``sid`` is for page tokens only. ``wait_url`` and ``hold_url`` None: our hold music; empty: silence.
    """

    sid: str
    account: AccountSid
    conference: str
    call: CallSid
    status: str
    created_at: datetime
    updated_at: datetime
    stay: StayId | None = None
    edge: EdgeId | None = None
    label: str = ""
    muted: bool = False
    hold: bool = False
    coaching: bool = False
    coach: str = ""
    start_on_enter: bool = True
    end_on_exit: bool = False
    beep_on_enter: bool = True
    beep_on_exit: bool = True
    wait_url: str | None = None
    wait_method: str = "POST"
    hold_url: str | None = None
    hold_method: str = "POST"
    id: int = 0


@dataclass(frozen=True, slots=True)
class QueueRecord:
    sid: str
    account: AccountSid
    name: str
    max_size: int
    created_at: datetime
    updated_at: datetime
    id: int = 0


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A call in a queue. ``status``: waiting, taken (by ``taker``, who is being brought together with it), gone.

    ``sid`` is for page tokens only. ``wait_url`` None: our hold music; empty: silence.
    """

    sid: str
    account: AccountSid
    queue: str
    call: CallSid
    stay: StayId
    status: str
    created_at: datetime
    updated_at: datetime
    edge: EdgeId | None = None
    wait_url: str | None = None
    wait_method: str = "POST"
    action: Hook = field(default_factory=Hook)
    taker: CallSid | None = None
    taken_at: datetime | None = None
    id: int = 0
