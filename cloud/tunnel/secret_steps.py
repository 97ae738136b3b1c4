"""A secret for an edge that cannot be opened: its message or task ends, people are told, and the rest goes on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cloud.sealing import SealBroken
from cloud.store import notifications, outbox, tasks
from cloud.store.database import Connection
from cloud.store.records import MessageRecord
from cloud.tunnel import message_steps, resync_steps
from telecore.ids import EdgeId, MessageSid
from telecore.model import MessageStatus

UNREADABLE = SealBroken.code
_MESSAGE = "its text could not be opened in the database of the cloud, so it was not sent"
_TASK = "The command could not be opened in the database of the cloud; nothing was done"


def set_aside(conn: Connection, edge: EdgeId, seqs: Sequence[int], now: datetime) -> int:
    """End those of these commands that cannot be opened; how many. Raises KeysUnreadable.

    An edge that has none of them did nothing: what is offered to it is above what it says it has.
    """
    found = [payload for seq in seqs if (payload := outbox.put_aside(conn, edge, seq)) is not None]
    for payload in found:
        message = outbox.message_of(payload)
        if message is not None:
            _fail(conn, message)
        elif tasks.get(conn, payload["id"]) is not None:
            tasks.settle(conn, payload["id"], "failed", {"code": UNREADABLE, "message": _TASK})
    if found:
        _tell(conn, edge, [str(payload["id"]) for payload in found], now)
    return len(found)


def not_sent(conn: Connection, edge: EdgeId, sid: MessageSid, now: datetime) -> MessageRecord | None:
    """The message that was to go to this edge has a text that cannot be opened."""
    after = _fail(conn, sid)
    _tell(conn, edge, [sid], now)
    return after


def _fail(conn: Connection, sid: MessageSid) -> MessageRecord | None:
    after = message_steps.step(conn, sid, MessageStatus.FAILED, error_code=UNREADABLE, error_message=_MESSAGE)
    if after is not None:
        notifications.add(conn, after.account, after.sid, UNREADABLE, f"Message {after.sid}: {_MESSAGE}")
    return after


def _tell(conn: Connection, edge: EdgeId, ids: Sequence[str], now: datetime) -> None:
    text = (
        f"secrets that waited for the site cannot be opened, and what they belong to has failed: {', '.join(ids[:20])}."
        " Rows of the database were changed, or a key is missing in its file; see The key of the secrets in"
        " docs/operations.md"
    )
    resync_steps.tell_people(conn, edge, resync_steps.SECRET_UNREADABLE, text, now)
