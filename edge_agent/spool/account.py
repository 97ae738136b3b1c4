"""When this spool and the cloud remember different things: who went back in time, and what follows here."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import cast

from edge_agent.spool import outbox
from telecore.codec import decode_command
from telecore.commands import SendMessage
from telecore.events import MessageFailed
from telecore.ids import new_id
from telecore.tunnel.resync import Verdict, verdict

_BEGUN = "SELECT message, payload FROM submits WHERE state IN ('queued', 'submitting', 'doubtful') ORDER BY n"
_UNSURE = "this edge's memory is older than it was, so it may have been sent"


@dataclass(frozen=True, slots=True)
class Weighed:
    """What became of a Resume. ``said``: the account in words, empty when all is well."""

    verdict: Verdict
    stream: str
    said: str = ""


def weigh(db: sqlite3.Connection, applied: int, named: str) -> Weighed:
    """Compare what the cloud says it has with what is known here, and act on it."""
    row = db.execute("SELECT payload FROM outbox WHERE seq = ?", (applied,)).fetchone()
    found = str(json.loads(row[0]).get("id", "")) if row else None
    acked, highest = outbox.acked(db), outbox.highest(db)
    found_out = verdict(applied, named, found, acked=acked, highest=highest)
    said = ""
    if found_out is Verdict.SENDER_OLDER:
        said = begin_anew(db, f"the cloud has {applied} events of this street, {highest} are known here")
    elif found_out is Verdict.RECEIVER_OLDER:
        said = _tell_again(db, applied, acked)
    return Weighed(found_out, stream(db), said)


def begin_anew(db: sqlite3.Connection, why: str) -> str:
    """This file is older than what was done with it: begin a new street, and send nothing of what waits in it.

    Whoever restored the file does not know which of its messages went out since. Events that are told twice the cloud
    knows by their ids.
    """
    waiting = [cast("SendMessage", decode_command(json.loads(row[1]))) for row in db.execute(_BEGUN).fetchall()]
    for command in waiting:
        db.execute("UPDATE submits SET state = 'uncertain' WHERE message = ?", (command.message,))
        failed = MessageFailed(command=command.id, message=command.message, code=30008, reason=_UNSURE, uncertain=True)
        outbox.append(db, failed)
    db.execute("UPDATE meta SET value = ? WHERE name = 'stream'", (new_id(),))
    outbox.set_acked(db, 0)
    return (
        f"the spool is older than it was ({why}): {len(waiting)} messages that waited in it are reported as uncertain"
    )


def _tell_again(db: sqlite3.Connection, applied: int, acked: int) -> str:
    """The cloud has forgotten what it had: what is still here is told again, the rest is gone."""
    again = db.execute("UPDATE outbox SET acked_at = NULL WHERE seq > ? AND acked_at IS NOT NULL", (applied,)).rowcount
    outbox.set_acked(db, applied)
    gone = acked - applied - again
    return (
        f"the cloud's memory is older than it was: it had {acked} events and has {applied}; {again} are told again,"
        f" {gone} are no longer kept here"
    )


def stream(db: sqlite3.Connection) -> str:
    return str(db.execute("SELECT value FROM meta WHERE name = 'stream'").fetchone()[0])
