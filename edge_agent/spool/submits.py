"""Messages to be sent: what was begun is known before it is begun, so nothing is ever sent twice."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from edge_agent.contracts import UNNAMED, SubmitRef
from edge_agent.spool import outbox, reports
from edge_agent.spool.refs import from_column, to_column
from telecore.codec import decode_command, encode
from telecore.commands import SendMessage
from telecore.events import Event, MessageFailed, MessageSubmitted
from telecore.ids import ChannelId, MessageSid
from telecore.sms import count_segments

KEPT_S = 7 * 24 * 3600.0
"""Status reports may come days after their message (23.040 lets a service centre try for weeks; few do)."""


_UNCERTAIN_S = 3600.0
"""For so long a report may still come for a message that was given up."""
_RECOGNISED = """
SELECT s.message, s.segment, (
    SELECT r.ref FROM reports r
    WHERE r.channel = s.channel AND r.tail = s.tail AND r.matched = 0 AND r.n > s.mark AND NOT EXISTS (
        SELECT 1 FROM submit_refs f WHERE f.channel = r.channel AND f.tail = r.tail AND f.ref = r.ref)
    ORDER BY r.n LIMIT 1) AS found
FROM submits s
WHERE s.state = 'doubtful' AND found IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM submits o WHERE o.channel = s.channel AND o.tail = s.tail AND o.n != s.n
    AND (o.state IN ('submitting', 'doubtful') OR o.state = 'uncertain' AND o.at > :since))
