"""Steps in the life of a message, each with the status callback that tells of it, in one transaction."""

from __future__ import annotations

from datetime import UTC, datetime

from cloud.store import callbacks, messages
from cloud.store.database import Connection
from cloud.store.records import Hook, MessageRecord
from telecore.ids import MessageSid
from telecore.model import Direction, MessageStatus
from telecore.states import FINAL_MESSAGE
from telecore.twiml import params

FORGETS_SECRETS = FINAL_MESSAGE | {MessageStatus.SENDING, MessageStatus.SENT}
"""The edge has the text, or nobody will."""


def step(
    conn: Connection, sid: MessageSid, status: MessageStatus, done_at: datetime | None = None, **changes: object
) -> MessageRecord | None:
    """Take the step; None when the table does not allow it (a repetition, or news that came late)."""
    if status in FORGETS_SECRETS:
        changes["secret_body"] = None
    after = messages.update_status(conn, sid, status, **changes)
    if after is not None:
        tell(conn, after, done_at)
    return after


def tell(conn: Connection, record: MessageRecord, done_at: datetime | None = None) -> None:
    """Queue the callback of the status it has now. ``done_at`` is the report's stamp (23.040 §9.2.3.13)."""
    if not record.status_callback:
        return
    fields = params.message_status(
        message=record.sid,
        account=record.account,
        sender=record.sender,
        recipient=record.recipient,
        status=str(record.status),
        error_code=record.error_code,
    )
    if done_at is not None:
        fields["RawDlrDoneDate"] = done_at.astimezone(UTC).strftime("%y%m%d%H%M")
    if record.service is not None:
        fields["MessagingServiceSid"] = record.service
    hook = Hook(record.status_callback, record.status_callback_method)
    callbacks.add(conn, record.account, record.sid, hook, fields)


def of_edge(conn: Connection, sid: MessageSid, edge: str) -> MessageRecord | None:
    """The message, if it went out through a channel of this edge."""
    record = messages.get(conn, sid)
    if record is None or record.direction is Direction.INBOUND or record.channel is None:
        return None
    return record if owner_of(record.channel) == edge else None


def owner_of(channel: str) -> str:
    """The edge that a channel's name says it belongs to."""
    return channel.partition("/")[0]


def storable(text: str) -> str:
    """Half of a surrogate pair, which a broken SMS may hold, cannot be written anywhere."""
    return text.encode("utf-8", "replace").decode()
