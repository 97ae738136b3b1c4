"""What edges tell of SIMs, accounts, modems and themselves: kept to be shown, and the answers to what was asked."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from datetime import datetime, timedelta
from typing import Any

from cloud.store import channels, history, outbox, tasks, warnings
from cloud.store.database import Connection
from cloud.store.records import TaskRecord
from cloud.tunnel import channel_steps, message_steps
from telecore.events import (
    BalanceRead,
    CallMissed,
    ChannelHealed,
    CommandRejected,
    DataReceived,
    Event,
    SelfTestDone,
    SimHealthChanged,
    SoundChecked,
    ToppedUp,
    UssdReplied,
    WarningCleared,
    WarningRaised,
)
from telecore.ids import ChannelId, EdgeId
from telecore.model import ChannelStatus

KEPT = (
    SimHealthChanged,
    BalanceRead,
    ToppedUp,
    ChannelHealed,
    SelfTestDone,
    SoundChecked,
    CallMissed,
    DataReceived,
    UssdReplied,
)
"""Kinds of events that a channel's page shows."""
ANSWERED_WITHIN = timedelta(minutes=10)
"""What an edge began in time may take so long, with the way of its answer."""
CALLS_KEPT = 20
_NOT_DONE = {"timeout", "not_supported", "refused", "unknown", "failed", "not_possible"}
_OF_TASK = {field.name for field in fields(Event)} | {"channel", "iccid"}
"""What a task says by itself."""


def channels_of(event: Any) -> tuple[ChannelId, ...]:
    """Whom it is about: the channel, or both ends of a test."""
    if isinstance(event, SelfTestDone):
        return (event.sender, event.receiver)
    return (event.channel,)


def keep(conn: Connection, edge: EdgeId, event: Any, at: datetime) -> ChannelStatus | None:
    """Into the history of its channels; the channel as it stands by this, if that has changed."""
    for channel in channels_of(event):
        history.add(conn, channel_steps.account_of(conn, channel, edge), channel, event, at)
    return _stands(conn, event) if isinstance(event, SimHealthChanged | BalanceRead) else None


def keep_sound(conn: Connection, channel: ChannelId, edge: EdgeId, event: Event, at: datetime) -> None:
    """How a call sounded, of the last few: they are many, and must not push out what else the channel went through."""
    account = channel_steps.account_of(conn, channel, edge)
    history.add(conn, account, channel, event, at, kept=CALLS_KEPT)


def _stands(conn: Connection, event: SimHealthChanged | BalanceRead) -> ChannelStatus | None:
    """News that are older than what a heartbeat told, or of a SIM that is there no more, change nothing."""
    record = channels.get(conn, event.channel)
    if record is None or record.status.sim is None or record.status.sim.iccid != event.iccid:
        return None
    known = record.status
    if isinstance(event, SimHealthChanged):
        if known.health is not None and known.health.since > event.health.since:
            return None
        status = replace(known, health=event.health)
    else:
        if known.balance is not None and known.balance.at > event.balance.at:
            return None
        status = replace(known, balance=event.balance)
    channels.upsert(conn, record.edge, status, at=record.heard_at)
    return status


def warn(conn: Connection, edge: EdgeId, event: WarningRaised | WarningCleared, at: datetime) -> None:
    if isinstance(event, WarningRaised):
        warnings.raise_(conn, edge, event, at)
    else:
        warnings.clear(conn, edge, event)


def answer(conn: Connection, edge: EdgeId, event: Event) -> TaskRecord | None:
    """If it answers what somebody asked of this edge, the task is over."""
    task = tasks.get(conn, event.command) if event.command else None
    if task is None or task.edge != edge:
        return None
    if isinstance(event, CommandRejected):
        return tasks.settle(conn, task.sid, "failed", {"code": event.code, "message": event.reason})
    result = {name: value for name, value in asdict(event).items() if name not in _OF_TASK}
    outcome = str(result.get("outcome", result.get("state", "")))
    return tasks.settle(conn, task.sid, "failed" if outcome in _NOT_DONE else "done", result)


def give_up(conn: Connection, task: TaskRecord, now: datetime) -> TaskRecord | None:
    """Its time is over: it was never delivered, or was and nobody answered; None: an answer may still come."""
    if outbox.withdraw(conn, task.edge, task.sid):
        said = "The edge was not connected in time; nothing was done"
    elif now < task.not_after + ANSWERED_WITHIN:
        return None
    else:
        said = "The edge has not answered; whether it was done is not known"
    return tasks.settle(conn, task.sid, "failed", {"code": 31480, "message": said})


def subject_is_own(edge: str, subject: str) -> bool:
    """A warning names a channel, a device, or the edge as a whole."""
    return "/" not in subject or message_steps.owner_of(subject) == edge
