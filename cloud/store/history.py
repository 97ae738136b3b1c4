"""What channels went through: the newest of each kind, by channel. Everything older is forgotten as it is added to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from cloud.store.records import HistoryRecord
from cloud.store.rows import from_row
from cloud.store.schema import history
from telecore import codec
from telecore.events import Event
from telecore.ids import AccountSid

KEPT = 50
"""Of each kind, for each channel."""


def add(conn: Connection, account: AccountSid, channel: str, event: Event, at: datetime, *, kept: int = KEPT) -> None:
    """Keep it, and forget the oldest of its kind beyond the number kept."""
    about = {"channel": channel, "account": account, "iccid": str(getattr(event, "iccid", ""))[:32]}
    row = {**about, "kind": event.kind, "at": at, "payload": codec.encode(event)}
    conn.execute(insert(history).values(row))
    same = (history.c.channel == channel) & (history.c.kind == event.kind)
    oldest = select(history.c.id).where(same).order_by(history.c.id.desc()).offset(kept).limit(1).scalar_subquery()
    conn.execute(delete(history).where(same, history.c.id <= oldest))


def list_(conn: Connection, channel: str, kinds: Sequence[str] = (), limit: int = KEPT) -> list[HistoryRecord]:
    """The newest first, of all kinds or of these."""
    asked = select(history).where(history.c.channel == channel)
    if kinds:
        asked = asked.where(history.c.kind.in_(kinds))
    rows = conn.execute(asked.order_by(history.c.at.desc(), history.c.id.desc()).limit(limit)).mappings()
    return [from_row(HistoryRecord, row) for row in rows]


def newest(
    conn: Connection, kinds: Sequence[str], channels: Collection[str] | None = None
) -> dict[tuple[str, str], HistoryRecord]:
    """The last of each of these kinds, by channel and kind; of all channels, or of these."""
    last = select(func.max(history.c.id)).where(history.c.kind.in_(kinds)).group_by(history.c.channel, history.c.kind)
    if channels is not None:
        last = last.where(history.c.channel.in_(channels))
    rows = conn.execute(select(history).where(history.c.id.in_(last))).mappings()
    return {(found.channel, found.kind): found for found in (from_row(HistoryRecord, row) for row in rows)}


def latest(
    conn: Connection, kinds: Sequence[str], limit: int, channels: Collection[str] | None = None
) -> list[HistoryRecord]:
    """The last of these kinds, of all channels or of these, the newest first."""
    asked = select(history).where(history.c.kind.in_(kinds)).order_by(history.c.id.desc()).limit(limit)
    if channels is not None:
        asked = asked.where(history.c.channel.in_(channels))
    return [from_row(HistoryRecord, row) for row in conn.execute(asked).mappings()]
