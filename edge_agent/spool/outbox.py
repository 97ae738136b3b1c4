"""Events on their way up: numbered, kept until a day after the cloud has them, thinned when nobody listens."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import chain
from typing import Any

from edge_agent.spool import open_calls
from telecore.codec import encode_text
from telecore.events import (
    BalanceRead,
    CallAnswered,
    CallEnded,
    CallInitiated,
    CallOffered,
    ChannelChanged,
    ChannelHealed,
    CommandRejected,
    Event,
    InventoryReported,
    SelfTestDone,
    SimHealthChanged,
    SoundChecked,
    UssdReplied,
    WarningCleared,
    WarningRaised,
)

KEPT_S = 24 * 3600.0
"""How long a row stays after the cloud has it, so that a cloud restored from a backup can ask again."""

_CLASSES: Mapping[type[Event], str] = {
    ChannelChanged: "status",
    InventoryReported: "status",
    WarningRaised: "status",
    WarningCleared: "status",
    SimHealthChanged: "status",
    BalanceRead: "status",
    ChannelHealed: "status",
    SelfTestDone: "status",
    SoundChecked: "progress",
    CallOffered: "progress",
    CallInitiated: "progress",
    CallAnswered: "progress",
    UssdReplied: "progress",
}
"""All others, above all messages and ends of calls, are never dropped."""

QUOTAS: Mapping[str, int] = {"status": 2000, "progress": 50_000}
_TRIM_EVERY = 256
_AT_ONCE = 16
"""Rows of one INSERT. Each takes a third of what it takes alone; more gain nothing (benchmarks/README.md)."""
_ACKNOWLEDGE = "UPDATE outbox SET acked_at = ? WHERE class = ? AND seq <= ? AND acked_at IS NULL"
_TELLS = "class != 'erased'"
"""A row of what was deleted is only a number and an id."""
_to_text = json.JSONEncoder(separators=(",", ":")).encode

_Row = tuple[str, str, str, float, str]
"""Class, kind, subject, time, payload."""
Prepared = tuple[Event, _Row]
_Effect = Callable[[sqlite3.Connection, Any], None]


def append(db: sqlite3.Connection, event: Event) -> int:
    """Number an event and keep it; what it means for the tables of this edge happens in the same transaction."""
    return append_all(db, [prepared(event)])[0]


def prepared(event: Event) -> Prepared:
    """An event with its row. Needs no database, so it is done while a commit is under way."""
    row = (_CLASSES.get(type(event), "kept"), event.kind, _subject(event), event.at.timestamp(), encode_text(event))
    return event, row


def append_all(db: sqlite3.Connection, events: Sequence[Prepared]) -> Sequence[int]:
    """As ``append``, for several in their order; their numbers follow each other."""
    last = 0
    for rows in _portions([row for _, row in events]):
        cursor = db.execute(_insert(len(rows)), list(chain.from_iterable(rows)))
        assert cursor.lastrowid is not None
        last = cursor.lastrowid
    for event, _ in events:
        if event.command is not None:
            db.execute("UPDATE journal SET open = 0 WHERE command = ? AND open = 1", (event.command,))
        effect = _EFFECTS.get(type(event))
        if effect is not None:
            effect(db, event)
    first = last - len(events) + 1
    if (first - 1) // _TRIM_EVERY != last // _TRIM_EVERY:
        trim(db)
    return range(first, last + 1)


def _portions(rows: list[_Row]) -> Iterator[list[_Row]]:
    """Many at once as long as there are so many, then each by itself: two statements to be prepared, whatever comes."""
    whole = len(rows) - len(rows) % _AT_ONCE
    yield from (rows[at : at + _AT_ONCE] for at in range(0, whole, _AT_ONCE))
    yield from ([row] for row in rows[whole:])


@cache
def _insert(rows: int) -> str:
    return "INSERT INTO outbox (class, kind, subject, at, payload) VALUES " + ", ".join(["(?, ?, ?, ?, ?)"] * rows)


def correct(db: sqlite3.Connection, after: int, by_s: float) -> int:
    """Events above this number, not told yet, were stamped by a clock that was so far behind; how many."""
    untold = f"SELECT seq, at, payload FROM outbox WHERE seq > ? AND acked_at IS NULL AND {_TELLS}"
    rows = db.execute(untold, (after,)).fetchall()
    for seq, at, payload in rows:
        event = json.loads(payload)
        event["at"] = (datetime.fromisoformat(event["at"]) + timedelta(seconds=by_s)).isoformat()
        db.execute("UPDATE outbox SET at = ?, payload = ? WHERE seq = ?", (at + by_s, _to_text(event), seq))
    return len(rows)


def read(db: sqlite3.Connection, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
    """Rows above ``after``, told or not."""
    above = f"SELECT seq, payload FROM outbox WHERE seq > ? AND {_TELLS} ORDER BY seq LIMIT ?"
    rows = db.execute(above, (after, limit))
    return [(seq, _payload(payload)) for seq, payload in rows]


def _payload(text: str) -> dict[str, Any]:
    """The event; one that a failing disk has changed is told as such, for the street must go on."""
    try:
        payload = json.loads(text)
    except ValueError:
        payload = None
    return payload if isinstance(payload, dict) else {"kind": "damaged"}


def recent(db: sqlite3.Connection, subject: str, kinds: Sequence[str], limit: int) -> list[dict[str, Any]]:
    """The last events of these kinds about a subject that are still here, the newest first."""
    marks = ", ".join("?" * len(kinds))
    query = f"SELECT payload FROM outbox WHERE subject = ? AND kind IN ({marks}) ORDER BY seq DESC LIMIT ?"
    return [json.loads(payload) for (payload,) in db.execute(query, (subject, *kinds, limit))]


def forget(db: sqlite3.Connection, upto: int, now: float) -> None:
    """The cloud has everything up to here."""
    # By class, because the index of untold rows is; without it each receipt would walk through a day of told ones.
    for name in ("kept", "erased", *QUOTAS):
        db.execute(_ACKNOWLEDGE, (now, name, upto))
    if upto > acked(db):
        set_acked(db, upto)


def acked(db: sqlite3.Connection) -> int:
    """The highest number the cloud ever said it has, also when its row is gone."""
    row = db.execute("SELECT value FROM meta WHERE name = 'acked'").fetchone()
    return int(row[0]) if row else 0


def set_acked(db: sqlite3.Connection, upto: int) -> None:
    db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('acked', ?)", (str(upto),))


def tidy(db: sqlite3.Connection, now: float) -> None:
    """Drop what was told long ago. A clock set back keeps rows longer; one set forward cannot drop untold ones."""
    db.execute("DELETE FROM outbox WHERE acked_at IS NOT NULL AND acked_at < ?", (now - KEPT_S,))
    trim(db)


def trim(db: sqlite3.Connection) -> None:
    """Keep each class within its quota: first what a newer row of the same subject replaces, then the oldest."""
    for name, quota in QUOTAS.items():
        if _untold(db, name) <= quota:
            continue
        if name == "status":
            db.execute(
                "DELETE FROM outbox WHERE class = ? AND acked_at IS NULL AND seq NOT IN (SELECT max(seq) FROM outbox"
                " WHERE class = ? AND acked_at IS NULL GROUP BY kind, subject)",
                (name, name),
            )
        excess = _untold(db, name) - quota
        if excess > 0:
            db.execute(
                "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE class = ? AND acked_at IS NULL"
                " ORDER BY seq LIMIT ?)",
                (name, excess + quota // 10),
            )


def depth(db: sqlite3.Connection) -> int:
    """Rows the cloud does not have yet."""
    return int(db.execute(f"SELECT count(*) FROM outbox WHERE acked_at IS NULL AND {_TELLS}").fetchone()[0])


def highest(db: sqlite3.Connection) -> int:
    """The highest number ever given out, also when its row is gone."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
    return int(row[0]) if row else 0


def _untold(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute("SELECT count(*) FROM outbox WHERE class = ? AND acked_at IS NULL", (name,)).fetchone()[0])


def _subject(event: Event) -> str:
    if isinstance(event, ChannelChanged):
        return event.status.channel
    if isinstance(event, WarningRaised | WarningCleared):
        return f"{event.code} {event.subject}"
    if isinstance(event, SelfTestDone):
        return event.sender
    return str(getattr(event, "channel", ""))


_EFFECTS: Mapping[type[Event], _Effect] = {
    CallOffered: lambda db, event: open_calls.begin(db, event.call, event.command),
    CallInitiated: lambda db, event: open_calls.begin(db, event.call, event.command),
    CallAnswered: lambda db, event: open_calls.answer(db, event.call, event.at.timestamp()),
    CallEnded: lambda db, event: open_calls.end(db, event.call),
    CommandRejected: lambda db, event: open_calls.end(db, event.subject),
}
