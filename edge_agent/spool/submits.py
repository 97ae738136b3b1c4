"""Messages to be sent: what was begun is known before it is begun, so nothing is ever sent twice."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from edge_agent.contracts import SubmitRef
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
    return [QueuedSms(_command(payload), segment, attempts) for payload, segment, attempts in rows]


def begin(db: sqlite3.Connection, message: MessageSid, segments: int = 0) -> bool:
    """From here on the next segment may have gone out. Reports that came before are not about it.

    ``segments``: how many it will be, where the line knows. False: the message does not wait to be sent.
    """
    cursor = db.execute(
        "UPDATE submits SET state = 'submitting', segments = max(segments, ?),"
        " mark = (SELECT coalesce(max(n), 0) FROM reports) WHERE message = ? AND state = 'queued'",
        (segments, message),
    )
    return cursor.rowcount == 1


def begin_all(db: sqlite3.Connection, begun: Sequence[tuple[MessageSid, int]]) -> list[bool]:
    """Several at once, as ``begin``."""
    return [begin(db, message, segments) for message, segments in begun]


def segment_sent(db: sqlite3.Connection, message: MessageSid, ref: SubmitRef, now: float) -> None:
    """The network took a segment: keep its reference; after the last one, tell it."""
    channel, tail, command, mark = db.execute(
        "SELECT channel, tail, command, mark FROM submits WHERE message = ?", (message,)
    ).fetchone()
    db.execute(
        "INSERT OR REPLACE INTO submit_refs (message, segment, channel, ref, tail, at) VALUES (?, ?, ?, ?, ?, ?)",
        (message, ref.segment, channel, to_column(ref.ref), tail, now),
    )
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
            refs=_refs(db, message) if ref.segments > 1 else (ref.ref,),
        )
        outbox.append(db, event)
        if early or ref.segments > 1:
            reports.settle(db, message)


def _refs(db: sqlite3.Connection, message: MessageSid) -> tuple[int | str, ...]:
    rows = db.execute("SELECT ref FROM submit_refs WHERE message = ? ORDER BY segment", (message,))
    return tuple(from_column(kept) for (kept,) in rows)


def put_back(db: sqlite3.Connection, message: MessageSid, *, refused: bool) -> None:
    """Nothing of the segment went out; it may be tried again."""
    db.execute(
        "UPDATE submits SET state = 'queued', attempts = attempts + ? WHERE message = ? AND state = 'submitting'",
        (int(refused), message),
    )


def finish(db: sqlite3.Connection, message: MessageSid, event: Event, now: float) -> None:
    """It will not be sent, or nobody knows; the event says which. A message that is out after all stays so."""
    recognise(db, now)
    state = "uncertain" if isinstance(event, MessageFailed) and event.uncertain else "failed"
    cursor = db.execute(
        "UPDATE submits SET state = ? WHERE message = ? AND state IN ('queued', 'submitting', 'doubtful')",
        (state, message),
    )
    if cursor.rowcount == 1:
        outbox.append(db, event)


def interrupted(db: sqlite3.Connection, channel: ChannelId | None) -> list[SendMessage]:
    """Messages that were begun and not finished: whether they went out nobody knows, so nobody sends them again."""
    rows = db.execute(
        "SELECT payload FROM submits WHERE state IN ('submitting', 'doubtful') AND channel = coalesce(?, channel)"
        " ORDER BY n",
        (channel,),
    )
    return [_command(payload) for (payload,) in rows.fetchall()]


def doubt(db: sqlite3.Connection, message: MessageSid, now: float) -> bool:
    """Its last segment may have gone out: a report of a stranger to the same number would be about it.

    False: there is nothing to wait for. It is known by now how it went, or more segments would have had to follow.
    """
    row = db.execute("SELECT payload, segment, state, segments FROM submits WHERE message = ?", (message,)).fetchone()
    if row is None or row[2] not in ("submitting", "doubtful"):
        return False
    command = _command(row[0])
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


def _command(payload: str) -> SendMessage:
    return cast("SendMessage", decode_command(json.loads(payload)))
