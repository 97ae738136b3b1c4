"""What is deleted is gone: with a message or a call go all copies of what it said and who said it.

Its events keep their ids, which tell repetitions apart; what they told is blanked. Callbacks that are still to be made
are made, and leave nothing behind. ``Database.scrub`` then empties SQLite's log, where deleted pages stand for a while.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, update

from cloud.store import messages, webhook_log
from cloud.store.schema import callbacks, events, notifications


def message(conn: Connection, sid: str) -> None:
    """The message, and everything that is about it."""
    messages.delete(conn, sid)
    told(conn, sid)
    conn.execute(delete(notifications).where(notifications.c.subject == sid))


def told(conn: Connection, sid: str) -> None:
    """Copies of what was said: in events, in the log of webhooks, in callbacks that were given up."""
    webhook_log.forget(conn, sid)
    conn.execute(update(events).where(events.c.subject == sid).values(payload={}))
    conn.execute(delete(callbacks).where(callbacks.c.subject == sid, callbacks.c.pending.is_(False)))
