"""What is old, of one account: rows in the order they were made, a piece at a time, and whether each may go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, func, or_, select

from cloud.store.schema import callbacks, calls, messages, recordings, transcriptions
from cloud.store.transcriptions import IN_PROGRESS
from telecore import redact
from telecore.ids import AccountSid
from telecore.model import Direction, MessageStatus
from telecore.states import FINAL_CALL, FINAL_MESSAGE

AT_ONCE = 500
_MESSAGE_OVER = [status.value for status in (*FINAL_MESSAGE, MessageStatus.SENT)]
_CALL_OVER = [status.value for status in FINAL_CALL]
RECORDING_OVER = ("completed", "absent")


@dataclass(frozen=True, slots=True)
class Aged:
    """``old``: past its days. ``over``: not under way any more. ``done``: nothing is left to do with it."""

    id: int
    sid: str
    old: bool
    over: bool
    done: bool = False


Find = Callable[[Connection, AccountSid, datetime, int], list[Aged]]
"""Those of this account whose ``id`` is above, with what is before that moment as old."""


def messages_to_redact(conn: Connection, account: AccountSid, before: datetime, after: int) -> list[Aged]:
    more = (messages.c.direction, messages.c.sender, messages.c.recipient, messages.c.body, messages.c.secret_body)
    rows = _messages(conn, account, before, after, *more)
    return [
        Aged(row.id, row.sid, row.old, row.over, done=not (row.body or row.secret_body) and _masked(row))
        for row in rows
    ]


def messages_to_delete(conn: Connection, account: AccountSid, before: datetime, after: int) -> list[Aged]:
    return [Aged(row.id, row.sid, row.old, row.over) for row in _messages(conn, account, before, after)]


def calls_to_delete(conn: Connection, account: AccountSid, before: datetime, after: int) -> list[Aged]:
    """A call waits for its other legs, and for recordings that are not here yet."""
    other = calls.alias("other")
    related = or_(other.c.parent == calls.c.sid, other.c.sid == calls.c.parent)
    live = select(other.c.id).where(related, other.c.status.not_in(_CALL_OVER)).exists()
    awaited = recordings.c.status.not_in(RECORDING_OVER) & (recordings.c.call == calls.c.sid)
    over = (
        calls.c.status.in_(_CALL_OVER) & ~_to_be_told(calls) & ~live & ~select(recordings.c.id).where(awaited).exists()
    )
    old = func.coalesce(calls.c.ended_at, calls.c.created_at) < before
    rows = _rows(conn, calls, account, after, old=old, over=over)
    return [Aged(row.id, row.sid, row.old, row.over) for row in rows]


def recordings_to_delete(conn: Connection, account: AccountSid, before: datetime, after: int) -> list[Aged]:
    """A recording waits for what is being made of it."""
    heard = (transcriptions.c.recording == recordings.c.sid) & (transcriptions.c.status == IN_PROGRESS)
    over = recordings.c.status.in_(RECORDING_OVER) & ~select(transcriptions.c.id).where(heard).exists()
    rows = _rows(conn, recordings, account, after, old=recordings.c.created_at < before, over=over)
    return [Aged(row.id, row.sid, row.old, row.over) for row in rows]


def _messages(
    conn: Connection, account: AccountSid, before: datetime, after: int, *more: ColumnElement[Any]
) -> list[Row[Any]]:
    old = func.coalesce(messages.c.send_at, messages.c.created_at) < before
    over = messages.c.status.in_(_MESSAGE_OVER) & ~_to_be_told(messages)
    return _rows(conn, messages, account, after, *more, old=old, over=over)


def _to_be_told(table: Table) -> ColumnElement[bool]:
    """An application has yet to hear of it, or will be given up; either may leave a copy."""
    waits = (callbacks.c.subject == table.c.sid) & callbacks.c.pending.is_(True)
    return select(callbacks.c.id).where(waits).exists()


def _masked(row: Row[Any]) -> bool:
    theirs = row.sender if row.direction == Direction.INBOUND.value else row.recipient
    return redact.beginning(theirs) == str(theirs)


def _rows(
    conn: Connection,
    table: Table,
    account: AccountSid,
    after: int,
    *more: ColumnElement[Any],
    old: ColumnElement[bool],
    over: ColumnElement[bool],
) -> list[Row[Any]]:
    asked = select(table.c.id, table.c.sid, old.label("old"), over.label("over"), *more)
    where = (table.c.account == account, table.c.id > after)
    return list(conn.execute(asked.where(*where).order_by(table.c.id).limit(AT_ONCE)).all())
