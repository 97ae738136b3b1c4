"""Requests to customers' applications that must be made: status callbacks, webhooks of inbound messages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, exists, select, update

from cloud.store import tables
from cloud.store.records import CallbackRecord, Hook
from cloud.store.rows import from_row, now
from cloud.store.schema import callbacks
from telecore.ids import AccountSid, new_id

_ONCE = (
    ("ConferenceSid", "StatusCallbackEvent", "SequenceNumber"),
    ("CallSid", "CallStatus", "SequenceNumber"),
    ("RecordingSid", "RecordingStatus"),
    ("MessageSid", "MessageStatus"),
    ("MessageSid", "SmsStatus"),
)
"""What names a thing that is told once; nothing here could be guessed of a body or a number that was redacted."""

Lane = tuple[AccountSid, str]
"""An account and a server it is told at: what a slow server may delay."""


def add(
    conn: Connection,
    account: AccountSid,
    subject: str,
    hook: Hook,
    params: dict[str, str],
    *,
    kind: str = "status",
    due_at: datetime | None = None,
) -> int:
    """Queue a request about ``subject`` (a SID). It carries one idempotency token through all its attempts.

    What is told once of its subject has the same token also in a store that was restored and tells of it again.
    """
    made = now()
    row: dict[str, object] = {
        "account": account,
        "kind": kind,
        "subject": subject,
        "url": hook.url,
        "destination": _destination(hook.url),
        "method": hook.method,
        "params": params,
        "token": _token(kind, params) or new_id(),
        "created_at": made,
        "due_at": due_at or made,
        "attempts": 0,
        "pending": True,
        "error": "",
    }
    return tables.insert_row(conn, callbacks, row)


def _token(kind: str, params: Mapping[str, str]) -> str | None:
    """32 hex digits of what is told; None for what may be told twice alike."""
    for names in _ONCE:
        if all(name in params for name in names):
            told = json.dumps([kind, *([name, params[name]] for name in names)])
            return hashlib.sha256(told.encode()).hexdigest()[:32]
    return None


def lanes_due(conn: Connection, at: datetime) -> list[Lane]:
    """Where something's time has come, though it may have to wait for an earlier one of its subject."""
    lane = (callbacks.c.account, callbacks.c.destination)
    asked = select(*lane).where(callbacks.c.pending.is_(True), callbacks.c.due_at <= at).distinct()
    return [(account, destination) for account, destination in conn.execute(asked)]


def next_due(
    conn: Connection, at: datetime, limit: int = 50, lane: Lane | None = None, *, without: Collection[int] = ()
) -> list[CallbackRecord]:
    """Those whose time has come, and before which nothing of the same subject still waits; of one lane, or of all.

    ``without``: ids of those that are under way, so due as well.
    """
    earlier = callbacks.alias("earlier")
    blocked = exists().where(
        earlier.c.subject == callbacks.c.subject, earlier.c.pending.is_(True), earlier.c.id < callbacks.c.id
    )
    ready = select(callbacks).where(callbacks.c.pending.is_(True), callbacks.c.due_at <= at, ~blocked)
    if lane is not None:
        ready = ready.where(callbacks.c.account == lane[0], callbacks.c.destination == lane[1])
    if without:
        ready = ready.where(callbacks.c.id.not_in(without))
    rows = conn.execute(ready.order_by(callbacks.c.due_at, callbacks.c.id).limit(limit)).mappings()
    return [from_row(CallbackRecord, row) for row in rows]


def next_moment(conn: Connection, after: datetime | None = None) -> datetime | None:
    """When the first pending one is due, of all or of those due later; None when there is none."""
    asked = select(callbacks.c.due_at).where(callbacks.c.pending.is_(True)).order_by(callbacks.c.due_at).limit(1)
    if after is not None:
        asked = asked.where(callbacks.c.due_at > after)
    return conn.execute(asked).scalar()


def done(conn: Connection, id_: int) -> None:
    """The application has taken it."""
    conn.execute(delete(callbacks).where(callbacks.c.id == id_))


def failed(conn: Connection, id_: int, retry_at: datetime | None, error: str) -> None:
    """An attempt failed; without ``retry_at`` it was the last one, and the row stays as a dead letter."""
    values: dict[str, object] = {"attempts": callbacks.c.attempts + 1, "error": error[:500]}
    values |= {"pending": False} if retry_at is None else {"due_at": retry_at}
    conn.execute(update(callbacks).where(callbacks.c.id == id_).values(values))


def _destination(url: str) -> str:
    """Host and port as the URL names them; of one that cannot be read, nothing."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()[:300]
    except ValueError:
        return ""
