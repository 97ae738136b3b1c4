"""What a broken spool still gives away: events nobody was told of, and messages that were to be sent."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from edge_agent.spool import outbox
from telecore.codec import decode_command, decode_event
from telecore.commands import SendMessage
from telecore.errors import RemoteProtocolError
from telecore.events import Event, MessageFailed

log = logging.getLogger(__name__)

_UNTOLD = "SELECT payload FROM outbox WHERE acked_at IS NULL AND class != 'erased' ORDER BY seq"
_UNSENT = "SELECT payload FROM submits WHERE state IN ('queued', 'submitting', 'doubtful') ORDER BY n"


def salvage(broken: Path, db: sqlite3.Connection) -> int:
    """Copy what can be read into a new spool; how many events. The cloud knows events by id, so none counts twice.

    A message that waited to be sent is told as failed: whether its row still says the truth, nobody knows.
    """
    rescued = 0
    db.execute("BEGIN IMMEDIATE")
    for event in _events(broken):
        outbox.append(db, event)
        rescued += 1
    db.execute("COMMIT")
    log.warning("%d events were rescued from the broken spool", rescued)
    return rescued


def _events(broken: Path) -> Iterator[Event]:
    for text in _rows(broken, _UNTOLD):
        try:
            yield decode_event(json.loads(text))
        except (ValueError, RemoteProtocolError):
            continue
    for text in _rows(broken, _UNSENT):
        try:
            command = decode_command(json.loads(text))
        except (ValueError, RemoteProtocolError):
            continue
        if isinstance(command, SendMessage):
            reason = "this edge's memory of it was damaged, so it may have been sent"
            yield MessageFailed(command=command.id, message=command.message, code=30008, reason=reason, uncertain=True)


def _rows(broken: Path, query: str) -> Iterator[str]:
    """Rows until the damage is reached."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(broken))}?mode=ro", uri=True)) as old:
            old.text_factory = lambda text: text.decode("utf-8", "replace")
            for (text,) in old.execute(query):
                if isinstance(text, str):
                    yield text
    except (sqlite3.Error, UnicodeDecodeError) as error:
        log.info("the broken spool gives no more: %s", error)
