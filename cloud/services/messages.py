"""Messages: made, scheduled, routed to the SIM of their sender, and waiting for it when it is away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from cloud.services.callbacks import Callbacks
from cloud.services.caps import CapKeeper
from cloud.services.new_message import NO_SERVICE, made
from cloud.services.requests import NewMessage, UpdateMessage
from cloud.services.routing import Routing
from cloud.services.sending import Sending, Woken, first_status
from cloud.services.soon import Soon
from cloud.store import accounts, erasing, feedback, messages, messaging_services, numbers
from cloud.store.database import Connection, Database
from cloud.store.records import FeedbackRecord, MessageRecord
from cloud.tunnel import message_steps
from cloud.tunnel.heard import Told, utc_now
from telecore.errors import InvalidRequest, NotFound, Refused, Transient
from telecore.events import MessageReceived, MessageWanted
from telecore.ids import AccountSid, EdgeId
from telecore.model import ChannelState, Direction, MessageStatus
from telecore.opt_out import keyword_of
from telecore.states import FINAL_MESSAGE

log = logging.getLogger(__name__)

VALIDITY_EXPIRED = 30036
SUSPENDED = 30002
NOT_DONE = 20009
NOT_SCHEDULED = 30409
_POLL_S = 5.0
_PIECE = 200
_GRACE = timedelta(minutes=10)
"""What an edge was given may have been sent in time and only not been heard of yet."""


@dataclass(frozen=True, slots=True)
class _Waits:
    """Messages of this sender above this id; ``ranks``: urgent ones, others, or both."""

    sender: str
    after: int = 0
    ranks: frozenset[bool] = frozenset({False, True})


class MessageService:
    """``wake`` tells the tunnel that an edge's outbox has news."""

    def __init__(
        self,
        db: Database,
        routing: Routing,
        queue: Callbacks,
        *,
        wake: Callable[[EdgeId], None],
        caps: CapKeeper,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._queue = queue
        self._wake = wake
        self._now = now
        self._news = asyncio.Event()
        self._came = Soon(self._news.set)
        self.sending = Sending(routing, now, caps)

    async def create(self, account: AccountSid, wanted: NewMessage) -> MessageRecord:
        """When it returns the message is on the disk, and with it the command to its edge, if its SIM is there.

        A message of a service is answered as accepted, though its sender may be chosen already. Raises InvalidRequest
        21606 for a sender that is not the account's, 21701 to 21711 for such a service, 21610 for who wants nothing;
        Refused 21408, 30450 and UsedUp by the account's caps; NoRoute when no SIM is to be used and no waiting will
        mend that; StoreFailed.
        """
        woken: Woken = []
        record = await self._db.write(lambda conn: made(conn, self.sending, account, wanted, woken))
        self.told(woken)
        return record

    async def update(self, account: AccountSid, sid: str, wanted: UpdateMessage) -> MessageRecord:
        """Raises NotFound; InvalidRequest 30409 when it cannot be cancelled, 20009 when it is yet to be sent."""
        woken: Woken = []

        def write(conn: Connection) -> MessageRecord:
            record = _own(conn, account, sid)
            if wanted.cancel:
                if record.status is not MessageStatus.SCHEDULED:
                    raise InvalidRequest("Only a scheduled message can be canceled", field="Status", code=NOT_SCHEDULED)
                record = message_steps.step(conn, record.sid, MessageStatus.CANCELED) or record
            if wanted.redact:
                if record.channel is None and record.status not in FINAL_MESSAGE:
                    message = "A message that is yet to be sent cannot be redacted"
                    raise InvalidRequest(message, field="Body", code=NOT_DONE)
                messages.update(conn, sid, body="")
                erasing.told(conn, sid)
                woken.extend(erasing.tell(conn, [erasing.at_edge(record, redacted=True)]))
            return _own(conn, account, sid)

        record = await self._db.write(write)
        self._db.erased = self._db.erased or wanted.redact
        self.told(woken)
        self._queue.wake()
        return record

    async def delete(self, account: AccountSid, sid: str) -> None:
        """Raises NotFound; InvalidRequest 20009 while it is being sent."""

        def write(conn: Connection) -> Woken:
            if _own(conn, account, sid).status not in FINAL_MESSAGE | {MessageStatus.SENT}:
                raise InvalidRequest("A message cannot be deleted before it has been sent", code=NOT_DONE)
            return list(erasing.tell(conn, [erasing.message(conn, sid)]))

        woken = await self._db.write(write)
        self._db.erased = True
        self.told(woken)

    async def feedback(self, account: AccountSid, sid: str, outcome: str) -> FeedbackRecord:
        """Raises NotFound; InvalidRequest for a message that came in."""

        def write(conn: Connection) -> FeedbackRecord:
            record = _own(conn, account, sid)
            if record.direction is Direction.INBOUND:
                raise InvalidRequest("Feedback is for messages that were sent", field="Outcome")
            return feedback.put(conn, account, record.sid, outcome)

        return await self._db.write(write)

    def on_told(self, told: Told) -> None:
        """News from an edge, after its commit."""
        if told.message is not None:
            self._queue.wake()
        back = told.channel is not None and told.channel.state is ChannelState.REGISTERED
        queued = isinstance(told.event, MessageWanted) or (
            isinstance(told.event, MessageReceived) and keyword_of(told.event.body) is not None
        )
        if back or queued:
            self._news.set()

    def on_link(self, edge: EdgeId, up: bool) -> None:
        """An edge came or went: messages may have waited for it."""
        if up:
            self._came()

    def look(self) -> None:
        """A message was written that is yet to be routed."""
        self._news.set()

    def told(self, woken: Woken) -> None:
        """After a commit: callbacks may be due, and these edges have news."""
        self._queue.wake()
        for edge in set(woken):
            self._wake(edge)

    async def run(self) -> None:
        """Release what is due; route what waits when a SIM comes back; end what has waited too long."""
        fresh = False
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    await self._news.wait()
            fresh = fresh or self._news.is_set()
            self._news.clear()
            try:
                await self.release()
                await self.expire()
                if fresh:
                    await self.route_waiting()
                fresh = False
                if self._db.erased:
                    await self._db.scrub()
            except Transient as error:
                log.warning("waiting messages wait for the store: %s", error)

    # ------------------------------------------------------------------ what waits

    async def release(self) -> int:
        """Send the scheduled messages whose time has come; how many."""
        now, released = self._now(), 0
        while await self._db.read(lambda conn: messages.due(conn, now, 1)):
            woken: Woken = []

            def write(conn: Connection, woken: Woken = woken) -> int:
                woken.clear()
                due = messages.due(conn, now, _PIECE)
                for record in due:
                    self._release(conn, record, woken)
                return len(due)

            released += await self._db.write(write)
            self.told(woken)
        return released

    def _release(self, conn: Connection, record: MessageRecord, woken: Woken) -> None:
        account = accounts.get(conn, record.account)
        if account is None or not accounts.is_active(conn, account):
            self._fail(conn, record, SUSPENDED, "The account is not active")
            return
        sender = numbers.get_by_number(conn, record.sender) if record.sender else None
        service = messaging_services.get(conn, record.service) if record.service else None
        if record.service and service is None:
            self._fail(conn, record, NO_SERVICE, "The Messaging Service does not exist any more")
            return
        try:
            self.sending.refuse_unsubscribed(conn, record.recipient, sender, service)
            self.sending.caps.allow(conn, replace(record, send_at=None))
        except Refused as error:
            self._fail(conn, record, error.code, error.message)
            return
        status = first_status(bool(record.sender), None)
        after = message_steps.step(conn, record.sid, status)
        if after is not None:
            self.sending.go_on(conn, after, woken)

    async def route_waiting(self) -> int:
        """Give every message that waits to the channel of its sender, or find it one; how many could go on."""
        routed = 0
        for sender in await self._db.read(messages.waiting_senders):
            waits: _Waits | None = _Waits(sender)
            while waits is not None:
                woken: Woken = []
                gone, waits = await self._db.write(partial(self._route_some, waits=waits, woken=woken))
                routed += gone
                self.told(woken)
        return routed + await self._route_accepted()

    def _route_some(self, conn: Connection, waits: _Waits, woken: Woken) -> tuple[int, _Waits | None]:
        """How many could go on, and what is still to be looked at.

        One that waits holds up those to its recipient, see ``Sending.submit``, and those that rank as it does where
        there is no way for its rank: a SIM that is used up still tries a warning.
        """
        woken.clear()
        gone, ranks = 0, set(waits.ranks)
        found = messages.waiting(conn, waits.sender, waits.after, ranks=ranks, limit=_PIECE)
        for record in found:
            if record.urgent not in ranks:
                continue
            if self.sending.go_on(conn, record, woken) is not None:
                gone += 1
            elif not self.sending.has_way(conn, record):
                ranks.discard(record.urgent)
        more = len(found) == _PIECE and bool(ranks)
        return gone, _Waits(waits.sender, found[-1].id, frozenset(ranks)) if more else None

    async def _route_accepted(self) -> int:
        """Each may have another sender, so one that still waits holds up no other."""
        routed, last = 0, 0
        while True:
            woken: Woken = []

            def write(conn: Connection, after: int = last, woken: Woken = woken) -> tuple[int, list[int]]:
                woken.clear()
                found = messages.accepted(conn, after, _PIECE)
                gone = sum(self.sending.go_on(conn, record, woken) is not None for record in found)
                return gone, [record.id for record in found]

            if not await self._db.read(partial(messages.accepted, after=last, limit=1)):
                return routed
            gone, seen = await self._db.write(write)
            routed, last = routed + gone, max(seen, default=last)
            self.told(woken)

    async def expire(self) -> int:
        """Fail what was not sent within its validity; how many."""
        now = self._now()

        def write(conn: Connection) -> int:
            late = [m for m in messages.expired(conn, now, 1000) if m.channel is None or _long_past(m, now)]
            for record in late:
                self._fail(conn, record, VALIDITY_EXPIRED, "The message was not sent within its validity period")
            return len(late)

        if not await self._db.read(lambda conn: messages.expired(conn, now, 1)):
            return 0
        count = await self._db.write(write)
        self._queue.wake()
        return count

    def _fail(self, conn: Connection, record: MessageRecord, code: int, reason: str) -> None:
        message_steps.step(conn, record.sid, MessageStatus.FAILED, error_code=code, error_message=reason)


def _own(conn: Connection, account: AccountSid, sid: str) -> MessageRecord:
    record = messages.get(conn, sid)
    if record is None or record.account != account:
        raise NotFound(f"The message {sid} was not found")
    return record


def _long_past(record: MessageRecord, now: datetime) -> bool:
    return record.not_after is not None and record.not_after + _GRACE < now
