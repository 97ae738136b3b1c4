"""What was heard last of each channel."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, RowMapping, bindparam, func, select

from cloud.store import tables
from cloud.store.records import ChannelRecord
from cloud.store.rows import now
from cloud.store.schema import channels
from telecore import schema
from telecore.ids import ChannelId, EdgeId
from telecore.model import ChannelStatus, Service


def upsert(conn: Connection, edge: EdgeId, status: ChannelStatus, *, at: datetime | None = None) -> None:
    """Remember how the channel stands."""
    values = {"channel": status.channel, "edge": edge, "status": schema.dump(status), "heard_at": at or now()}
    tables.upsert(conn, channels, values)


def get(conn: Connection, channel: str) -> ChannelRecord | None:
    row = conn.execute(_ONE, {"which": channel}).mappings().one_or_none()
    return None if row is None else _record(row)


def offers(conn: Connection, names: Collection[str]) -> dict[ChannelId, frozenset[Service]]:
    """What each of these channels offers."""
    rows = conn.execute(select(channels).where(channels.c.channel.in_(names))).mappings()
    return {record.channel: record.status.offers for record in map(_record, rows)}


def list_(conn: Connection, edges: Collection[str] | None = None) -> list[ChannelRecord]:
    """All or those of these edges, by name."""
    asked = select(channels).order_by(channels.c.channel)
    if edges is not None:
        asked = asked.where(channels.c.edge.in_(edges))
    return [_record(row) for row in conn.execute(asked).mappings()]


def count(conn: Connection, edges: Collection[str]) -> dict[EdgeId, int]:
    """How many channels each of these edges has; those without any are left out."""
    asked = select(channels.c.edge, func.count()).where(channels.c.edge.in_(edges)).group_by(channels.c.edge)
    return {EdgeId(edge): many for edge, many in conn.execute(asked)}


_ONE = select(channels).where(channels.c.channel == bindparam("which"))


def _record(row: RowMapping) -> ChannelRecord:
    status = _status(json.dumps(row["status"]))
    return ChannelRecord(status.channel, row["edge"], status, row["heard_at"])


@lru_cache(maxsize=4096)
def _status(text: str) -> ChannelStatus:
    """Every message and call asks for its channel's, and it changes far less often."""
    return schema.read(ChannelStatus, json.loads(text), strict=False)
