"""What becomes of a message within one transaction: entered, given a sender, handed to its edge, or left to wait."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cloud.numbering import near
from cloud.services.caps import CapKeeper
from cloud.services.routing import Routing
from cloud.store import messages, messaging_services, numbers, opt_outs, outbox
from cloud.store.database import Connection
from cloud.store.records import MessageRecord, MessagingServiceRecord, NumberRecord
from cloud.store.sealed import UNREADABLE
from cloud.tunnel import message_steps, secret_steps
from telecore.commands import SendMessage
from telecore.errors import InvalidRequest
from telecore.ids import AccountSid, Address, CommandId, EdgeId, MessageSid, new_sid
from telecore.model import Direction, MessageStatus, Service
from telecore.routing import Decision, RouteRequest
from telecore.sms import count_segments, smart_encode

log = logging.getLogger(__name__)

UNSUBSCRIBED = 21610
DEFAULT_VALIDITY_S = 36000
_PIECE = 200

Woken = list[EdgeId]
"""Edges whose outbox has news."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of a service's numbers sends, and why; no number: none can now."""

    number: NumberRecord | None
    decision: Decision


class Sending:
    """Called within transactions, on the store's thread."""

    def __init__(self, routing: Routing, now: Callable[[], datetime], caps: CapKeeper) -> None:
        self._routing = routing
        self._now = now
        self.caps = caps

    def new(
        self,
        account: AccountSid,
        sender: NumberRecord | None,
        to: Address,
        body: str,
        direction: Direction,
        *,
        service: MessagingServiceRecord | None = None,
        validity_s: int | None = None,
        smart_encoded: bool | None = None,
        send_at: datetime | None = None,
    ) -> MessageRecord:
        """A record that is not yet in the store. What is not said here the service says, if there is one."""
        now = self._now()
        smart = smart_encoded if smart_encoded is not None else service is not None and service.smart_encoding
        body = smart_encode(body) if smart else body
        valid_s = validity_s or (service.validity_s if service is not None else DEFAULT_VALIDITY_S)
        return MessageRecord(
            sid=MessageSid(new_sid("SM")),
            account=account,
            direction=direction,
            sender=Address(sender.number if sender is not None else ""),
            recipient=to,
            body=body,
            status=first_status(sender is not None, send_at),
            created_at=now,
            updated_at=now,
            segments=count_segments(body).segments,
            not_after=(send_at or now) + timedelta(seconds=valid_s),
            service=service.sid if service is not None else None,
            send_at=send_at,
        )

    def refuse_unsubscribed(
        self, conn: Connection, to: str, sender: NumberRecord | None, service: MessagingServiceRecord | None
    ) -> None:
        """Raises InvalidRequest 21610 for somebody who wants nothing from the number, or from the service it is in."""
        if opt_outs.refuses(conn, to, number=sender.sid if sender else "", service=service.sid if service else ""):
            message = "Attempt to send to unsubscribed recipient"
            raise InvalidRequest(message, field="To", code=UNSUBSCRIBED)

    def route(self, conn: Connection, record: MessageRecord, sender: NumberRecord) -> Decision:
        return self._routing.for_message(conn, record.sid, sender, record.recipient, urgent=record.urgent)

    def pool(
        self, conn: Connection, record: MessageRecord, service: MessagingServiceRecord | None
    ) -> list[NumberRecord]:
        """The service's numbers, or all of the account's, that this recipient has not refused."""
        if service is not None:
            found = messaging_services.pool(conn, service.sid)
            refused = opt_outs.among(conn, [number.sid for number in found], record.recipient)
        else:
            found = numbers.of_account(conn, record.account)
            refused = frozenset(n.sid for n in found if opt_outs.refuses(conn, record.recipient, number=n.sid))
        return [n for n in found if n.sid not in refused and str(n.number) != record.recipient]

    def has_way(self, conn: Connection, record: MessageRecord) -> bool:
        """Whether its sender can send now what ranks as it does, to whomever."""
        sender = numbers.get_by_number(conn, record.sender)
        return sender is not None and self.route(conn, record, sender).chosen is not None

    def choose(self, conn: Connection, record: MessageRecord, service: MessagingServiceRecord | None) -> Choice:
        """The number that this recipient knows the service by, else the best of those he has not refused."""
        pool, known = self.pool(conn, record, service), None
        if service is not None and service.sticky_sender:
            sticky = messaging_services.sticky_sender(conn, service.sid, record.recipient)
            known = next((number.number for number in pool if number.sid == sticky), None)
        area = service is None or service.area_code_geomatch
        ask = RouteRequest(
            Service.SMS,
            record.recipient,
            known=known,
            on_net=near(record.recipient, (number.number for number in pool), area=area),
            waits=True,
            urgent=record.urgent,
        )
        return Choice(*self._routing.for_pool(conn, record.sid, pool, ask))

    def enter(self, conn: Connection, record: MessageRecord) -> MessageRecord:
        """Keep it and tell of it. Raises Refused, UsedUp, by the account's caps; then nothing is counted or kept."""
        self.caps.allow(conn, record)
        record = messages.insert(conn, record)
        message_steps.tell(conn, record)
        return record

    def submit(self, conn: Connection, record: MessageRecord, decision: Decision, woken: Woken) -> MessageRecord | None:
        """Give the message to the edge of its SIM; None when nobody can take it now. One whose secret text cannot be
        opened has failed.

        Those that have waited for it longer go first: an edge that has just come back may find a new message before
        they were looked at.
        """
        if decision.chosen is None:
            log.debug("%s waits: %s", record.sid, decision.sentence())
            return None
        earlier = messages.waiting_before(conn, record, _PIECE)
        if len(earlier) == _PIECE or not all(self.go_on(conn, one, woken) for one in earlier):
            log.debug("%s waits behind an earlier one", record.sid)
            return None
        chosen = decision.chosen
        if record.secret_body == UNREADABLE:
            return secret_steps.not_sent(conn, chosen.edge, record.sid, self._now())
        command = SendMessage(
            id=CommandId(record.sid),
            message=record.sid,
            channel=chosen.channel,
            to=record.recipient,
            body=record.secret_body or record.body,
            not_after=record.not_after,
            urgent=record.urgent,
            flash=record.flash,
            port=record.port,
            repeat=record.repeat,
            sender=next((number for number in chosen.status.numbers if str(number) == record.sender), None),
        )
        outbox.append(conn, chosen.edge, command, secret=bool(record.secret_body))
        woken.append(chosen.edge)
        return messages.update(conn, record.sid, channel=chosen.channel)

    def go_on(self, conn: Connection, record: MessageRecord, woken: Woken) -> MessageRecord | None:
        """Bring what is accepted or queued as far as it can go now; None when it waits."""
        if record.status is not MessageStatus.ACCEPTED:
            sender = numbers.get_by_number(conn, record.sender)
            return self.submit(conn, record, self.route(conn, record, sender), woken) if sender is not None else None
        service = messaging_services.get(conn, record.service) if record.service is not None else None
        if service is None and record.service is not None:
            return None
        return self.send_as_chosen(conn, record, service, self.choose(conn, record, service), woken)

    def send_as_chosen(
        self,
        conn: Connection,
        record: MessageRecord,
        service: MessagingServiceRecord | None,
        choice: Choice,
        woken: Woken,
    ) -> MessageRecord | None:
        """Queue it with its sender, whom the recipient knows from now on; None when it still waits for one."""
        if choice.number is None:
            log.debug("%s waits for a sender: %s", record.sid, choice.decision.sentence())
            return None
        sender = Address(choice.number.number)
        queued = message_steps.step(conn, record.sid, MessageStatus.QUEUED, sender=sender)
        if service is not None and service.sticky_sender:
            messaging_services.set_sticky_sender(conn, service.sid, record.recipient, choice.number.sid)
        return self.submit(conn, queued or replace(record, sender=sender), choice.decision, woken)


def first_status(has_sender: bool, send_at: datetime | None) -> MessageStatus:
    """Where a message begins: with a sender it is queued, without one it is accepted."""
    if send_at is not None:
        return MessageStatus.SCHEDULED
    return MessageStatus.QUEUED if has_sender else MessageStatus.ACCEPTED
