"""Inbound messages told to their application, and what it answers sent."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from cloud.services import replies
from cloud.services.callbacks import Callbacks, request_of
from cloud.services.cookies import Cookies
from cloud.services.debugger import Debugger
from cloud.services.documents import Documents, NoDocument
from cloud.services.new_message import refusal
from cloud.services.replies import LoopGuard
from cloud.services.sending import Sending, Woken
from cloud.services.webhooks import WebhookFailure
from cloud.store import accounts, applications, callbacks, conversations, messaging_services, numbers
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord, CallbackRecord, Hook, NumberRecord
from cloud.tunnel import inbound_steps
from telecore.errors import InvalidTwiml, NoRoute, Refused
from telecore.ids import Address
from telecore.model import Direction
from telecore.twiml.messaging import MessageReply

log = logging.getLogger(__name__)


class Answering:
    """``told`` is called after a commit with the edges that have news."""

    def __init__(
        self,
        db: Database,
        sending: Sending,
        queue: Callbacks,
        documents: Documents,
        debugger: Debugger,
        *,
        told: Callable[[Woken], None],
    ) -> None:
        self._db = db
        self._sending = sending
        self._documents = documents
        self._debugger = debugger
        self._told = told
        self._guard = LoopGuard(time.monotonic)
        queue.handle("message", self.answer)

    async def answer(self, row: CallbackRecord, account: AccountRecord) -> WebhookFailure | None:
        """The webhook of an inbound message: its replies and the mark that it is done in one transaction."""
        if not await self._db.read(lambda conn: accounts.is_active(conn, account)):
            log.info("%s: kept, but its account is not active: its application is not told", row.subject)
            await self._db.write(lambda conn: callbacks.done(conn, row.id))
            return None
        number, fallback = await self._db.read(lambda conn: _number(conn, row))
        between = (row.account, row.params.get("To", ""), row.params.get("From", ""))
        cookies = Cookies(await self._db.read(lambda conn: conversations.cookies(conn, *between)))
        try:
            asked = request_of(row, account)
            found = await replies.read_answer(self._documents, asked, fallback, row.subject, cookies)
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
        await self._send(row, number, found.replies, lambda conn: conversations.keep(conn, *between, cookies.text()))
        return None

    async def _send(
        self,
        row: CallbackRecord,
        number: NumberRecord | None,
        found: tuple[MessageReply, ...],
        keep: Callable[[Connection], None],
    ) -> None:
        woken: Woken = []
        faults: list[tuple[int, str]] = []

        def write(conn: Connection) -> None:
            woken.clear()
            faults.clear()
            for reply in found:
                fault = self._reply(conn, row, number, reply, woken)
                if fault is not None:
                    faults.append(fault)
            keep(conn)
            callbacks.done(conn, row.id)

        await self._db.write(write)
        self._told(woken)
        for code, text in faults:
            await self._note(row, code, text)

    def _reply(
        self, conn: Connection, row: CallbackRecord, number: NumberRecord | None, reply: MessageReply, woken: Woken
    ) -> tuple[int, str] | None:
        """Queue one reply, from the number written to unless it says otherwise; or why it cannot be."""
        to = Address(reply.to or row.params["From"])
        sender = numbers.get_by_number(conn, reply.sender) if reply.sender else number
        if sender is None or sender.account != row.account:
            return replies.INVALID_FROM, "<Message> is from a number that is not this account's"
        fault = replies.fault_of(MessageReply(reply.body, to))
        if fault is not None:
            return fault
        service = messaging_services.service_of(conn, sender.sid)
        try:
            self._sending.refuse_unsubscribed(conn, to, sender, service)
        except Refused as error:
            return error.code, f"<Message> was not sent: {error.message}"
        if not self._guard.allows(sender.number, to):
            return replies.TOO_MANY_BETWEEN, "Too many replies between two numbers: they may be answering each other"
        record = self._sending.new(sender.account, sender, to, reply.body, Direction.OUTBOUND_REPLY, service=service)
        decision = self._sending.route(conn, record, sender)
        if decision.lasting:
            return NoRoute.code, refusal(decision)
        own = Hook(reply.action, reply.method) if reply.action else Hook(reply.status_callback)
        hook = own if own.url or service is None else Hook(service.status_callback)
        record = replace(record, status_callback=hook.url, status_callback_method=hook.method)
        try:
            entered = self._sending.enter(conn, record)
        except Refused as error:
            return error.code, f"<Message> was not sent: {error.message}"
        self._sending.submit(conn, entered, decision, woken)
        return None

    async def _note(self, row: CallbackRecord, code: int, text: str, level: str = "error") -> None:
        await self._debugger.note(row.account, row.subject, code, text, Hook(row.url, row.method), level=level)


def _number(conn: Connection, row: CallbackRecord) -> tuple[NumberRecord | None, Hook]:
    """The number that was written to, and where to ask when its application fails."""
    number = applications.of_number(conn, row.params.get("To", ""))
    return number, inbound_steps.hooks_of(conn, number).fallback if number is not None else Hook()
