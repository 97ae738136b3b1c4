"""Received PDUs: kept once each, put together, told as one MessageReceived or DataReceived."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from edge_agent.contracts import SmsPart
from edge_agent.spool import outbox
from telecore.events import DataReceived, MessageReceived
from telecore.ids import E164, Address, ChannelId, MessageSid, new_sid
from telecore.reassembly import PART_LIFETIME_S, ConcatKey, Partial, heal_surrogates

KEPT_S = 30 * 24 * 3600.0
"""How long a PDU is recognised after it was last seen on a SIM."""

_OPEN = "SELECT channel, sender, sent_at, recipient, flash, port, octets, ref, wide, parts FROM sms_open"
_OpenRow = tuple[str, str, str | None, str | None, int, int | None, int, int, int, int]

Received = MessageReceived | DataReceived


@dataclass(frozen=True, slots=True)
class _About:
    """What all parts of one message share."""

    channel: ChannelId
    sender: Address
    sent_at: datetime | None
    recipient: E164 | None
    flash: bool
    port: int | None


def store(db: sqlite3.Connection, part: SmsPart, recipient: E164 | None, now: float) -> Received | None:
    """Keep a part; the event, already in the outbox, when it was the last that was missing.

    A PDU that is known is left alone: power may have failed between the commit and its deletion from the SIM.
    """
    if _known(db, part, now):
        return None
    long = part.ref is not None and part.parts > 1
    message = _group(db, part, recipient) if long else new_sid("SM")
    db.execute(
        "INSERT INTO sms_parts (channel, key, message, part, body, seen_at) VALUES (?, ?, ?, ?, ?, ?)",
        (part.channel, part.key, message, part.part, _pack(part) if long else b"", now),
    )
    if not long:
        about = _About(part.channel, part.sender, part.sent_at, recipient, part.flash, part.port)
        whole = part.data if part.data is not None else heal_surrogates(part.body)
        return _tell(db, message, about, whole, 1, complete=True)
    have = db.execute("SELECT count(*) FROM sms_parts WHERE message = ?", (message,)).fetchone()[0]
    return _close(db, message) if have == part.parts else None


def expire(db: sqlite3.Connection, waited_s: float) -> list[Received]:
    """Let ``waited_s`` pass for every open message; what waited a day is told as it is.

    Time is counted while the agent runs, so a clock that jumps a day ahead gives up nothing.
    """
    db.execute("UPDATE sms_open SET waited_s = waited_s + ?", (waited_s,))
    late = db.execute("SELECT message FROM sms_open WHERE waited_s >= ?", (PART_LIFETIME_S,)).fetchall()
    return [_close(db, message) for (message,) in late]


def tidy(db: sqlite3.Connection, now: float) -> None:
    db.execute(
        "DELETE FROM sms_parts WHERE seen_at < ? AND message NOT IN (SELECT message FROM sms_open)", (now - KEPT_S,)
    )


def _known(db: sqlite3.Connection, part: SmsPart, now: float) -> bool:
    where = (part.channel, part.key)
    row = db.execute("SELECT seen_at FROM sms_parts WHERE channel = ? AND key = ?", where).fetchone()
    if row is not None and part.same_for_s is not None:
        if abs(now - row[0]) <= part.same_for_s:
            return True
        # Another message of the same words, later. The old row is kept while its message waits for further parts.
        db.execute("UPDATE sms_parts SET key = key || '@' || seen_at WHERE channel = ? AND key = ?", where)
        return False
    if row is not None and abs(now - row[0]) > 24 * 3600.0:
        # Still on the SIM, which does not delete it: it must not be forgotten here.
        db.execute("UPDATE sms_parts SET seen_at = ? WHERE channel = ? AND key = ?", (now, *where))
    return row is not None


def _group(db: sqlite3.Connection, part: SmsPart, recipient: E164 | None) -> str:
    """The message this part belongs to. Senders use references again, so of several the nearest in time has it."""
    octets = part.data is not None
    rows = db.execute(
        "SELECT message, sent_at FROM sms_open o WHERE channel = ? AND sender = ? AND ref = ? AND wide = ?"
        " AND parts = ? AND port IS ? AND octets = ?"
        " AND NOT EXISTS (SELECT 1 FROM sms_parts p WHERE p.message = o.message AND p.part = ?) ORDER BY rowid",
        (part.channel, part.sender, part.ref, part.wide_ref, part.parts, part.port, octets, part.part),
    ).fetchall()
    if rows:
        return str(min(rows, key=lambda row: _apart(row[1], part.sent_at))[0])
    message = new_sid("SM")
    sent_at = part.sent_at.isoformat() if part.sent_at else None
    db.execute(
        "INSERT INTO sms_open (message, channel, sender, ref, wide, parts, sent_at, recipient, flash, port, octets,"
        " waited_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (
            message,
            part.channel,
            part.sender,
            part.ref,
            part.wide_ref,
            part.parts,
            sent_at,
            recipient,
            part.flash,
            part.port,
            octets,
        ),
    )
    return message


def _apart(one: str | None, other: datetime | None) -> float:
    if one is None or other is None:
        return 0.0
    return abs((datetime.fromisoformat(one) - other).total_seconds())


def _close(db: sqlite3.Connection, message: str) -> Received:
    row: _OpenRow = db.execute(f"{_OPEN} WHERE message = ?", (message,)).fetchone()
    channel, sender, sent_at, recipient, flash, port, octets, ref, wide, parts = row
    about = _About(
        ChannelId(channel),
        Address(sender),
        datetime.fromisoformat(sent_at) if sent_at else None,
        E164(recipient) if recipient else None,
        bool(flash),
        port,
    )
    bodies: dict[int, bytes] = dict(db.execute("SELECT part, body FROM sms_parts WHERE message = ?", (message,)))
    db.execute("UPDATE sms_parts SET body = x'' WHERE message = ?", (message,))
    db.execute("DELETE FROM sms_open WHERE message = ?", (message,))
    if octets:
        whole: str | bytes = b"".join(bodies[number] for number in sorted(bodies))
    else:
        texts = {number: body.decode("utf-16-le", "surrogatepass") for number, body in bodies.items()}
        whole = Partial(ConcatKey(sender, ref, parts, bool(wide)), texts).text
    return _tell(db, message, about, whole, parts, complete=len(bodies) == parts)


def _tell(
    db: sqlite3.Connection, message: str, about: _About, whole: str | bytes, parts: int, *, complete: bool
) -> Received:
    event: Received
    if isinstance(whole, str) and about.port is None:
        event = MessageReceived(
            message=MessageSid(message),
            channel=about.channel,
            sender=about.sender,
            recipient=about.recipient,
            body=whole,
            parts=parts,
            sent_at=about.sent_at,
            complete=complete,
            flash=about.flash,
        )
    else:
        octets = whole if isinstance(whole, bytes) else whole.encode()
        event = DataReceived(
            channel=about.channel, sender=about.sender, port=about.port, data=octets.hex(), complete=complete
        )
    outbox.append(db, event)
    return event


def _pack(part: SmsPart) -> bytes:
    """A part of a text may end in half a surrogate pair, which is no text yet but must be kept exactly."""
    return part.data if part.data is not None else part.body.encode("utf-16-le", "surrogatepass")
