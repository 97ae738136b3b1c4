"""Cookies of an application between two numbers, kept as Twilio keeps them: four hours from the last message."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from cloud.store.rows import now
from cloud.store.schema import conversations
from telecore.ids import AccountSid

KEPT = timedelta(hours=4)


def cookies(conn: Connection, account: AccountSid, ours: str, theirs: str, *, at: datetime | None = None) -> str:
    """As they were kept; nothing where there are none, or none any more."""
    row = conversations.c
    same = (row.account == account) & (row.ours == ours) & (row.theirs == theirs) & (row.until > (at or now()))
    return str(conn.execute(select(row.cookies).where(same)).scalar() or "")


def keep(
    conn: Connection, account: AccountSid, ours: str, theirs: str, text: str, *, at: datetime | None = None
) -> None:
    """In place of what was kept; what is over is forgotten on the way."""
    moment, row = at or now(), conversations.c
    same = (row.account == account) & (row.ours == ours) & (row.theirs == theirs)
    conn.execute(delete(conversations).where(same | (row.until <= moment)))
    if text:
        kept = {"account": account, "ours": ours, "theirs": theirs, "cookies": text, "until": moment + KEPT}
        conn.execute(conversations.insert().values(kept))
