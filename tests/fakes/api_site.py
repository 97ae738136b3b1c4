"""The API on a real port over a real store, with services that only keep what they are asked for."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import aiohttp
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from cloud.services.files import Files
from cloud.services.requests import NewCall, NewMessage, NewStream, UpdateCall, UpdateMessage
from cloud.services.webhook_log import WebhookLog
from cloud.services.webhooks import WebhookClient
from cloud.store import calls, feedback, messages, numbers, streams
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord, CallRecord, FeedbackRecord, MessageRecord, NumberRecord, StreamRecord
from cloud.web.server import WebServer
from telecore.errors import InvalidRequest, NotFound
from telecore.ids import AccountSid, Address, CallSid, MessageSid, new_sid
from telecore.model import CallStatus, Direction, MessageStatus
from telecore.states import FINAL_CALL

T = TypeVar("T")
NUMBER = "+85510000001"
HANDSET = "+85512000001"


def basic(account: AccountRecord) -> dict[str, str]:
    """The header of an account's credentials."""
    return {"Authorization": "Basic " + b64encode(f"{account.sid}:{account.auth_token}".encode()).decode()}


async def check_owner(db: Database, account: AccountSid, number: str, code: int) -> None:
    found = await db.read(lambda conn: numbers.get_by_number(conn, number))
    if found is None or found.account != account:
        raise InvalidRequest(f"{number} is not a number of this account", field="From", code=code)


@dataclass
class KeptCalls:
    """Does with a call what can be done without an edge."""

    db: Database
    asked: list[NewCall | UpdateCall] = field(default_factory=list)

    async def create(self, account: AccountSid, wanted: NewCall) -> CallRecord:
        await check_owner(self.db, account, wanted.caller, 21210)
        self.asked.append(wanted)
        made = datetime.now(UTC)
        record = CallRecord(
            sid=CallSid(new_sid("CA")),
            account=account,
            direction=Direction.OUTBOUND_API,
            caller=wanted.caller,
            called=wanted.to,
            status=CallStatus.QUEUED,
            created_at=made,
            updated_at=made,
            url=wanted.url,
            twiml=wanted.twiml,
        )
        return await self.db.write(lambda conn: calls.insert(conn, record))

    async def update(self, account: AccountSid, sid: str, wanted: UpdateCall) -> CallRecord:
        self.asked.append(wanted)
        status = wanted.status
        if status is None:  # a redirect changes nothing that is kept here
            record = await self.db.read(lambda conn: calls.get(conn, sid))
        else:
            record = await self.db.write(lambda conn: calls.update_status(conn, sid, status))
        if record is None or (status is None and record.status in FINAL_CALL):
            raise InvalidRequest("Call is not in-progress. Cannot redirect.", code=21220)
        return record

    async def written(self, sid: str) -> None:
        """What is kept here is written when it is made."""

    async def delete(self, account: AccountSid, sid: str) -> None:
        def write(conn: Connection) -> None:
            record = calls.get(conn, sid)
            if record is None:
                raise NotFound("gone")
            if record.status not in FINAL_CALL:
                raise InvalidRequest("Cannot delete a call in progress", code=20009)
            calls.delete(conn, sid)

        await self.db.write(write)


@dataclass
class KeptStreams:
    """Writes down what is asked of streams."""

    db: Database
    asked: list[NewStream] = field(default_factory=list)

    async def create(self, account: AccountSid, call: str, wanted: NewStream) -> StreamRecord:
        self.asked.append(wanted)
        sid, name = new_sid("MZ"), wanted.spec.name
        return await self.db.write(lambda conn: streams.add(conn, account, CallSid(call), sid, name))

    async def stop(self, account: AccountSid, call: str, name: str) -> StreamRecord:
        def write(conn: Connection) -> StreamRecord:
            found = streams.named(conn, call, name)
            record = None if found is None else streams.stopped(conn, found.sid)
            if record is None:
                raise NotFound("gone")
            return record

        return await self.db.write(write)


@dataclass
class KeptMessages:
    db: Database
    asked: list[NewMessage | UpdateMessage] = field(default_factory=list)

    async def create(self, account: AccountSid, wanted: NewMessage) -> MessageRecord:
        if wanted.sender is not None:
            await check_owner(self.db, account, wanted.sender, 21606)
        self.asked.append(wanted)
        made = datetime.now(UTC)
        record = MessageRecord(
            sid=MessageSid(new_sid("SM")),
            account=account,
            direction=Direction.OUTBOUND_API,
            sender=Address(wanted.sender or ""),
            recipient=wanted.to,
            body=wanted.body,
            status=MessageStatus.QUEUED if wanted.sender else MessageStatus.ACCEPTED,
            created_at=made,
            updated_at=made,
            service=wanted.service or None,
        )
        return await self.db.write(lambda conn: messages.insert(conn, record))

    async def update(self, account: AccountSid, sid: str, wanted: UpdateMessage) -> MessageRecord:
        self.asked.append(wanted)
        record = await self.db.write(lambda conn: messages.update(conn, sid, body="") if wanted.redact else None)
        if record is None:
            raise InvalidRequest("Message cannot be canceled", code=30409)
        return record

    async def delete(self, account: AccountSid, sid: str) -> None:
        await self.db.write(lambda conn: messages.delete(conn, sid))

    async def feedback(self, account: AccountSid, sid: str, outcome: str) -> FeedbackRecord:
        return await self.db.write(lambda conn: feedback.put(conn, account, MessageSid(sid), outcome))


@dataclass(frozen=True)
class Hooks:
    """Who asks customers' applications, and the log of it."""

    client: WebhookClient
    log: WebhookLog


@dataclass
class Site:
    """Everything a test of the API needs."""

    db: Database
    server: WebServer
    account: AccountRecord
    number: NumberRecord
    calls: KeptCalls
    messages: KeptMessages
    files: Files
    edge_token: str = ""
    streams: KeptStreams | None = None
    hooks: Hooks = field(kw_only=True)
    _clients: list[Client] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def client(self, account: AccountRecord | None = None, token: str | None = None) -> Client:
        """Twilio's own client, unmodified, pointed here."""
        who = account or self.account
        made = Client(who.sid, token or who.auth_token, http_client=TwilioHttpClient(timeout=10))
        return self._pointed_here(made)

    def by_key(self, sid: str, secret: str, account: str | None = None) -> Client:
        """The same with an API key as its user."""
        return self._pointed_here(
            Client(sid, secret, account or self.account.sid, http_client=TwilioHttpClient(timeout=10))
        )

    def _pointed_here(self, made: Client) -> Client:
        for domain in (made.api, made.accounts, made.lookups, made.messaging, made.monitor, made.verify):
            domain.base_url = self.url
        self._clients.append(made)
        return made

    async def twilio(self, use: Callable[[Client], T], account: AccountRecord | None = None) -> T:
        """Use the client off the loop: it blocks."""
        return await asyncio.to_thread(use, self.client(account))

    async def ask(self, method: str, path: str, params: list[tuple[str, str]] | None = None) -> tuple[int, Any]:
        """One request without Twilio's client: below the account's path, or an absolute one. Status and JSON."""
        where = path if path.startswith("/") else f"/2010-04-01/Accounts/{self.account.sid}/{path}"
        send = {"params" if method == "GET" else "data": params or []}
        async with (
            aiohttp.ClientSession(headers=basic(self.account)) as http,
            http.request(method, f"{self.url}{where}", **send) as answer,
        ):
            return answer.status, await answer.json() if answer.status != 204 else None

    def close(self) -> None:
        for client in self._clients:
            client.http_client.session.close()
