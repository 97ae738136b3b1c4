"""When an edge and this store remember different things: what is uncertain is found, reported and told to people.

The edge forgot: its disk was wiped, replaced, or restored from an older copy. What it had been given and not reported
is in *doubt* until it has told all that it still knows; what is then still being sent is reported as uncertain. What
it was never given waits, and is given to it.

This store forgot: it was restored from a backup. It begins a new street down, and the edge tells again what it still
has; what it did meanwhile it knows by the commands' ids and does not do again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from cloud.store import applied, edges, messages, notifications, outbox, warnings
from cloud.store.database import Connection
from cloud.store.records import EdgeRecord, MessageRecord
from cloud.tunnel import message_steps
from cloud.tunnel.heard import Told
from telecore.commands import Erase
from telecore.events import MessageFailed, WarningCleared, WarningRaised
from telecore.ids import EdgeId, MessageSid, new_id
from telecore.model import MessageStatus
from telecore.tunnel.frames import Hello
from telecore.tunnel.resync import Verdict, verdict

log = logging.getLogger(__name__)

UNCERTAIN = 30008
SHOWN = timedelta(days=1)
EDGE_FORGOT, CLOUD_FORGOT, SECRET_UNREADABLE = "memory_lost", "store_older", "secret_unreadable"
_SUBJECT = "cloud"
"""Whose warning it is: the edge's own of the same name is cleared by the edge."""
_UNSURE = "the memory of the site that had it was lost, so it may have been sent"


def last_applied(conn: Connection, streets: Sequence[tuple[EdgeId, str]]) -> list[tuple[int, str] | None]:
    """How far each of these streets is applied, and the last item's id. None: a new one of an edge that had another."""
    known = applied.streets(conn, (edge for edge, _ in streets))
    return [known[edge].get(stream, None if known[edge] else (0, "")) for edge, stream in streets]


def new_street(conn: Connection, edge: EdgeId, hello: Hello, now: datetime) -> None:
    """The edge has begun a new street: what it knew of the old one may be gone."""
    applied.set(conn, edge, hello.stream, 0)
    _doubt(conn, edge, hello, now, "its disk was replaced, wiped, or restored")


class Resumption(NamedTuple):
    """An edge's Resume: it has applied this number, an item with this id."""

    edge: EdgeId
    applied: int
    mark: str


def weighed(conn: Connection, resumed: Sequence[Resumption]) -> list[tuple[Verdict, int]]:
    """What each Resume says beside what is known here, and how far its edge had confirmed."""
    records = edges.of(conn, [one.edge for one in resumed])
    return [_weighed(conn, one, record) for one, record in zip(resumed, records, strict=True)]


def _weighed(conn: Connection, said: Resumption, record: EdgeRecord | None) -> tuple[Verdict, int]:
    if record is None:
        return Verdict.CONTINUES, 0
    acked = record.outbox_acked
    found = None if said.applied <= acked else outbox.id_at(conn, said.edge, said.applied)
    return verdict(said.applied, said.mark, found, acked=acked, highest=record.outbox_highest), acked


def cloud_forgot(conn: Connection, edge: EdgeId, claimed: int, now: datetime) -> None:
    """The edge has commands that this store does not know: begin a new street down."""
    edges.update(conn, edge, outbox_stream=new_id(), outbox_acked=0)
    text = (
        f"this store is older than it was: the site has commands up to {claimed} that are not known here. It tells"
        " again what it still has; what it did for messages and calls that are missing here is among its events"
    )
    tell_people(conn, edge, CLOUD_FORGOT, text, now)


def edge_forgot(conn: Connection, edge: EdgeId, claimed: int, hello: Hello, now: datetime) -> None:
    """The edge had confirmed commands that it no longer knows."""
    record = edges.get(conn, edge)
    if record is None or record.doubt_at is None or record.doubt_stream != hello.stream:
        _doubt(conn, edge, hello, now, f"it had confirmed commands above {claimed} and no longer knows them")
    edges.update(conn, edge, outbox_acked=claimed)
    if applied.get(conn, edge, hello.stream) == hello.highest:
        settle(conn, edges.get(conn, edge), hello.stream, hello.highest)


def settle(conn: Connection, edge: EdgeRecord | None, stream: str, seq: int) -> list[Told]:
    """The edge's street is applied up to ``seq``: if that is all it still knew, report what is in doubt."""
    if edge is None or edge.doubt_at is None or stream != edge.doubt_stream or seq < edge.doubt_seq:
        return []
    reported = [_uncertain(conn, sid) for sid in messages.being_sent(conn, edge.edge, edge.doubt_at)]
    edges.update(conn, edge.edge, doubt_at=None)
    done = [record for record in reported if record is not None]
    if done:
        text = f"{len(done)} messages that the site had before its memory was lost are reported as uncertain"
        log.critical("edge %s: %s: %s", edge.edge, text, ", ".join(record.sid for record in done[:20]))
    return [Told(edge.edge, _failed(record.sid), message=record) for record in done]


def _failed(sid: MessageSid) -> MessageFailed:
    return MessageFailed(message=sid, code=UNCERTAIN, reason=_UNSURE, uncertain=True)


def _doubt(conn: Connection, edge: EdgeId, hello: Hello, now: datetime, why: str) -> None:
    edges.update(conn, edge, doubt_at=now, doubt_stream=hello.stream, doubt_seq=hello.highest)
    perhaps = _perhaps_given(conn, edge)
    for seq, message in perhaps:
        outbox.remove(conn, edge, seq)
        if message is not None:
            _uncertain(conn, message)
    sent = len(messages.being_sent(conn, edge, now))
    text = (
        f"the site forgot what it was given: {why}. {sent} messages are uncertain until it has told what it still"
        f" knows, {len(perhaps)} commands were perhaps given to it and are not given again;"
        " what it had not told us before is lost"
    )
    tell_people(conn, edge, EDGE_FORGOT, text, now)


def _perhaps_given(conn: Connection, edge: EdgeId) -> list[tuple[int, MessageSid | None]]:
    """Commands that were on their way while the edge was last connected, unconfirmed."""
    record = edges.get(conn, edge)
    seen = record.last_seen_at if record is not None and not record.linked else None
    return [
        (row.seq, outbox.message_of(row.payload))
        for row in outbox.rows(conn, edge)
        if record is not None and record.last_seen_at is not None and (seen is None or row.created_at <= seen)
        if row.payload.get("kind") != Erase.kind  # which may be done twice
    ]


def _uncertain(conn: Connection, sid: MessageSid) -> MessageRecord | None:
    after = message_steps.step(conn, sid, MessageStatus.FAILED, error_code=UNCERTAIN, error_message=_UNSURE)
    if after is not None:
        notifications.add(conn, after.account, after.sid, UNCERTAIN, f"Message {after.sid}: {_UNSURE}")
    return after


def tell_people(conn: Connection, edge: EdgeId, code: str, text: str, now: datetime) -> None:
    """In the log, and where the edge's warnings are, until people have had time to read it."""
    log.critical("edge %s: %s", edge, text)
    warnings.raise_(conn, edge, WarningRaised(code=code, severity="critical", text=text, subject=_SUBJECT), now)


def forget_warnings(conn: Connection, edge: EdgeId, now: datetime) -> None:
    """People have had time to read them."""
    for code in (EDGE_FORGOT, CLOUD_FORGOT, SECRET_UNREADABLE):
        since = warnings.since(conn, edge, code, _SUBJECT)
        if since is not None and since < now - SHOWN:
            warnings.clear(conn, edge, WarningCleared(code=code, subject=_SUBJECT))
