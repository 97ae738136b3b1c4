"""Edges and channels as they stand: a state, a pure function that takes news into it, and who keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from cloud.fleet.snapshot import EdgeView, Snapshot
from cloud.store import calls, channels, edges, history, messages, rows, warnings
from cloud.store.database import Connection, Database
from cloud.store.records import ChannelRecord, EdgeRecord, WarningRecord
from telecore.events import ChannelHealed, SelfTestDone, SimHealthChanged, SoundChecked
from telecore.ids import ChannelId, EdgeId
from telecore.model import ChannelStatus
from telecore.notices import DataUsed, Heartbeat

LAST_MESSAGES = 20
LAST_HAPPENED = 15
SHOWN_OF_EACH = (SimHealthChanged.kind, SelfTestDone.kind, SoundChecked.kind)
HAPPENED = (SimHealthChanged.kind, ChannelHealed.kind)


@dataclass(frozen=True, slots=True)
class EdgeState:
    """What an edge has told of itself since we began; ``heard_at`` is when it last did."""

    connected: bool = False
    heard_at: datetime | None = None
    instance: str = ""
    version: str = ""
    spooled: int | None = None
    data: DataUsed | None = None


@dataclass(frozen=True, slots=True)
class SiteState:
    """An edge and its channels."""

    edge: EdgeState = EdgeState()
    channels: Mapping[ChannelId, ChannelRecord] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """An edge came or went."""

    up: bool


@dataclass(frozen=True, slots=True)
class ChannelHeard:
    """An edge told how one of its channels stands."""

    status: ChannelStatus


News = LinkChanged | ChannelHeard | Heartbeat


def apply(state: SiteState, edge: EdgeId, news: News, now: datetime) -> SiteState:
    """The edge's state after this news. Channels that are not its own are left aside."""
    before = state.edge
    heard: tuple[ChannelStatus, ...] = ()
    match news:
        case LinkChanged(up):
            after = replace(before, connected=up, heard_at=now, spooled=before.spooled if up else None)
        case Heartbeat():
            after = replace(
                before,
                heard_at=now,
                instance=news.instance,
                version=news.version,
                spooled=news.spooled,
                data=news.data or before.data,
            )
            heard = news.channels
        case ChannelHeard(status):
            after, heard = replace(before, heard_at=now), (status,)
    own = {
        status.channel: ChannelRecord(status.channel, edge, status, now)
        for status in heard
        if status.channel.startswith(f"{edge}/")
    }
    if isinstance(news, LinkChanged) and not news.up:
        # A heartbeat tells only of channels that have changed; of the others it says as much: they are as they were.
        own = {name: replace(kept, heard_at=now) for name, kept in state.channels.items()}
    return SiteState(after, {**state.channels, **own} if own else state.channels)


def news_of(state: SiteState, heartbeat: Heartbeat) -> tuple[ChannelStatus, ...]:
    """Channels of a heartbeat about which something has changed that is worth writing down; signal is not."""
    return tuple(status for status in heartbeat.channels if _lasting(status) != _known(state, status.channel))


def _known(state: SiteState, channel: ChannelId) -> object:
    record = state.channels.get(channel)
    return _lasting(record.status) if record else None


def _lasting(status: ChannelStatus) -> object:
    named = (status.state, status.offers, status.down, status.sim, status.numbers, status.device, status.reason)
    return (*named, status.health, status.balance, status.store is not None and status.store.full)


_UNHEARD = SiteState()


class Fleet:
    """Keeps the state, and makes snapshots of it together with what the store knows."""

    def __init__(self, db: Database, *, now: Callable[[], datetime] = rows.now) -> None:
        self._db = db
        self._now = now
        self._ears: set[asyncio.Event] = set()
        self._sites: dict[EdgeId, SiteState] = {}
        self._own: tuple[WarningRecord, ...] = ()

    def warn(self, own: tuple[WarningRecord, ...]) -> None:
        """What is wrong with the cloud itself now; nothing of it is stored."""
        if own != self._own:
            self._own = own
            self.changed()

    def site(self, edge: EdgeId) -> SiteState:
        """How an edge stands, as it has told since we began."""
        return self._sites.get(edge, _UNHEARD)

    def take(self, edge: EdgeId, news: News) -> None:
        """This has happened."""
        self._sites[edge] = apply(self.site(edge), edge, news, self._now())
        self.changed()

    def changed(self) -> None:
        """Something that a snapshot shows is different: a call, a message."""
        for ear in self._ears:
            ear.set()

    async def snapshot(self) -> Snapshot:
        """How everything stands now. Raises StoreFailed."""
        sites = dict(self._sites)
        return await self._db.read(lambda conn: self._snapshot(conn, sites))

    async def channels_of(self, names: Collection[EdgeId]) -> Snapshot:
        """Channels of these edges, and what is told of them; no calls and no messages. Raises StoreFailed."""
        sites = {edge: self.site(edge) for edge in names}
        return await self._db.read(
            lambda conn: replace(self._stand(conn, sites, sites), warnings=tuple(warnings.list_(conn, sites)))
        )

    async def subscribe(self) -> AsyncIterator[object]:
        """None each time something may have changed."""
        ear = asyncio.Event()
        self._ears.add(ear)
        try:
            while True:
                await ear.wait()
                ear.clear()
                yield None
        finally:
            self._ears.discard(ear)

    def _snapshot(self, conn: Connection, sites: Mapping[EdgeId, SiteState]) -> Snapshot:
        return replace(
            self._stand(conn, sites, None),
            calls=tuple(calls.live(conn)),
            messages=messages.latest(conn, LAST_MESSAGES),
            warnings=(*self._own, *warnings.list_(conn)),
            happened=tuple(history.latest(conn, HAPPENED, LAST_HAPPENED)),
        )

    def _stand(self, conn: Connection, sites: Mapping[EdgeId, SiteState], names: Collection[EdgeId] | None) -> Snapshot:
        """Edges and their channels: all, or those of these names."""
        stand = {record.channel: record for record in channels.list_(conn, names)}
        for site in sites.values():
            stand.update(site.channels)
        return Snapshot(
            edges=tuple(_view(record, sites.get(record.edge, _UNHEARD).edge) for record in edges.list_(conn, names)),
            channels=tuple(record for _, record in sorted(stand.items())),
            newest=history.newest(conn, SHOWN_OF_EACH, None if names is None else stand),
        )


def _view(record: EdgeRecord, state: EdgeState) -> EdgeView:
    return EdgeView(
        edge=record.edge,
        enrolled=record.enrolled,
        connected=state.connected,
        last_seen_at=state.heard_at or record.last_seen_at,
        version=state.version or record.version,
        spooled=state.spooled,
        data=state.data,
    )
