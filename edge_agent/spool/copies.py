"""Copies of messages that lie in a modem to be sent from there: where each lies is known before it is sent."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from enum import Enum

from edge_agent.contracts import HeldCopy
from edge_agent.spool import reports, submits
from edge_agent.spool.submits import QueuedSms
from telecore.commands import SendMessage
from telecore.ids import ChannelId, MessageSid

_COLUMNS = "segment, segments, device, store, place, identity, settings"


class Nobody(Enum):
    """Whether it went."""

    KNOWS = "knows"


def written(db: sqlite3.Connection, message: MessageSid, copy: HeldCopy) -> None:
    """The next segment lies there; from here on it may be sent."""
    db.execute(
        f"INSERT OR REPLACE INTO sms_copies (message, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            message,
            copy.segment,
            copy.segments,
            copy.device,
            copy.store,
            copy.index,
            copy.identity,
            copy.settings,
        ),
    )


def reconsider(db: sqlite3.Connection, message: MessageSid) -> QueuedSms | HeldCopy | Nobody | None:
    """What is known of a submit that was begun and not finished.

    It had no copy in the modem yet, so it waits again; or it had this one; or nobody knows. None: it is not such a one.
    """
    row = db.execute(
        f"SELECT s.state, s.held, s.payload, s.segment, s.attempts, {_PREFIXED} FROM submits s LEFT JOIN sms_copies c"
        " ON c.message = s.message AND c.segment = s.segment WHERE s.message = ?",
        (message,),
    ).fetchone()
    if row is None or row[0] not in ("submitting", "doubtful"):
        return None
    if row[0] == "doubtful" or not row[1]:
        return Nobody.KNOWS
    if row[5] is not None:
        return HeldCopy(*row[5:])
    submits.put_back(db, message, refused=False)
    return QueuedSms(submits.command_of(row[2]), row[3], row[4])


_PREFIXED = ", ".join(f"c.{name.strip()}" for name in _COLUMNS.split(","))


def places(db: sqlite3.Connection, channel: ChannelId) -> frozenset[tuple[str, int, str]]:
    """Store, index and identity of the copies that are still to tell something."""
    rows = db.execute(
        "SELECT c.store, c.place, c.identity FROM sms_copies c JOIN submits s ON s.message = c.message"
        " WHERE s.channel = ?",
        (channel,),
    )
    return frozenset((store, place, identity) for store, place, identity in rows)


def sent_to(db: sqlite3.Connection, channel: ChannelId, to: str) -> Sequence[SendMessage]:
    """The messages of late to a number, whatever became of them."""
    rows = db.execute(
        "SELECT payload FROM submits WHERE channel = ? AND tail = ? ORDER BY n DESC LIMIT 1000",
        (channel, reports.tail(to)),
    )
    return [submits.command_of(payload) for (payload,) in rows.fetchall()]


def proven(db: sqlite3.Connection, device: str) -> bool:
    """Whether this modem was seen to mark what it sent."""
    return db.execute("SELECT 1 FROM meta WHERE name = ?", (f"marks:{device}",)).fetchone() is not None


def prove(db: sqlite3.Connection, device: str) -> None:
    db.execute("INSERT OR IGNORE INTO meta (name, value) VALUES (?, '1')", (f"marks:{device}",))
