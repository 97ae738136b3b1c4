"""Which submits of a Dinstar box still wait for their delivery reports, and which report is about which. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from telecore.ids import ChannelId

KEPT_S = 72 * 3600.0
LIMIT = 2000
_TAIL = 7
_RETRY = 0.25
"""A report is looked for again after this share of the time it has been waited for already."""
_LONGEST_S = 600.0
_MARGIN = timedelta(minutes=5)
TIME_FORM = "%Y-%m-%d %H:%M:%S"


@dataclass(slots=True)
class Awaited:
    """One message that the network took. ``refs``: TP-MR of its segments; ``time``: when, on the box's clock.

    ``open``: numbers of the segments that nothing final is known of.
    """

    user_id: int
    channel: ChannelId
    port: int
    number: str
    refs: tuple[int, ...]
    time: str
    since: float
    due: float
    open: set[int] = field(default_factory=set)

    def segment_of(self, port: int, number: str, ref: int) -> int | None:
        """The number of the segment that a report is about; None when it is about another message."""
        if port != self.port or not same_number(number, self.number) or ref not in self.refs:
            return None
        return self.refs.index(ref)


class Awaiting:
    """The submits of one box that wait, newest last, and for a while those that do not wait any more."""

    def __init__(self) -> None:
        self._entries: list[Awaited] = []

    def __len__(self) -> int:
        """How many still wait."""
        return sum(1 for entry in self._entries if entry.open)

    def add(self, entry: Awaited) -> None:
        entry.open = set(range(len(entry.refs)))
        self._entries.append(entry)
        if len(self._entries) > LIMIT:
            del self._entries[0]

    def find(self, port: int, number: str, ref: int) -> tuple[Awaited, int] | None:
        """The newest submit that a report can be about, and the segment."""
        for entry in reversed(self._entries):
            segment = entry.segment_of(port, number, ref)
            if segment is not None:
                return entry, segment
        return None

    def by_user_id(self, user_id: int) -> Awaited | None:
        return next((entry for entry in self._entries if entry.user_id == user_id), None)

    def due(self, now: float, count: int) -> list[Awaited]:
        """Those to ask after now, at most ``count``; each the more rarely the longer it has waited."""
        self._entries = [entry for entry in self._entries if now - entry.since < KEPT_S]
        found = sorted(
            (entry for entry in self._entries if entry.open and entry.due <= now), key=lambda entry: entry.due
        )
        for entry in found[:count]:
            entry.due = now + min(_RETRY * (now - entry.since), _LONGEST_S)
        return found[:count]


class Backlog:
    """When to ask for reports on what was submitted before this start, and from which time on.

    ``local``: now, on the box's clock.
    """

    def __init__(self, now: float, local: datetime) -> None:
        self._since = now
        self._due = now
        self.after = (local - timedelta(seconds=KEPT_S)).strftime(TIME_FORM)

    def due(self, now: float) -> bool:
        """The longer it has been asked for, the more rarely."""
        return self._due <= now < self._since + KEPT_S

    def asked(self, now: float) -> None:
        """The box has answered, and all of it is stored."""
        self._due = now + min(_RETRY * (now - self._since), _LONGEST_S)

    def heard(self, time: str) -> None:
        """A report of that time was stored; one with an earlier time may still be listed later."""
        try:
            from_here = (datetime.strptime(time.strip(), TIME_FORM) - _MARGIN).strftime(TIME_FORM)  # noqa: DTZ007
        except (ValueError, OverflowError):
            return
        self.after = max(self.after, from_here)


def same_number(one: str, other: str) -> bool:
    """By the digits that national and international form share."""
    return _tail(one) == _tail(other)


def in_groups(entries: Sequence[Awaited], size: int) -> Iterator[Sequence[Awaited]]:
    for at in range(0, len(entries), size):
        yield entries[at : at + size]


def _tail(number: str) -> str:
    digits = "".join(char for char in number if char.isdigit())
    return digits[-_TAIL:] or number.lower()
