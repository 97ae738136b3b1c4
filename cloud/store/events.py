"""Everything edges told, once each: the record of what happened, and the guard against hearing it twice."""

from __future__ import annotations

from sqlalchemy import Connection, select

from cloud.store import tables
from cloud.store.records import EventRecord
from cloud.store.rows import from_row, now
from cloud.store.schema import events
from telecore import codec
from telecore.events import Event
from telecore.ids import EdgeId

_SUBJECTS = ("call", "message", "channel", "subject")


def insert(conn: Connection, event: Event, edge: EdgeId) -> bool:
    """Keep the event. False: its id is known, so its effect is done already."""
    row: dict[str, object] = {
        "event": event.id,
        "edge": edge,
        "kind": event.kind,
        "subject": subject(event),
        "at": event.at,
        "received_at": now(),
        "payload": codec.encode(event),
    }
    return tables.insert_new(conn, events, row)


def subject(event: Event) -> str:
    """What the event is about: a call's or message's SID, a channel, or nothing."""
    status = getattr(event, "status", None)
    named = [getattr(event, name, "") for name in _SUBJECTS] + [getattr(status, "channel", "")]
    return next((str(name) for name in named if name), "")


def list_(
    conn: Connection, *, about: str | None = None, edge: str | None = None, limit: int = 100
) -> list[EventRecord]:
    """The latest, newest first, about a subject or from an edge."""
    asked = select(events).order_by(events.c.id.desc()).limit(limit)
    if about is not None:
        asked = asked.where(events.c.subject == about)
    if edge is not None:
        asked = asked.where(events.c.edge == edge)
    return [from_row(EventRecord, row) for row in conn.execute(asked).mappings()]
