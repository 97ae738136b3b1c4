"""The customer's debugger log: what went wrong with a document or a webhook."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, select

from cloud.store import keyset, tables
from cloud.store.records import Between, Cursor, Hook, NotificationRecord, PageOf
from cloud.store.rows import from_row, now
from cloud.store.schema import notifications
from telecore.ids import AccountSid, new_sid


@dataclass(frozen=True, slots=True)
class NotificationFilter:
    """``about``: the SID of a call or message. ``level``: error or warning."""

    about: str = ""
    level: str = ""
    created: Between = field(default_factory=Between)


def add(
    conn: Connection,
    account: AccountSid,
    subject: str,
    code: int,
    text: str,
    *,
    hook: Hook | None = None,
    level: str = "error",
) -> NotificationRecord:
    """``subject`` is the SID of the call or message it happened to."""
    where = hook or Hook()
    record = NotificationRecord(
        sid=new_sid("NO"),
        account=account,
        subject=subject,
        level=level,
        code=code,
        text=text[:2000],
        url=where.url,
        method=where.method,
        created_at=now(),
    )
    return tables.add(conn, notifications, record)


def get(conn: Connection, sid: str) -> NotificationRecord | None:
    return tables.find(conn, notifications, NotificationRecord, sid=sid)


def known(conn: Connection, subject: str, code: int, text: str, url: str) -> bool:
    """Whether this very thing was noted about the subject before."""
    same = [notifications.c.code == code, notifications.c.text == text[:2000], notifications.c.url == url]
    asked = select(notifications.c.id).where(notifications.c.subject == subject, *same).limit(1)
    return conn.execute(asked).scalar() is not None


def list_(conn: Connection, account: str, *, about: str | None = None, limit: int = 100) -> list[NotificationRecord]:
    """The latest of an account, newest first, all or those about one SID."""
    asked = select(notifications).where(notifications.c.account == account)
    if about is not None:
        asked = asked.where(notifications.c.subject == about)
    rows = conn.execute(asked.order_by(notifications.c.id.desc()).limit(limit)).mappings()
    return [from_row(NotificationRecord, row) for row in rows]


def latest(
    conn: Connection,
    *,
    about: str = "",
    code: int | None = None,
    limit: int = 100,
    accounts: Collection[str] | None = None,
) -> list[NotificationRecord]:
    """Of these accounts, or of all, newest first; all, or those about one SID or with one code."""
    asked = select(notifications)
    if about:
        asked = asked.where(notifications.c.subject == about)
    if code is not None:
        asked = asked.where(notifications.c.code == code)
    if accounts is not None:
        asked = asked.where(notifications.c.account.in_(sorted(accounts)))
    rows = conn.execute(asked.order_by(notifications.c.id.desc()).limit(limit)).mappings()
    return [from_row(NotificationRecord, row) for row in rows]


def delete(conn: Connection, sid: str) -> bool:
    return tables.remove(conn, notifications, sid)


def page(conn: Connection, account: str, wanted: NotificationFilter, cursor: Cursor) -> PageOf[NotificationRecord]:
    """Of one account, newest first."""
    where: list[ColumnElement[bool]] = [
        notifications.c.account == account,
        *keyset.within(notifications.c.created_at, wanted.created),
    ]
    if wanted.about:
        where.append(notifications.c.subject == wanted.about)
    if wanted.level:
        where.append(notifications.c.level == wanted.level)
    return keyset.page(conn, notifications, NotificationRecord, where, cursor)
