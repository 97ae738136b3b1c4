"""Messages: made, routed to the SIM of their sender, waiting for it when it is away; and answered when they come in."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from cloud.services import replies
from cloud.services.callbacks import Callbacks, request_of
from cloud.services.debugger import Debugger
from cloud.services.documents import Documents, NoDocument
from cloud.services.replies import LoopGuard
from cloud.services.requests import NewMessage, UpdateMessage
from cloud.services.routing import Routing
from cloud.services.webhooks import WebhookFailure
from cloud.store import accounts, callbacks, messages, numbers, outbox
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord, CallbackRecord, Hook, MessageRecord, NumberRecord
from cloud.tunnel import message_steps
from cloud.tunnel.effects import Told, utc_now
from telecore.commands import SendMessage
from telecore.errors import InvalidRequest, InvalidTwiml, NoRoute, NotFound, Transient
from telecore.ids import AccountSid, Address, CommandId, EdgeId, MessageSid, new_sid
from telecore.model import ChannelState, Direction, MessageStatus
from telecore.routing import Decision
from telecore.sms import count_segments, smart_encode
from telecore.states import FINAL_MESSAGE
from telecore.twiml.messaging import MessageReply

log = logging.getLogger(__name__)

NOT_OURS = 21606
VALIDITY_EXPIRED = 30036
REPLY_VALIDITY_S = 36000
_POLL_S = 5.0
_PIECE = 200
_GRACE = timedelta(minutes=10)
"""What an edge was given may have been sent in time and only not been heard of yet."""

Write = list[EdgeId]
"""Edges whose outbox has news."""


class MessageService:
    """``wake`` tells the tunnel that an edge's outbox has news."""

    def __init__(
        self,
        db: Database,
        routing: Routing,
        queue: Callbacks,
        documents: Documents,
        debugger: Debugger,
        *,
        wake: Callable[[EdgeId], None],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._routing = routing
        self._queue = queue
        self._documents = documents
        self._debugger = debugger
        self._wake = wake
        self._now = now
        self._news = asyncio.Event()
        self._guard = LoopGuard(time.monotonic)
        queue.handle("message", self.answer)

    async def create(self, account: AccountSid, wanted: NewMessage) -> MessageRecord:
        """When it returns the message is on the disk, and with it the command to its edge, if its SIM is there.

        Raises InvalidRequest 21606 for a sender that is not the account's, NoRoute 21612 when its SIM is not to be
        used and no waiting will mend that, StoreFailed.
        """
        body = smart_encode(wanted.body) if wanted.smart_encoded else wanted.body
        woken: Write = []

        def write(conn: Connection) -> MessageRecord:
            number = numbers.get_by_number(conn, wanted.sender)
            if number is None or number.account != account:
                raise InvalidRequest(
                    f"The 'From' number {wanted.sender} is not a number of this account", field="From", code=NOT_OURS
                )
            record = self._new(number, wanted.to, body, Direction.OUTBOUND_API, wanted.validity_s)
            counted = count_segments(record.body, port=wanted.port).segments
            record = replace(record, urgent=wanted.urgent, flash=wanted.flash, port=wanted.port, segments=counted)
            decision = self._route(conn, record, number)
            if decision.lasting:
                raise NoRoute(_refusal(decision))
            return self._insert(conn, record, wanted.status_callback, decision, woken)

        record = await self._db.write(write)
        self._told(woken)
        return record

    async def update(self, account: AccountSid, sid: str, wanted: UpdateMessage) -> MessageRecord:
        """Raises NotFound; InvalidRequest 30409 when it cannot be cancelled, as only a scheduled one can."""

        def write(conn: Connection) -> MessageRecord:
            record = _own(conn, account, sid)
            if wanted.cancel:
                if record.status is not MessageStatus.SCHEDULED:
                    raise InvalidRequest("Only a scheduled message can be canceled", field="Status", code=30409)
                message_steps.step(conn, record.sid, MessageStatus.CANCELED)
            if wanted.redact:
                messages.update(conn, sid, body="")
            return _own(conn, account, sid)

        record = await self._db.write(write)
        self._queue.wake()
        return record

    async def delete(self, account: AccountSid, sid: str) -> None:
        """Raises NotFound; InvalidRequest 20009 while it is being sent."""

        def write(conn: Connection) -> None:
            if _own(conn, account, sid).status not in FINAL_MESSAGE | {MessageStatus.SENT}:
                raise InvalidRequest("A message cannot be deleted before it has been sent", code=20009)
            messages.delete(conn, sid)

        await self._db.write(write)

    def on_told(self, told: Told) -> None:
        """News from an edge, after its commit."""
        if told.message is not None:
            self._queue.wake()
        if told.channel is not None and told.channel.state is ChannelState.REGISTERED:
            self._news.set()

    def on_link(self, edge: EdgeId, up: bool) -> None:
        """An edge came or went: messages may have waited for it."""
        if up:
            self._news.set()

    async def run(self) -> None:
        """Route what waits when a SIM comes back; end what has waited too long."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    await self._news.wait()
            fresh = self._news.is_set()
            self._news.clear()
            try:
                await self.expire()
                if fresh:
                    await self.route_waiting()
            except Transient as error:
                log.warning("waiting messages wait for the store: %s", error)

    async def route_waiting(self) -> int:
        """Give every message that waits to the channel of its sender, if that is there now; how many."""
        routed = 0
        for sender in await self._db.read(messages.waiting_senders):
            while (count := await self._route_some(sender)) == _PIECE:
                routed += count
            routed += count
        return routed

    async def expire(self) -> int:
        """Fail what was not sent within its validity; how many."""
        now = self._now()

        def write(conn: Connection) -> int:
            late = [m for m in messages.expired(conn, now, 1000) if m.channel is None or _long_past(m, now)]
            for record in late:
                reason = "The message was not sent within its validity period"
                message_steps.step(
                    conn, record.sid, MessageStatus.FAILED, error_code=VALIDITY_EXPIRED, error_message=reason
                )
            return len(late)

        if not await self._db.read(lambda conn: messages.expired(conn, now, 1)):
            return 0
        count = await self._db.write(write)
        self._queue.wake()
        return count

    async def answer(self, row: CallbackRecord, account: AccountRecord) -> WebhookFailure | None:
        """The webhook of an inbound message: its replies and the mark that it is done in one transaction."""
        if not await self._db.read(lambda conn: accounts.is_active(conn, account)):
            log.info("%s: kept, but its account is not active: its application is not told", row.subject)
            await self._db.write(lambda conn: callbacks.done(conn, row.id))
            return None
        number = await self._db.read(lambda conn: numbers.get_by_number(conn, row.params.get("To", "")))
        fallback = number.sms_fallback if number else Hook()
        try:
            found = await replies.read_answer(self._documents, request_of(row, account), fallback, row.subject)
        except InvalidTwiml as error:
            await self._debugger.note(row.account, row.subject, error.code, error.message, Hook(row.url, row.method))
            found = NoDocument(again=False)
        if isinstance(found, NoDocument):
            if found.again:
                return WebhookFailure(11200, "no document from the URL nor from its fallback", row.url)
            await self._db.write(lambda conn: callbacks.done(conn, row.id))
            return None
        for warning in found.warnings:
            await self._note(row, warning.code, f"{warning.text} (line {warning.line})", "warning")
        await self._send_replies(row, number, found.replies)
        return None

    async def _send_replies(
        self, row: CallbackRecord, number: NumberRecord | None, found: tuple[MessageReply, ...]
    ) -> None:
        woken: Write = []
        faults: list[tuple[int, str]] = []

        def write(conn: Connection) -> None:
            woken.clear()
            faults.clear()
            for reply in found:
                fault = self._reply(conn, row, number, reply, woken)
                if fault is not None:
                    faults.append(fault)
            callbacks.done(conn, row.id)

        await self._db.write(write)
        self._told(woken)
        for code, text in faults:
            await self._note(row, code, text)

    def _reply(
        self, conn: Connection, row: CallbackRecord, number: NumberRecord | None, reply: MessageReply, woken: Write
    ) -> tuple[int, str] | None:
        """Queue one reply, from the number written to unless it says otherwise; or why it cannot be."""
        to = reply.to or row.params["From"]
        sender = numbers.get_by_number(conn, reply.sender) if reply.sender else number
        if sender is None or sender.account != row.account:
            return replies.INVALID_FROM, "<Message> is from a number that is not this account's"
        fault = replies.fault_of(MessageReply(reply.body, to))
        if fault is not None:
            return fault
        if not self._guard.allows(sender.number, to):
            return replies.TOO_MANY_BETWEEN, "Too many replies between two numbers: they may be answering each other"
        record = self._new(sender, Address(to), reply.body, Direction.OUTBOUND_REPLY, REPLY_VALIDITY_S)
        decision = self._route(conn, record, sender)
        if decision.lasting:
            return NoRoute.code, _refusal(decision)
        self._insert(conn, record, reply.action or reply.status_callback, decision, woken)
        return None

    def _new(
        self, number: NumberRecord, to: Address, body: str, direction: Direction, validity_s: int
    ) -> MessageRecord:
        now = self._now()
        return MessageRecord(
            sid=MessageSid(new_sid("SM")),
            account=number.account,
            direction=direction,
            sender=Address(number.number),
            recipient=to,
            body=body,
            status=MessageStatus.QUEUED,
            created_at=now,
            updated_at=now,
            segments=count_segments(body).segments,
            not_after=now + timedelta(seconds=validity_s),
        )

    def _insert(
        self, conn: Connection, record: MessageRecord, callback: str, decision: Decision, woken: Write
    ) -> MessageRecord:
        record = messages.insert(conn, replace(record, status_callback=callback))
        message_steps.tell(conn, record)
        return self._submit(conn, record, decision, woken) or record

    def _route(self, conn: Connection, record: MessageRecord, number: NumberRecord) -> Decision:
        return self._routing.for_message(conn, record.sid, number, record.recipient, urgent=record.urgent)

    def _submit(
        self, conn: Connection, record: MessageRecord, decision: Decision, woken: Write
    ) -> MessageRecord | None:
        """Give the message to the edge of its SIM; None when nobody can take it now."""
        if decision.chosen is None:
            log.debug("%s waits: %s", record.sid, decision.sentence())
            return None
        chosen = decision.chosen
        command = SendMessage(
            id=CommandId(record.sid),
            message=record.sid,
            channel=chosen.channel,
            to=record.recipient,
            body=record.body,
            not_after=record.not_after,
            urgent=record.urgent,
            flash=record.flash,
            port=record.port,
            sender=next((number for number in chosen.status.numbers if str(number) == record.sender), None),
        )
        outbox.append(conn, chosen.edge, command)
        woken.append(chosen.edge)
        return messages.update(conn, record.sid, channel=chosen.channel)

    async def _route_some(self, sender: str) -> int:
        woken: Write = []

        def write(conn: Connection) -> int:
            number = numbers.get_by_number(conn, sender)
            waiting = messages.waiting(conn, sender, _PIECE)
            for count, record in enumerate(waiting):
                decision = None if number is None else self._route(conn, record, number)
                if decision is None or self._submit(conn, record, decision, woken) is None:
                    return count
            return len(waiting)

        count = await self._db.write(write)
        self._told(woken)
        return count

    async def _note(self, row: CallbackRecord, code: int, text: str, level: str = "error") -> None:
        await self._debugger.note(row.account, row.subject, code, text, Hook(row.url, row.method), level=level)

    def _told(self, woken: Write) -> None:
        self._queue.wake()
        for edge in set(woken):
            self._wake(edge)


def _own(conn: Connection, account: AccountSid, sid: str) -> MessageRecord:
    record = messages.get(conn, sid)
    if record is None or record.account != account:
        raise NotFound(f"The message {sid} was not found")
    return record


def _refusal(decision: Decision) -> str:
    return f"The message cannot be sent: {decision.outline()}"


def _long_past(record: MessageRecord, now: datetime) -> bool:
    return record.not_after is not None and record.not_after + _GRACE < now
