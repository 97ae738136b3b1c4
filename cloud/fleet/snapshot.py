"""What the operator's page shows, as values; and the faces of ``fleet.keeper.Fleet`` towards it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cloud.store.records import CallRecord, ChannelRecord, HistoryRecord, MessageRecord, WarningRecord
from telecore.ids import AccountSid, EdgeId
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
class Look:
    """Which sites a reader wants to see: those with ``search`` in their name or a SIM's number, or those with which
    something is wrong; by name, beyond ``after``.
    """

    search: str = ""
    trouble: bool = False
    after: str = ""

    @property
    def narrowed(self) -> bool:
        """Not all sites are looked at."""
        return bool(self.search or self.trouble or self.after)


@dataclass(frozen=True, slots=True)
class Totals:
    """Of all that the reader may see, whatever is shown of it; ``fit``: sites that the look is for."""

    sites: int = 0
    connected: int = 0
    offline: int = 0
    fit: int = 0
    warnings: int = 0
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Edges and channels by name, live calls oldest first, messages newest first, warnings gravest first.

    ``newest``: the last of each kind of event of a channel, by channel and kind; ``happened``: the last changes of
    health and steps of healing, newest first. ``beyond``: the name after which there are more sites, or nothing.
    """

    edges: tuple[EdgeView, ...] = ()
    channels: tuple[ChannelRecord, ...] = ()
    calls: tuple[CallRecord, ...] = ()
    messages: tuple[MessageRecord, ...] = ()
    warnings: tuple[WarningRecord, ...] = ()
    newest: Mapping[tuple[str, str], HistoryRecord] = field(default_factory=dict)
    happened: tuple[HistoryRecord, ...] = ()
    totals: Totals = Totals()
    beyond: str = ""


class FleetView(Protocol):
    async def snapshot(self, look: Look = Look()) -> Snapshot:  # noqa: B008
        """How a page of sites stands now, and what happens in the fleet. Raises StoreFailed."""

    async def channels_of(self, names: Collection[EdgeId]) -> Snapshot:
        """Channels of these edges, and what is told of them; no calls and no messages. Raises StoreFailed."""

    def subscribe(self) -> AsyncIterator[object]:
        """Something each time anything of a snapshot may have changed; changes while the reader is busy are one."""


class WholeFleet(FleetView, Protocol):
    async def snapshot(self, look: Look = Look(), accounts: Collection[AccountSid] | None = None) -> Snapshot:  # noqa: B008
        """Of all sites, or those of these accounts."""