"""
"""A report told twice is not about somebody else, and of two messages to one number each may be the one it means."""


@dataclass(frozen=True, slots=True)
class QueuedSms:
    """A message that waits. ``segment`` is the next one to submit, ``attempts`` counts refusals so far."""

    command: SendMessage
    segment: int = 0
    attempts: int = 0


def accept(db: sqlite3.Connection, command: SendMessage, now: float) -> bool:
    """Queue a message. False: it was queued before."""
    cursor = db.execute(
        "INSERT OR IGNORE INTO submits (message, command, channel, tail, payload, state, segment, segments, attempts,"
        " mark, at) VALUES (?, ?, ?, ?, ?, 'queued', 0, 0, 0, 0, ?)",
        (
            command.message,
            command.id,
            command.channel,
            reports.tail(command.to),
            json.dumps(encode(command), separators=(",", ":")),
            now,
        ),
    )
    return cursor.rowcount == 1


def queued(db: sqlite3.Connection) -> list[QueuedSms]:
    """Everything that waits, in the order it came."""
    rows = db.execute("SELECT payload, segment, attempts FROM submits WHERE state = 'queued' ORDER BY n")
    return [QueuedSms(command_of(payload), segment, attempts) for payload, segment, attempts in rows]


@dataclass(frozen=True, slots=True)
class Begun:
    """A message whose next segment is about to be sent. ``segments``: how many it will be, 0 where the line does not
    know. ``held``: it is written into the modem first, and nothing goes out before ``copies.written``."""

    message: MessageSid
    segments: int = 0
    held: bool = False


def begin(db: sqlite3.Connection, begun: Begun) -> bool:
    """From here on the next segment may have gone out. Reports that came before are not about it.

    False: the message does not wait to be sent.
    """
    cursor = db.execute(
        "UPDATE submits SET state = 'submitting', segments = max(segments, ?), held = ?,"
        " mark = (SELECT coalesce(max(n), 0) FROM reports) WHERE message = ? AND state = 'queued'",
        (begun.segments, int(begun.held), begun.message),
    )
    return cursor.rowcount == 1


def begin_all(db: sqlite3.Connection, begun: Sequence[Begun]) -> list[bool]:
    """Several at once, as ``begin``."""
    return [begin(db, one) for one in begun]


def segment_sent(db: sqlite3.Connection, message: MessageSid, ref: SubmitRef, now: float) -> None:
    """The network took a segment: keep its reference; after the last one, tell it."""
    channel, tail, command, mark = db.execute(
        "SELECT channel, tail, command, mark FROM submits WHERE message = ?", (message,)
    ).fetchone()
    db.execute(
        "INSERT OR REPLACE INTO submit_refs (message, segment, channel, ref, tail, at) VALUES (?, ?, ?, ?, ?, ?)",
        (message, ref.segment, channel, to_column(ref.ref), tail, now),
    )
    _drop_copy(db, message)
    if ref.ref == UNNAMED:
        early = reports.adopt_unnamed(db, message, ref.segment, after=mark)
    else:
        early = reports.adopt_early(db, message, ref.segment, after=mark)
    last = ref.segment + 1 >= ref.segments
    db.execute(
        "UPDATE submits SET segment = ?, segments = ?, attempts = 0, state = ?, at = ? WHERE message = ?",
        (ref.segment + 1, ref.segments, "submitted" if last else "submitting", now, message),
    )
    if last:
        event = MessageSubmitted(
            command=command,
            message=message,
            channel=ChannelId(channel),
            segments=max(ref.segments, ref.sms),
            refs=_refs(db, message),
        )
        outbox.append(db, event)
        if early or ref.segments > 1:
            reports.settle(db, message)


def _refs(db: sqlite3.Connection, message: MessageSid) -> tuple[int | str, ...]:
    rows = db.execute("SELECT ref FROM submit_refs WHERE message = ? ORDER BY segment", (message,))
    return tuple(ref for (kept,) in rows if (ref := from_column(kept)) != UNNAMED)


def _drop_copy(db: sqlite3.Connection, message: MessageSid) -> None:
    """What the modem has of it tells nothing any more."""
    db.execute("DELETE FROM sms_copies WHERE message = ?", (message,))


def put_back(db: sqlite3.Connection, message: MessageSid, *, refused: bool) -> None:
    """Nothing of the segment went out; it may be tried again."""
    _drop_copy(db, message)
    db.execute(
        "UPDATE submits SET state = 'queued', attempts = attempts + ? WHERE message = ? AND state = 'submitting'",
        (int(refused), message),
    )


def requeue(db: sqlite3.Connection, message: MessageSid) -> QueuedSms | None:
    """What is left of a message that was interrupted waits again; None: nothing is left, or it ended otherwise."""
    row = db.execute(
        "SELECT payload, segment, attempts FROM submits WHERE message = ? AND state = 'submitting'", (message,)
    ).fetchone()
    if row is None:
        return None
    put_back(db, message, refused=False)
    return QueuedSms(command_of(row[0]), row[1], row[2])


def finish(db: sqlite3.Connection, message: MessageSid, event: Event, now: float) -> None:
    """It will not be sent, or nobody knows; the event says which. A message that is out after all stays so."""
    recognise(db, now)
    state = "uncertain" if isinstance(event, MessageFailed) and event.uncertain else "failed"
    cursor = db.execute(
        "UPDATE submits SET state = ? WHERE message = ? AND state IN ('queued', 'submitting', 'doubtful')",
        (state, message),
    )
    _drop_copy(db, message)
    if cursor.rowcount == 1:
        outbox.append(db, event)


def repeat(db: sqlite3.Connection, message: MessageSid, most: int) -> QueuedSms | None:
    """Let a message wait again whose last attempt nobody knows the outcome of. None: known by now, or tried enough."""
    cursor = db.execute(
        "UPDATE submits SET state = 'queued', repeats = repeats + 1 WHERE message = ?"
        " AND state IN ('submitting', 'doubtful') AND repeats < ?",
        (message, most),
    )
    if cursor.rowcount == 0:
        return None
    _drop_copy(db, message)
    payload, segment, attempts = db.execute(
        "SELECT payload, segment, attempts FROM submits WHERE message = ?", (message,)
    ).fetchone()
    return QueuedSms(command_of(payload), segment, attempts)


def interrupted(db: sqlite3.Connection, channel: ChannelId | None) -> list[SendMessage]:
    """Messages that were begun and not finished: whether they went out nobody knows, so nobody sends them again."""
    rows = db.execute(
        "SELECT payload FROM submits WHERE state IN ('submitting', 'doubtful') AND channel = coalesce(?, channel)"
        " ORDER BY n",
        (channel,),
    )
    return [command_of(payload) for (payload,) in rows.fetchall()]


def doubt(db: sqlite3.Connection, message: MessageSid, now: float) -> bool:
    """Its last segment may have gone out: a report of a stranger to the same number would be about it.

    False: there is nothing to wait for. It is known by now how it went, or more segments would have had to follow.
    """
    row = db.execute("SELECT payload, segment, state, segments FROM submits WHERE message = ?", (message,)).fetchone()
    if row is None or row[2] not in ("submitting", "doubtful"):
        return False
    command = command_of(row[0])
    if row[1] + 1 < (row[3] or count_segments(command.body, port=command.port).segments):
        return False
    db.execute("UPDATE submits SET state = 'doubtful' WHERE message = ?", (message,))
    recognise(db, now)
    return True


def recognise(db: sqlite3.Connection, now: float) -> None:
    """Give a doubtful submit the report that came after it began and can be about nothing else."""
    for message, segment, ref in db.execute(_RECOGNISED, {"since": now - _UNCERTAIN_S}).fetchall():
        segment_sent(db, message, SubmitRef(from_column(ref), segment, segment + 1), now)


def sent_since(db: sqlite3.Connection, at: float) -> dict[ChannelId, int]:
    """Segments the network took, by channel."""
    rows = db.execute("SELECT channel, count(*) FROM submit_refs WHERE at >= ? GROUP BY channel", (at,))
    return {ChannelId(channel): count for channel, count in rows}


def tidy(db: sqlite3.Connection, now: float) -> None:
    db.execute("DELETE FROM submits WHERE state NOT IN ('queued', 'submitting') AND at < ?", (now - KEPT_S,))
    db.execute("DELETE FROM submit_refs WHERE message NOT IN (SELECT message FROM submits)")
    db.execute("DELETE FROM sms_copies WHERE message NOT IN (SELECT message FROM submits)")


def command_of(payload: str) -> SendMessage:
    """A message as it was asked for."""
    return cast("SendMessage", decode_command(json.loads(payload)))
