"""What the operator's page shows, as values; and the face of ``fleet.state.Fleet`` towards it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cloud.store.records import CallRecord, ChannelRecord, HistoryRecord, MessageRecord, WarningRecord
from telecore.ids import EdgeId
from telecore.notices import DataUsed


@dataclass(frozen=True, slots=True)
class EdgeView:
    """An edge. ``spooled`` is how many events wait there, ``data`` what its tunnel carried this month.

    Both are None before its first heartbeat.
    """

    edge: EdgeId
    enrolled: bool
    connected: bool
    last_seen_at: datetime | None = None
    version: str = ""
    spooled: int | None = None
    data: DataUsed | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Edges and channels by name, live calls oldest first, messages newest first.

    ``newest``: the last of each kind of event of a channel, by channel and kind; ``happened``: the last changes of
    health and steps of healing, newest first.
    """

    edges: tuple[EdgeView, ...] = ()
    channels: tuple[ChannelRecord, ...] = ()
    calls: tuple[CallRecord, ...] = ()
    messages: tuple[MessageRecord, ...] = ()
    warnings: tuple[WarningRecord, ...] = ()
    newest: Mapping[tuple[str, str], HistoryRecord] = field(default_factory=dict)
    happened: tuple[HistoryRecord, ...] = ()


class FleetView(Protocol):
    async def snapshot(self) -> Snapshot:
        """How everything stands now. Raises StoreFailed."""

    def subscribe(self) -> AsyncIterator[object]:
        """Something each time anything of a snapshot may have changed; changes while the reader is busy are one."""
