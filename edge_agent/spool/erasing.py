"""What was deleted in the cloud is deleted here: rows at once, sound by whoever looks after the files.

A row of the street up keeps its number and its id, by which the cloud knows this spool again; what it told is gone.
SIDs of recordings are remembered, so that what comes up late for one of them is dropped.

Rows of the street are found by reading all of them, so that is done for many SIDs at a time.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from edge_agent.spool import outbox, submits
from edge_agent.spool.outbox import Prepared
from telecore.codec import encode
from telecore.commands import Erase
from telecore.events import Event, RecordingBegan, RecordingChanged, RecordingDropped, RecordingMade
from telecore.ids import Sha256, is_sid

KEPT_S = 90 * 24 * 3600.0
"""How long the SID of a recording is remembered."""
NAMES = {"SM": ("message", "subject"), "CA": ("call", "subject"), "RE": ("sid", "recording.sid")}
"""Where an event names what it is about."""
_UNDER_WAY = ("submitting", "doubtful")
_BLANKED = """UPDATE outbox SET class = 'erased', kind = 'erased', subject = '',
    payload = json_object('kind', 'erased', 'id', CASE WHEN json_valid(payload) THEN json_extract(payload, '$.id') END)
    WHERE """


def _among(*names: str) -> str:
    """Whether one of these fields is in the JSON list ``?1``; a row that is no JSON any more is searched for them."""
    found = " OR ".join(f"json_extract(payload, '$.{name}') IN (SELECT value FROM json_each(?1))" for name in names)
    broken = "EXISTS (SELECT 1 FROM json_each(?1) AS one WHERE instr(payload, one.value) > 0)"
    return f"CASE WHEN json_valid(payload) THEN {found} ELSE {broken} END"


_MESSAGE, _CALL, _RECORDING = (_among(*names) for names in NAMES.values())
_MADE = f"SELECT payload FROM outbox WHERE kind = 'recording.made' AND {_RECORDING}"
_WITH_SOUND = f"SELECT payload FROM outbox WHERE kind = 'recording.made' AND {_among('recording.sha256')}"


def take(db: sqlite3.Connection, commands: Sequence[Erase], now: float) -> None:
    """Do them, as far as it can be done now: a message that is being sent at this moment goes afterwards."""
    subjects = [sid for command in commands for sid in command.subjects]
    redacted = [sid for command in commands for sid in command.redacted]
    made = [(sid, now, 0) for sid in subjects if is_sid(sid, "RE")]
    db.executemany("INSERT OR REPLACE INTO erased (sid, at, redacted) VALUES (?, ?, ?)", made)
    later = [(sid, now, 0) for sid in _erase(db, subjects)] + [(sid, now, 1) for sid in _redact(db, redacted)]
    db.executemany("INSERT OR IGNORE INTO erased (sid, at, redacted) VALUES (?, ?, ?)", later)
    let_go(db, [sha256 for command in commands for sha256 in command.sounds], told=False)


def append_all(db: sqlite3.Connection, events: Sequence[Prepared]) -> Sequence[int]:
    """Number events and keep them, as the outbox does; 0 for one of a recording that was deleted meanwhile."""
    late = [event for event, _ in events if _came_late(db, event)]
    needed = [event.recording.sha256 for event, _ in events if isinstance(event, RecordingMade) and event not in late]
    db.executemany("DELETE FROM erased_sounds WHERE sha256 = ?", [(sha256,) for sha256 in needed])
    if not late:
        return outbox.append_all(db, events)
    kept = iter(outbox.append_all(db, [one for one in events if one[0] not in late]))
    # After the others, of which one may have the same sound.
    let_go(db, [event.recording.sha256 for event in late if isinstance(event, RecordingMade)])
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
    if not found:
        return False
    still = {*_erase(db, [sid for sid, redacted in found if not redacted])}
    still |= {*_redact(db, [sid for sid, redacted in found if redacted])}
    db.executemany("DELETE FROM erased WHERE sid = ?", [(sid,) for sid, _ in found if sid not in still])
    return True


def tidy(db: sqlite3.Connection, now: float) -> None:
    """Forget SIDs for which nothing can come up any more."""
    db.execute("DELETE FROM erased WHERE at < ?", (now - KEPT_S,))


def _erase(db: sqlite3.Connection, sids: Iterable[str]) -> list[str]:
    """Those that are being sent, and stay."""
    recordings: list[str] = []
    calls: list[str] = []
    messages: list[str] = []
    still: list[str] = []
    for sid in sids:
        if is_sid(sid, "RE"):
            recordings.append(sid)
        elif is_sid(sid, "CA"):
            calls.append(sid)
        else:
            (messages if _forget_message(db, sid) else still).append(sid)
    found = [_sound_of(payload) for (payload,) in _rows(db, _MADE, recordings)]
    _blank(db, _RECORDING, recordings)
    _blank(db, f"kind NOT LIKE 'recording.%' AND {_CALL}", calls)
    _blank(db, _MESSAGE, messages)
    let_go(db, [sha256 for sha256 in found if sha256])
    return still


def _blank(db: sqlite3.Connection, which: str, sids: Collection[str]) -> None:
    if sids:
        db.execute(f"{_BLANKED}{which}", (json.dumps(list(sids)),))


def _rows(db: sqlite3.Connection, query: str, wanted: Collection[str]) -> list[tuple[str]]:
    return db.execute(query, (json.dumps(list(wanted)),)).fetchall() if wanted else []


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


def _redact(db: sqlite3.Connection, sids: Collection[str]) -> list[str]:
    """Those that are yet to be sent, and stay."""
    _blank(db, f"kind = 'message.received' AND {_MESSAGE}", sids)
    still = []
    for sid in sids:
        row = db.execute("SELECT state, payload FROM submits WHERE message = ?", (sid,)).fetchone()
        if row is not None and row[0] in ("queued", *_UNDER_WAY):
            still.append(sid)
        elif row is not None:
            bare = replace(submits.command_of(row[1]), to="", body="")
            payload = json.dumps(encode(bare), separators=(",", ":"))
            db.execute("UPDATE submits SET payload = ? WHERE message = ?", (payload, sid))
    return still


def let_go(db: sqlite3.Connection, hashes: Collection[Sha256], *, told: bool = True) -> None:
    """The files may go, unless another recording has the same sound. ``told``: also one that the cloud knows of."""
    query = _WITH_SOUND if told else f"{_WITH_SOUND} AND acked_at IS NULL"
    others = " ".join(payload for (payload,) in _rows(db, query, hashes))
    alone = [(sha256,) for sha256 in hashes if sha256 not in others]
    db.executemany("INSERT OR IGNORE INTO erased_sounds (sha256) VALUES (?)", alone)


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
