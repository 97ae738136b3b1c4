"""The store and what edges have told → a snapshot. Of many thousand sites only those that are looked at are read."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from cloud.fleet.snapshot import EdgeView, Look, Snapshot, Totals
from cloud.fleet.state import UNHEARD, EdgeState, SiteState
from cloud.store import calls, channels, edges, history, messages, numbers, warnings
from cloud.store.database import Connection
from cloud.store.records import EdgeRecord, HistoryRecord, WarningRecord
from cloud.tunnel.message_steps import owner_of
from telecore.events import ChannelHealed, SelfTestDone, SimHealthChanged, SoundChecked
from telecore.ids import AccountSid, EdgeId

SITES = 100
CHANNELS = 400
"""More than this a page has only of its one site."""
LIVE_CALLS = 100
WARNINGS = 100
LAST_MESSAGES = 20
LAST_HAPPENED = 15
SHOWN_OF_EACH = (SimHealthChanged.kind, SelfTestDone.kind, SoundChecked.kind)
HAPPENED = (SimHealthChanged.kind, ChannelHealed.kind)
Sites = Mapping[EdgeId, SiteState]
_BETWEEN_DIGITS = re.compile(r"[ ()+.-]")


def read_page(
    conn: Connection,
    sites: Sites,
    look: Look,
    accounts: Collection[AccountSid] | None,
    own: tuple[WarningRecord, ...] = (),
) -> Snapshot:
    """The sites that are looked at, of all or of these accounts, and what happens in the fleet.

    ``own``: what is wrong with the cloud itself. Of a look that is narrowed, calls and warnings are those of its sites.
    """
    known = edges.standing(conn, accounts)
    up = {name for name in known if name in sites and sites[name].edge.connected}
    fit = fitting(conn, known, look, troubled=lambda: warnings.edges_with_any(conn) | _offline(known, up))
    names, beyond = page_of(conn, fit, look.after)
    of = names if look.narrowed else None
    shown = read_channels(conn, sites, names)
    return replace(
        shown,
        calls=tuple(calls.live_among(conn, LIVE_CALLS, edges=of, accounts=accounts)),
        messages=messages.latest(conn, LAST_MESSAGES, accounts),
        warnings=(*own, *warnings.gravest(conn, WARNINGS, edges=of, accounts=accounts)),
        happened=_happened(conn, shown, whole=accounts is None and not look.narrowed),
        totals=Totals(
            sites=len(known),
            connected=len(up),
            offline=len(_offline(known, up)),
            fit=len(fit),
            warnings=len(own) + warnings.count(conn, accounts),
            calls=calls.count_live(conn, accounts),
        ),
        beyond=beyond,
    )


def read_channels(conn: Connection, sites: Sites, names: Collection[EdgeId]) -> Snapshot:
    """These edges, their channels as they were heard last, and the last of what befell these."""
    stand = {record.channel: record for record in channels.list_(conn, names)}
    for name in names:
        stand.update(sites[name].channels if name in sites else {})
    stored = sorted(edges.list_(conn, names), key=lambda record: record.edge)  # a database has an order of its own
    return Snapshot(
        edges=tuple(_view(record, sites.get(record.edge, UNHEARD).edge) for record in stored),
        channels=tuple(record for _, record in sorted(stand.items())),
        newest=history.newest(conn, SHOWN_OF_EACH, stand),
    )


def fitting(
    conn: Connection, known: Collection[EdgeId], look: Look, troubled: Callable[[], Collection[EdgeId]] = tuple
) -> list[EdgeId]:
    """Of the known edges those that the look is for, by name."""
    if not (look.search or look.trouble):
        return sorted(known)
    wrong = troubled() if look.trouble else known
    by_number = _with_number(conn, look.search)
    return sorted(name for name in known if name in wrong and (look.search in name or name in by_number))


def _with_number(conn: Connection, search: str) -> set[str]:
    """Edges with a SIM whose number has this in it, as people write numbers."""
    digits = _BETWEEN_DIGITS.sub("", search).lstrip("0")
    return {owner_of(channel) for channel in numbers.channels_with(conn, digits)} if digits.isdecimal() else set()


def page_of(conn: Connection, fit: Sequence[EdgeId], after: str) -> tuple[list[EdgeId], str]:
    """Those that come after this name, as many as a page has room for; the last of them if there are more."""
    names = list(fit[bisect_right(fit, after) :][:SITES])
    many, room = channels.count(conn, names), CHANNELS
    for place, name in enumerate(names):
        room -= many.get(name, 0)
        if room < 0 and place:
            names = names[:place]
            break
    return names, names[-1] if names and names[-1] != fit[-1] else ""


def _offline(known: Mapping[EdgeId, bool], up: Collection[EdgeId]) -> set[EdgeId]:
    return {name for name, enrolled in known.items() if enrolled and name not in up}


def _happened(conn: Connection, shown: Snapshot, *, whole: bool) -> tuple[HistoryRecord, ...]:
    among = None if whole else [record.channel for record in shown.channels]
    return tuple(history.latest(conn, HAPPENED, LAST_HAPPENED, among))


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
