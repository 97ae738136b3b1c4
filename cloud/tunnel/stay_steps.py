"""What an edge tells of stays, and the end of a call, for whatever it was in: a conference, a queue, or neither."""

from __future__ import annotations

from datetime import datetime

from cloud.store import participants, queues
from cloud.store.database import Connection
from cloud.store.records import CallRecord
from cloud.tunnel import conference_steps, queue_steps
from telecore.events import StayEnded


def ended(conn: Connection, call: CallRecord, event: StayEnded, at: datetime, fields: dict[str, str]) -> None:
    """A call left. ``fields``: what every request about it says."""
    participant = participants.by_stay(conn, event.stay)
    if participant is not None and participant.call == call.sid:
        conference_steps.leave(conn, participant, event.because, at)
    member = queues.by_stay(conn, event.stay)
    if member is not None and member.call == call.sid and member.status != queues.GONE:
        queue_steps.stay_ended(conn, member, call, event, fields)
    taken = queues.taken_by(conn, call.sid) if event.live_s is not None else None
    if taken is not None and taken.stay != event.stay:
        queue_steps.gone(conn, taken)  # they talked, and that ends for both


def call_over(conn: Connection, call: str, at: datetime) -> None:
    """It is nowhere any more."""
    conference_steps.call_over(conn, call, at)
    queue_steps.call_over(conn, call)
