"""A message as it is asked for, checked against what there is: its sender, its service, its recipient's wishes."""

from __future__ import annotations

from dataclasses import replace

from cloud.services import application_hooks
from cloud.services.requests import NewMessage
from cloud.services.sending import Sending, Woken
from cloud.store import feedback, messaging_services, numbers
from cloud.store.database import Connection
from cloud.store.records import MessageRecord, MessagingServiceRecord, NumberRecord
from telecore.errors import InvalidRequest, NoRoute
from telecore.ids import AccountSid
from telecore.model import Direction
from telecore.routing import Decision
from telecore.sms import count_segments

NOT_OURS = 21606
NO_SERVICE = 21701
NO_SENDER = 21703
EMPTY_SERVICE = 21704
NOT_IN_SERVICE = 21711


def made(conn: Connection, sending: Sending, account: AccountSid, wanted: NewMessage, woken: Woken) -> MessageRecord:
    """Enter the message and bring it as far as it goes now. Raises InvalidRequest, NoRoute; then nothing is kept."""
    woken.clear()
    service = _service(conn, account, wanted.service) if wanted.service else None
    sender = _sender(conn, account, wanted, service)
    sending.refuse_unsubscribed(conn, wanted.to, sender, service)
    wanted = replace(wanted, status_callback=application_hooks.of_message(conn, account, wanted))
    record = _record(sending, account, wanted, sender, service)
    if record.send_at is not None:
        return _entered(conn, sending, record, wanted)
    if sender is not None:
        decision = sending.route(conn, record, sender)
        if decision.lasting:
            raise NoRoute(refusal(decision))
        record = _entered(conn, sending, record, wanted)
        return sending.submit(conn, record, decision, woken) or record
    assert service is not None  # one of both is given
    choice = sending.choose(conn, record, service)
    if choice.decision.lasting:
        raise NoRoute(refusal(choice.decision), code=NO_SENDER)
    record = _entered(conn, sending, record, wanted)
    sending.send_as_chosen(conn, record, service, choice, woken)
    return record


def refusal(decision: Decision) -> str:
    """Why a message cannot be sent, as its sender may know it."""
    return f"The message cannot be sent: {decision.outline()}"


def _record(
    sending: Sending,
    account: AccountSid,
    wanted: NewMessage,
    sender: NumberRecord | None,
    service: MessagingServiceRecord | None,
) -> MessageRecord:
    record = sending.new(
        account,
        sender,
        wanted.to,
        wanted.body,
        Direction.OUTBOUND_API,
        service=service,
        validity_s=wanted.validity_s,
        smart_encoded=wanted.smart_encoded,
        send_at=wanted.send_at,
    )
    return replace(
        record,
        urgent=wanted.urgent,
        flash=wanted.flash,
        port=wanted.port,
        repeat=wanted.repeat,
        segments=count_segments(record.body, port=wanted.port).segments,
        status_callback=wanted.status_callback or (service.status_callback if service is not None else ""),
    )


def _entered(conn: Connection, sending: Sending, record: MessageRecord, wanted: NewMessage) -> MessageRecord:
    entered = sending.enter(conn, record)
    if wanted.feedback:
        feedback.put(conn, entered.account, entered.sid, "unconfirmed")
    return entered


def _service(conn: Connection, account: AccountSid, sid: str) -> MessagingServiceRecord:
    service = messaging_services.get(conn, sid)
    if service is None or service.account != account:
        message = f"The Messaging Service {sid} does not exist"
        raise InvalidRequest(message, field="MessagingServiceSid", code=NO_SERVICE, status=404)
    return service


def _sender(
    conn: Connection, account: AccountSid, wanted: NewMessage, service: MessagingServiceRecord | None
) -> NumberRecord | None:
    """The number of ``From``; None when the service is to choose one."""
    if wanted.sender is None:
        if service is not None and not messaging_services.pool(conn, service.sid):
            message = "The Messaging Service contains no phone numbers"
            raise InvalidRequest(message, field="MessagingServiceSid", code=EMPTY_SERVICE)
        return None
    number = numbers.get_by_number(conn, wanted.sender)
    if number is None or number.account != account:
        message = f"The 'From' number {wanted.sender} is not a number of this account"
        raise InvalidRequest(message, field="From", code=NOT_OURS)
    if service is not None:
        found = messaging_services.membership(conn, number.sid)
        if found is None or found.service != service.sid:
            message = f"The 'From' number {wanted.sender} is not associated with the Messaging Service"
            raise InvalidRequest(message, field="From", code=NOT_IN_SERVICE)
    return number
