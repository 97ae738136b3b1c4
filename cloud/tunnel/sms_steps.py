"""A message that a page of a call wants sent: written down to be routed, or told its author why it cannot be."""

from __future__ import annotations

from datetime import datetime, timedelta

from cloud.store import messages, notifications, numbers, opt_outs
from cloud.store.database import Connection
from cloud.store.records import CallRecord, MessageRecord
from cloud.tunnel import message_steps
from cloud.tunnel.heard import Allow
from telecore.errors import Refused
from telecore.events import MessageWanted
from telecore.ids import Address, is_sid
from telecore.model import Direction, MessageStatus
from telecore.numbers import is_e164, is_short_code
from telecore.sms import count_segments

VALIDITY = timedelta(hours=10)
INVALID_TO, INVALID_FROM, UNSUBSCRIBED = 14101, 14102, 21610


def wanted(
    conn: Connection, call: CallRecord, event: MessageWanted, now: datetime, allow: Allow
) -> MessageRecord | None:
    """The message, queued without a channel: it is routed once this is committed. None: a repetition, or at fault."""
    if not is_sid(event.message, "SM") or messages.get(conn, event.message) is not None:
        return None
    inbound = call.direction is Direction.INBOUND
    ours, theirs = (call.called, call.caller) if inbound else (call.caller, call.called)
    sender, to = event.sender or ours, event.to or theirs
    fault = _fault(conn, call, sender, to)
    if fault is not None:
        notifications.add(conn, call.account, call.sid, *fault)
        return None
    record = MessageRecord(
        sid=event.message,
        account=call.account,
        direction=Direction.OUTBOUND_DIAL,
        sender=Address(sender),
        recipient=Address(to),
        body=message_steps.storable(event.body),
        status=MessageStatus.QUEUED,
        created_at=now,
        updated_at=now,
        segments=count_segments(event.body).segments,
        status_callback=event.status_callback,
        not_after=now + VALIDITY,
    )
    try:
        allow(conn, record)
    except Refused as error:
        notifications.add(conn, call.account, call.sid, error.code, f"<Sms> was not sent: {error.message}")
        return None
    record = messages.insert(conn, record)
    message_steps.tell(conn, record)
    return record


def _fault(conn: Connection, call: CallRecord, sender: str, to: str) -> tuple[int, str] | None:
    number = numbers.get_by_number(conn, sender)
    if number is None or number.account != call.account:
        return INVALID_FROM, "<Sms> is from a number that is not this account's"
    if not (is_e164(to) or is_short_code(to)) or to == sender:
        return INVALID_TO, "<Sms> goes to something that is no number, as a withheld one is, or to itself"
    if opt_outs.refuses(conn, to, number=number.sid):
        return UNSUBSCRIBED, "<Sms> was not sent: its recipient wants no messages from this number"
    return None
