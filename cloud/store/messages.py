"""SMS in and out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from sqlalchemy import ColumnElement, Connection, func, select, text

from cloud.store import feedback, keyset, tables
from cloud.store.records import Between, Cursor, MessageRecord, PageOf
from cloud.store.schema import messages
from cloud.store.schema.traffic import WAITS
from telecore.ids import MessageSid
from telecore.model import MessageStatus
from telecore.states import MESSAGE_STATES, may_become


@dataclass(frozen=True, slots=True)
class MessageFilter:
    sender: str | None = None
    recipient: str | None = None
    sent: Between = field(default_factory=Between)


def insert(conn: Connection, record: MessageRecord) -> MessageRecord:
    """The record with its ``id``. Raises IntegrityError (Conflict outside) for a known SID."""
    return tables.add(conn, messages, record)


def get(conn: Connection, sid: str) -> MessageRecord | None:
    return tables.find(conn, messages, MessageRecord, sid=sid)


def update(conn: Connection, sid: str, **changes: object) -> MessageRecord | None:
    """Set fields by name, without looking at the state; the record as it is now."""
    return tables.change(conn, messages, MessageRecord, sid, changes)


def update_status(conn: Connection, sid: str, status: MessageStatus, **changes: object) -> MessageRecord | None:
    """Take the step if MESSAGE_STATES allows it, with ``changes`` to other fields.

    None when there is no such message or the step is not allowed (a repetition, or one that came late).
    """
    record = get(conn, sid)
    if record is None or not may_become(MESSAGE_STATES, record.status, status):
        return None
    return update(conn, sid, status=status, **changes)


def delete(conn: Connection, sid: str) -> bool:
    feedback.forget(conn, sid)
    return tables.remove(conn, messages, sid)


def list_(conn: Connection, account: str, wanted: MessageFilter, cursor: Cursor) -> PageOf[MessageRecord]:
    where: list[ColumnElement[bool]] = [messages.c.account == account, *keyset.within(messages.c.sent_at, wanted.sent)]
    if wanted.sender is not None:
        where.append(messages.c.sender == wanted.sender)
    if wanted.recipient is not None:
        where.append(messages.c.recipient == wanted.recipient)
    return keyset.page(conn, messages, MessageRecord, where, cursor)


def latest(conn: Connection, limit: int, accounts: Collection[str] | None = None) -> tuple[MessageRecord, ...]:
    """The newest of all accounts, or of these, newest first."""
    if accounts is None:
        return keyset.page(conn, messages, MessageRecord, [], Cursor(size=limit)).items
    of_each = (list_(conn, account, MessageFilter(), Cursor(size=limit)).items for account in accounts)
    return tuple(sorted(chain.from_iterable(of_each), key=lambda record: record.id, reverse=True)[:limit])


def expired(conn: Connection, at: datetime, limit: int = 100) -> list[MessageRecord]:
    """Messages still not submitted whose time is over, oldest first."""
    waiting = messages.c.status.in_([MessageStatus.ACCEPTED.value, MessageStatus.QUEUED.value])
    asked = select(messages).where(waiting, messages.c.not_after < at).order_by(messages.c.id).limit(limit)
    return [tables.record_of(conn, messages, MessageRecord, row) for row in conn.execute(asked).mappings()]


def being_sent(conn: Connection, edge: str, before: datetime) -> list[MessageSid]:
    """Messages that this edge has had since before then and has told nothing of."""
    sending = (messages.c.status == MessageStatus.SENDING.value) & (messages.c.updated_at <= before)
    of_edge = messages.c.channel.startswith(f"{edge}/", autoescape=True)
    asked = select(messages.c.sid).where(sending, of_edge).order_by(messages.c.id)
    return [MessageSid(sid) for sid in conn.execute(asked).scalars()]


def held(conn: Connection, account: str) -> list[MessageRecord]:
    """Messages of this account that no edge was given yet."""
    states = [MessageStatus.ACCEPTED.value, MessageStatus.QUEUED.value, MessageStatus.SCHEDULED.value]
    waits = messages.c.status.in_(states) & messages.c.channel.is_(None)
    asked = select(messages).where(waits, messages.c.account == account).order_by(messages.c.id)
    return [tables.record_of(conn, messages, MessageRecord, row) for row in conn.execute(asked).mappings()]


def due(conn: Connection, at: datetime, limit: int = 100) -> list[MessageRecord]:
    """Scheduled messages whose time has come, the earliest first."""
    late = (messages.c.status == MessageStatus.SCHEDULED.value) & (messages.c.send_at <= at)
    asked = select(messages).where(late).order_by(messages.c.send_at, messages.c.id).limit(limit)
    return [tables.record_of(conn, messages, MessageRecord, row) for row in conn.execute(asked).mappings()]


def accepted(conn: Connection, after: int = 0, limit: int = 100) -> list[MessageRecord]:
    """Messages of services for which no sender was found yet and whose ``id`` is above ``after``, oldest first."""
    waits = (messages.c.status == MessageStatus.ACCEPTED.value) & (messages.c.id > after)
    asked = select(messages).where(waits).order_by(messages.c.id).limit(limit)
    return [tables.record_of(conn, messages, MessageRecord, row) for row in conn.execute(asked).mappings()]


def waiting_senders(conn: Connection) -> list[str]:
    """Numbers that have messages for which no channel was found yet, in the order of the oldest."""
    asked = select(messages.c.sender).where(text(WAITS)).group_by(messages.c.sender).order_by(func.min(messages.c.id))
    return [str(sender) for sender in conn.execute(asked).scalars()]


def waiting(
    conn: Connection, sender: str, after: int = 0, *, ranks: Collection[bool] = (False, True), limit: int = 100
) -> list[MessageRecord]:
    """Messages of this number for which no channel was found yet and whose ``id`` is above ``after``, oldest first.

    ``ranks``: ordinary ones (False), urgent ones (True).
    """
    wanted = (messages.c.sender == sender) & (messages.c.id > after) & messages.c.urgent.in_(sorted(ranks))
    asked = select(messages).where(text(WAITS), wanted).order_by(messages.c.id).limit(limit)
    return [tables.record_of(conn, messages, MessageRecord, row) for row in conn.execute(asked).mappings()]


def waiting_before(conn: Connection, record: MessageRecord, limit: int = 100) -> list[MessageRecord]:
    """Those of them to the same recipient that came before this one, and rank as it does."""
    earlier = (messages.c.sender == record.sender) & (messages.c.recipient == record.recipient)
    earlier &= messages.c.id < record.id
    if record.urgent:
        earlier &= messages.c.urgent.is_(True)
    asked = select(messages).where(text(WAITS), earlier).order_by(messages.c.id).limit(limit)
    return [tables.record_of(conn, messages, MessageRecord, row) for row in conn.execute(asked).mappings()]
