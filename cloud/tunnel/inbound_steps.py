"""A message that came in: whom it is told to, and what its keyword does, in the transaction that keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cloud.store import callbacks, messages, messaging_services, notifications, opt_outs
from cloud.store.database import Connection
from cloud.store.records import Hook, MessageRecord, MessagingServiceRecord, NumberRecord
from cloud.tunnel.heard import Allow
from telecore.errors import Refused
from telecore.ids import MessageSid, new_sid
from telecore.model import Direction, MessageStatus
from telecore.numbers import is_e164, is_short_code
from telecore.opt_out import REPLIES, OptOut, keyword_of
from telecore.sms import count_segments
from telecore.twiml import params

REPLY_VALIDITY = timedelta(hours=10)


@dataclass(frozen=True, slots=True)
class Hooks:
    """Where a number's messages are told, and by whose settings."""

    url: Hook
    fallback: Hook
    service: MessagingServiceRecord | None


def hooks_of(conn: Connection, number: NumberRecord) -> Hooks:
    """The service's, for a number that is in one and does not keep its own."""
    service = messaging_services.service_of(conn, number.sid)
    if service is None or (service.use_inbound_webhook_on_number and number.sms.url):
        return Hooks(number.sms, number.sms_fallback, service)
    return Hooks(service.inbound, service.fallback, service)


def received(
    conn: Connection, number: NumberRecord, record: MessageRecord, now: datetime, allow: Allow
) -> MessageRecord:
    """Do what its keyword says, tell the application, and remember the number that this person wrote to."""
    hooks = hooks_of(conn, number)
    service = hooks.service
    if service is not None:
        record = messages.update(conn, record.sid, service=service.sid) or record
        if service.sticky_sender and is_e164(record.sender):
            messaging_services.set_sticky_sender(conn, service.sid, record.sender, number.sid)
    word = _obeyed(conn, number, service, record, now=now, allow=allow)
    if hooks.url.url:
        fields = params.message_received(
            message=record.sid,
            account=record.account,
            sender=record.sender,
            recipient=record.recipient,
            body=record.body,
            segments=record.segments,
            service=record.service,
            opt_out=word,
        )
        callbacks.add(conn, record.account, record.sid, hooks.url, fields, kind="message")
    return record


def _obeyed(
    conn: Connection,
    number: NumberRecord,
    service: MessagingServiceRecord | None,
    record: MessageRecord,
    *,
    now: datetime,
    allow: Allow,
) -> OptOut | None:
    """The keyword, once it is done and answered; None for a message that has none."""
    word, senders = keyword_of(record.body), [number.sid, *([service.sid] if service is not None else [])]
    answers = True
    if word is OptOut.STOP:
        answers = opt_outs.add(conn, record.account, senders[-1], record.sender)
    elif word is OptOut.START:
        answers = opt_outs.remove(conn, senders, record.sender)
        if not answers and record.body.strip().upper() == "YES":  # an answer to something else
            return None
    if word is not None and answers:
        _reply(conn, service, record, word, now=now, allow=allow)
    return word


def _reply(
    conn: Connection,
    service: MessagingServiceRecord | None,
    record: MessageRecord,
    word: OptOut,
    *,
    now: datetime,
    allow: Allow,
) -> None:
    """Queue it without a channel: it is routed once this is committed. What the account may not send is noted."""
    body = _words(service, word)
    if not body or not (is_e164(record.sender) or is_short_code(record.sender)):
        return
    reply = MessageRecord(
        sid=MessageSid(new_sid("SM")),
        account=record.account,
        direction=Direction.OUTBOUND_REPLY,
        sender=record.recipient,
        recipient=record.sender,
        body=body,
        status=MessageStatus.QUEUED,
        created_at=now,
        updated_at=now,
        segments=count_segments(body).segments,
        not_after=now + REPLY_VALIDITY,
        service=record.service,
    )
    try:
        allow(conn, reply)
    except Refused as error:
        text = f"The answer to {word} was not sent: {error.message}"
        notifications.add(conn, record.account, record.sid, error.code, text)
        return
    messages.insert(conn, reply)


def _words(service: MessagingServiceRecord | None, word: OptOut) -> str:
    own = None
    if service is not None:
        own = {OptOut.STOP: service.stop_reply, OptOut.START: service.start_reply, OptOut.HELP: service.help_reply}[
            word
        ]
    return REPLIES[word] if own is None else own
