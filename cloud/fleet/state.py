"""Edges and channels as they stand: a state, and a pure function that takes news into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from cloud.store.records import ChannelRecord
from telecore.ids import ChannelId, EdgeId
from telecore.model import ChannelStatus
from telecore.notices import DataUsed, Heartbeat


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


UNHEARD = SiteState()
