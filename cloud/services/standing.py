"""Whether an account may act: what suspending and closing one does to its calls, messages, numbers and keys."""

from __future__ import annotations

import asyncio

from cloud.services.callbacks import Callbacks
from cloud.services.requests import Calls, UpdateCall
from cloud.store import accounts, calls, keys, messages, numbers
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord, CallRecord
from cloud.tunnel import message_steps
from telecore.errors import InvalidRequest, NotFound
from telecore.ids import AccountSid
from telecore.model import CallStatus, MessageStatus

CLOSED_FOR_GOOD = 21479
SUSPENDED = 30002
"""Twilio's code of a message that its account's suspension has stopped."""


class Standing:
    """Changes accounts. What is with an edge already goes its way; nothing new begins."""

    def __init__(self, db: Database, service: Calls, queue: Callbacks) -> None:
        self._db = db
        self._calls = service
        self._queue = queue

    async def update(self, sid: AccountSid, changes: dict[str, object]) -> AccountRecord:
        """Set FriendlyName and status. Raises NotFound; InvalidRequest 21479 for one that is closed."""
        live: list[CallRecord] = []

        def write(conn: Connection) -> AccountRecord:
            record = accounts.get(conn, sid)
            if record is None:
                raise NotFound(f"The account {sid} was not found")
            status = changes.get("status", record.status)
            _check(record, status)
            if status not in (record.status, "active"):
                live.extend(calls.live_of(conn, sid))
                _stop_messages(conn, sid)
                if status == "closed":
                    _let_go(conn, sid)
            return accounts.update(conn, sid, **changes) or record

        record = await self._db.write(write)
        self._queue.wake()
        await asyncio.gather(*(self._hang_up(call) for call in live))
        return record

    async def _hang_up(self, call: CallRecord) -> None:
        try:
            await self._calls.update(call.account, call.sid, UpdateCall(status=CallStatus.COMPLETED))
        except (InvalidRequest, NotFound):
            return  # it has ended meanwhile


def _check(record: AccountRecord, status: object) -> None:
    if status == record.status:
        return
    if record.owner is None:
        raise InvalidRequest("Only a subaccount can be suspended or closed through the API", field="Status")
    if record.status == "closed":
        raise InvalidRequest("A closed account cannot be opened again", field="Status", code=CLOSED_FOR_GOOD)


def _stop_messages(conn: Connection, sid: AccountSid) -> None:
    """What no edge has yet: scheduled messages are canceled, the others fail."""
    for record in messages.held(conn, sid):
        if record.status is MessageStatus.SCHEDULED:
            message_steps.step(conn, record.sid, MessageStatus.CANCELED)
        else:
            reason = "The account is suspended or closed"
            message_steps.step(conn, record.sid, MessageStatus.FAILED, error_code=SUSPENDED, error_message=reason)


def _let_go(conn: Connection, sid: AccountSid) -> None:
    """A closed account has neither numbers nor keys; its parent may take the numbers."""
    for number in numbers.of_account(conn, sid):
        numbers.release(conn, number)
    keys.remove_all(conn, sid)
    accounts.update(conn, sid, secondary_token="")
