"""What was deleted in the cloud is deleted here: rows at once, sound by whoever looks after the files.

A row of the street up keeps its number and its id, by which the cloud knows this spool again; what it told is gone.
SIDs are remembered, so that what comes up late for one of them is dropped.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from edge_agent.spool import outbox, submits
from edge_agent.spool.outbox import Prepared
from telecore.codec import encode
from telecore.commands import Erase
from telecore.events import Event, RecordingBegan, RecordingChanged, RecordingDropped, RecordingMade
from telecore.ids import Sha256, is_sid

KEPT_S = 90 * 24 * 3600.0
"""How long a SID is remembered."""
_UNDER_WAY = ("submitting", "doubtful")
_BLANKED = """UPDATE outbox SET class = 'erased', kind = 'erased', subject = '',
    payload = json_object('kind', 'erased', 'id', CASE WHEN json_valid(payload) THEN json_extract(payload, '$.id') END)
    WHERE """
_MADE = "SELECT payload FROM outbox WHERE kind = 'recording.made' AND instr(payload, ?) > 0"
_OTHERS = "SELECT 1 FROM outbox WHERE kind = 'recording.made' AND instr(payload, ?) > 0"


def take(db: sqlite3.Connection, command: Erase, now: float) -> None:
    """Do it, as far as it can be done now: a message that is being sent at this moment goes afterwards."""
    for sid in command.subjects:
        db.execute("INSERT OR REPLACE INTO erased (sid, at, redacted) VALUES (?, ?, 0)", (sid, now))
        _erase(db, sid)
    for message in command.redacted:
        db.execute("INSERT OR IGNORE INTO erased (sid, at, redacted) VALUES (?, ?, 1)", (message, now))
        _redact(db, message)
    for sha256 in command.sounds:
        _let_go(db, sha256, f"{_OTHERS} AND acked_at IS NULL")


def append_all(db: sqlite3.Connection, events: Sequence[Prepared]) -> Sequence[int]:
    """Number events and keep them, as the outbox does; 0 for one of a recording that was deleted meanwhile."""
    late = [event for event, _ in events if _came_late(db, event)]
    if not late:
        return outbox.append_all(db, events)
    kept = iter(outbox.append_all(db, [one for one in events if one[0] not in late]))
    for event in late:  # after the others, of which one may have the same sound
        if isinstance(event, RecordingMade):
            _let_go(db, event.recording.sha256, _OTHERS)
    return [0 if event in late else next(kept) for event, _ in events]


def _came_late(db: sqlite3.Connection, event: Event) -> bool:
    sid = _recording_of(event)
    return bool(sid) and db.execute("SELECT 1 FROM erased WHERE sid = ?", (sid,)).fetchone() is not None


def sounds(db: sqlite3.Connection) -> Sequence[Sha256]:
    """Files that are to go."""
    return [Sha256(sha256) for (sha256,) in db.execute("SELECT sha256 FROM erased_sounds").fetchall()]


def sound_gone(db: sqlite3.Connection, sha256: Sha256) -> None:
    db.execute("DELETE FROM erased_sounds WHERE sha256 = ?", (sha256,))


def go_on(db: sqlite3.Connection) -> bool:
    """What was being sent when it was deleted goes now, if it is over; whether there was any."""
    query = "SELECT sid, redacted FROM erased JOIN submits ON submits.message = erased.sid"
    found = db.execute(query).fetchall()
    for sid, redacted in found:
        (_redact if redacted else _erase)(db, sid)
    return bool(found)


def tidy(db: sqlite3.Connection, now: float) -> None:
    """Forget SIDs for which nothing can come up any more."""
    db.execute("DELETE FROM erased WHERE at < ?", (now - KEPT_S,))


def _erase(db: sqlite3.Connection, sid: str) -> None:
    if is_sid(sid, "RE"):
        found = [_sound_of(payload) for (payload,) in db.execute(_MADE, (sid,)).fetchall()]
        db.execute(f"{_BLANKED} instr(payload, ?) > 0", (sid,))
        for sha256 in filter(None, found):
            _let_go(db, sha256, _OTHERS)
    elif is_sid(sid, "CA"):
        db.execute(f"{_BLANKED} instr(payload, ?) > 0 AND kind NOT LIKE 'recording.%'", (sid,))
    elif _forget_message(db, sid):
        db.execute(f"{_BLANKED} instr(payload, ?) > 0", (sid,))


def _forget_message(db: sqlite3.Connection, sid: str) -> bool:
    """False: it is being sent."""
    row = db.execute("SELECT state FROM submits WHERE message = ?", (sid,)).fetchone()
    if row is not None and row[0] in _UNDER_WAY:
        return False
    db.execute(
        "DELETE FROM reports WHERE n IN (SELECT r.n FROM reports r JOIN submit_refs f ON f.channel = r.channel"
        " AND f.ref = r.ref AND f.tail = r.tail WHERE f.message = ?)",
        (sid,),
    )
    for table in ("submit_refs", "sms_copies", "submits"):
        db.execute(f"DELETE FROM {table} WHERE message = ?", (sid,))
    return True


def _redact(db: sqlite3.Connection, sid: str) -> None:
    db.execute(f"{_BLANKED} kind = 'message.received' AND instr(payload, ?) > 0", (sid,))
    row = db.execute("SELECT state, payload FROM submits WHERE message = ?", (sid,)).fetchone()
    if row is not None and row[0] in ("queued", *_UNDER_WAY):
        return
    db.execute("DELETE FROM erased WHERE sid = ? AND redacted = 1", (sid,))
    if row is not None:
        bare = replace(submits.command_of(row[1]), to="", body="")
        payload = json.dumps(encode(bare), separators=(",", ":"))
        db.execute("UPDATE submits SET payload = ? WHERE message = ?", (payload, sid))


def _let_go(db: sqlite3.Connection, sha256: Sha256, others: str) -> None:
    """The file may go, unless another recording has the same sound."""
    if db.execute(others, (sha256,)).fetchone() is None:
        db.execute("INSERT OR IGNORE INTO erased_sounds (sha256) VALUES (?)", (sha256,))


def _sound_of(payload: str) -> Sha256 | None:
    """None for a row that a failing disk has changed."""
    try:
        return Sha256(str(json.loads(payload)["recording"]["sha256"]))
    except (ValueError, KeyError, TypeError):
        return None


def _recording_of(event: Event) -> str:
    if isinstance(event, RecordingMade):
        return event.recording.sid
    return event.sid if isinstance(event, RecordingBegan | RecordingChanged | RecordingDropped) else ""
