"""The log of webhooks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from cloud.store import keyset, tables
from cloud.store.records import Cursor, PageOf, WebhookLogRecord
from cloud.store.rows import from_row, to_row
from cloud.store.schema import webhook_log
from telecore.ids import AccountSid

AT_ONCE = 500
"""Rows that one write forgets: more would hold all others up."""


@dataclass(frozen=True, slots=True)
class WebhookFilter:
    """``failed``: only what went wrong, or only what went well."""

    subject: str = ""
    code: int | None = None
    status: int | None = None
    failed: bool | None = None


def add(conn: Connection, records: Sequence[WebhookLogRecord]) -> None:
    """All at once."""
    if records:
        conn.execute(insert(webhook_log), [to_row(record) for record in records])


def get(conn: Connection, sid: str) -> WebhookLogRecord | None:
    return tables.find(conn, webhook_log, WebhookLogRecord, sid=sid)


def at_fault(
    conn: Connection, subject: str, code: int, at: datetime, urls: Collection[str] = ()
) -> WebhookLogRecord | None:
    """The last exchange about this subject before this moment that failed so; else the last with one of these URLs
    that went well, whose document was what was wrong. What a notification tells of."""
    failed = webhook_log.c.code == code
    document = (webhook_log.c.code == 0) & (webhook_log.c.status < 300) & (webhook_log.c.replay_of == "")
    refused = document & webhook_log.c.url.in_(urls)
    about = (webhook_log.c.subject == subject) & (webhook_log.c.at <= at) & (failed | refused)
    asked = select(webhook_log).where(about).order_by(failed.desc(), webhook_log.c.id.desc()).limit(1)
    row = conn.execute(asked).mappings().one_or_none() if subject else None
    return None if row is None else from_row(WebhookLogRecord, row)


def last_replay(conn: Connection, sid: str) -> WebhookLogRecord | None:
    """The last of the exchanges that did this one again."""
    asked = select(webhook_log).where(webhook_log.c.replay_of == sid).order_by(webhook_log.c.id.desc()).limit(1)
    row = conn.execute(asked).mappings().one_or_none()
    return None if row is None else from_row(WebhookLogRecord, row)


def page(
    conn: Connection, accounts: Collection[str] | None, wanted: WebhookFilter, cursor: Cursor
) -> PageOf[WebhookLogRecord]:
    """Of these accounts, or of all; newest first."""
    where: list[ColumnElement[bool]] = []
    if accounts is not None:
        where.append(webhook_log.c.account.in_(sorted(accounts)))
    if wanted.subject:
        where.append(webhook_log.c.subject == wanted.subject)
    if wanted.code is not None:
        where.append(webhook_log.c.code == wanted.code)
    if wanted.status is not None:
        where.append(webhook_log.c.status == wanted.status)
    if wanted.failed is not None:
        where.append(webhook_log.c.code != 0 if wanted.failed else webhook_log.c.code == 0)
    return keyset.page(conn, webhook_log, WebhookLogRecord, where, cursor)


def forget(conn: Connection, subject: str) -> None:
    """All that is about this SID."""
    conn.execute(delete(webhook_log).where(webhook_log.c.subject == subject))


def tidy(conn: Connection, account: AccountSid, before: datetime, most: int = AT_ONCE) -> int:
    """Forget what is older, so many rows and no more; how many there were."""
    old = (webhook_log.c.account == account) & (webhook_log.c.at < before)
    some = select(webhook_log.c.id).where(old).order_by(webhook_log.c.at).limit(most)
    return conn.execute(delete(webhook_log).where(webhook_log.c.id.in_(some))).rowcount
