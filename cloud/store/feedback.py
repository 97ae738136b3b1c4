"""What applications tell of the messages they sent: whether they did what they were for."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, update

from cloud.store import tables
from cloud.store.records import FeedbackRecord
from cloud.store.rows import now
from cloud.store.schema import message_feedback
from telecore.ids import AccountSid, MessageSid


def put(conn: Connection, account: AccountSid, message: MessageSid, outcome: str) -> FeedbackRecord:
    """Keep the outcome in place of an earlier one; when it was told first stays."""
    made, known = now(), get(conn, message)
    if known is not None:
        changes = {"outcome": outcome, "updated_at": made}
        conn.execute(update(message_feedback).where(message_feedback.c.message == message).values(changes))
        return FeedbackRecord(message, account, outcome, known.created_at, made)
    values = {"message": message, "account": account, "outcome": outcome, "created_at": made, "updated_at": made}
    conn.execute(insert(message_feedback).values(values))
    return FeedbackRecord(message, account, outcome, made, made)


def get(conn: Connection, message: str) -> FeedbackRecord | None:
    return tables.find(conn, message_feedback, FeedbackRecord, message=message)


def forget(conn: Connection, message: str) -> None:
    conn.execute(delete(message_feedback).where(message_feedback.c.message == message))
