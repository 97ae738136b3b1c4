"""What an account's calls, messages and recordings amount to, counted by the database, day by day (UTC)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Integer, Table, cast, func, select, type_coerce

from cloud.store import keyset
from cloud.store.records import Between
from cloud.store.schema import calls, messages, recordings
from telecore.model import Direction, MessageStatus

_DAY_US = 24 * 3600 * 1_000_000
_EPOCH = date(1970, 1, 1)
_CARRIED = [
    status.value
    for status in (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.UNDELIVERED, MessageStatus.RECEIVED)
]
"""Messages that went over the air."""


@dataclass(frozen=True, slots=True)
class Counted:
    """``inbound``: which way. ``usage``: minutes begun, or segments."""

    day: date
    inbound: bool
    count: int
    usage: int


def calls_by_day(conn: Connection, accounts: Collection[str], span: Between) -> list[Counted]:
    """Calls that were answered; each minute begun counts, as it is billed."""
    minutes = (func.coalesce(calls.c.duration_s, 0) + 59) // 60
    return _counted(conn, calls, minutes, (calls.c.account.in_(accounts), calls.c.duration_s.is_not(None)), span)


def messages_by_day(conn: Connection, accounts: Collection[str], span: Between) -> list[Counted]:
    """Messages sent and received, and their segments."""
    where = (messages.c.account.in_(accounts), messages.c.status.in_(_CARRIED))
    return _counted(conn, messages, messages.c.segments, where, span)


def recordings_by_day(conn: Connection, accounts: Collection[str], span: Between) -> list[Counted]:
    """Recordings that are here, and their minutes."""
    minutes = (cast(recordings.c.duration_s, Integer) + 59) // 60
    where = [recordings.c.account.in_(accounts), recordings.c.status == "completed"]
    day = _day(recordings.c.created_at)
    asked = select(day, func.count(), func.sum(minutes)).where(*where, *keyset.within(recordings.c.created_at, span))
    return [
        Counted(_EPOCH + timedelta(days=int(number)), inbound=False, count=count, usage=int(usage or 0))
        for number, count, usage in conn.execute(asked.group_by(day))
    ]


def _counted(
    conn: Connection, table: Table, usage: ColumnElement[Any], where: Sequence[ColumnElement[bool]], span: Between
) -> list[Counted]:
    day, inbound = _day(table.c.created_at), table.c.direction == Direction.INBOUND.value
    asked = select(day, inbound, func.count(), func.sum(usage)).where(*where, *keyset.within(table.c.created_at, span))
    return [
        Counted(_EPOCH + timedelta(days=int(number)), inbound=bool(way), count=int(count), usage=int(total or 0))
        for number, way, count, total in conn.execute(asked.group_by(day, inbound))
    ]


def _day(at: ColumnElement[datetime]) -> ColumnElement[int]:
    """Days since 1970: moments are whole microseconds."""
    return type_coerce(at, BigInteger) // _DAY_US
