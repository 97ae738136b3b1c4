"""What customers ask of queues: make, change and remove them, and take somebody out with a document."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cloud.services.requests import Calls, UpdateCall
from cloud.store import queues
from cloud.store.database import Connection, Database
from cloud.store.queues import TAKEN, WAITING
from cloud.store.records import Hook, MemberRecord, QueueRecord
from cloud.tunnel import queue_steps as steps
from cloud.tunnel.heard import utc_now
from telecore.errors import InvalidRequest, NotFound
from telecore.ids import AccountSid

NOT_EMPTY = 20009


class QueueDesk:
    """Every method raises NotFound for what is not the account's."""

    def __init__(self, db: Database, calls: Calls, *, now: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._calls = calls
        self._now = now

    async def create(self, account: AccountSid, name: str, max_size: int) -> QueueRecord:
        """Raises Conflict for a name that is there."""
        return await self._db.write(lambda conn: steps.create(conn, account, name, max_size, self._now()))

    async def update(self, account: AccountSid, sid: str, name: str | None, max_size: int | None) -> QueueRecord:
        """Raises Conflict for a name that another has. Who waits already stays, also above the new size."""
        changes = {key: value for key, value in (("name", name), ("max_size", max_size)) if value is not None}

        def write(conn: Connection) -> QueueRecord:
            record = _own(conn, account, sid)
            return queues.update(conn, sid, **changes) or record if changes else record

        return await self._db.write(write)

    async def delete(self, account: AccountSid, sid: str) -> None:
        """Raises InvalidRequest while somebody waits in it."""

        def write(conn: Connection) -> None:
            if queues.size(conn, _own(conn, account, sid).sid):
                raise InvalidRequest("A queue can be deleted only when nobody waits in it", code=NOT_EMPTY)
            queues.delete(conn, sid)

        await self._db.write(write)

    async def dequeue(self, account: AccountSid, sid: str, key: str, hook: Hook) -> MemberRecord:
        """Take out this call, or the ``Front`` one, and let it go on with this document."""

        def write(conn: Connection) -> tuple[MemberRecord, MemberRecord]:
            waiting = queues.waiting(conn, _own(conn, account, sid).sid)
            found = next((one for one in waiting if key in ("Front", one.call)), None)
            if found is None:
                raise NotFound(f"{key[:34]} does not wait in this queue")
            return found, queues.update_member(conn, found.sid, status=TAKEN, taken_at=self._now()) or found

        before, member = await self._db.write(write)
        try:
            await self._calls.update(account, member.call, UpdateCall(url=hook.url, method=hook.method))
        except InvalidRequest:
            await self._db.write(lambda conn: queues.update_member(conn, before.sid, status=WAITING, taken_at=None))
            raise
        return member


def _own(conn: Connection, account: AccountSid, sid: str) -> QueueRecord:
    record = queues.get(conn, sid)
    if record is None or record.account != account:
        raise NotFound(f"The queue {sid} was not found")
    return record
