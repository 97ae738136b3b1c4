"""Steps in the life of a queue: a call comes into it, is taken out to talk with somebody, or leaves."""

from __future__ import annotations

from datetime import datetime

from cloud.store import callbacks, queues
from cloud.store.database import Connection
from cloud.store.queues import GONE, TAKEN, WAITING
from cloud.store.records import CallRecord, Hook, MemberRecord, QueueRecord
from telecore.events import StayEnded
from telecore.ids import AccountSid, CallSid, StayId, new_sid
from telecore.stays import EnqueueSpec, StayOutcome, queue_params

DEFAULT_SIZE = 100


def create(conn: Connection, account: AccountSid, name: str, max_size: int, now: datetime) -> QueueRecord:
    """Raises IntegrityError (Conflict outside) for a name that is there already."""
    return queues.insert(conn, QueueRecord(new_sid("QU"), account, name, max_size, now, now))


def enter(
    conn: Connection, call: CallRecord, stay: StayId, spec: EnqueueSpec, now: datetime
) -> tuple[QueueRecord, MemberRecord | None]:
    """A call comes in; None: the queue is full. Told again, it is who it was. A queue that is not there is made."""
    queue = queues.by_name(conn, call.account, spec.name) or create(conn, call.account, spec.name, spec.max_size, now)
    known = queues.by_stay(conn, stay)
    if known is not None:
        return queue, known
    if queues.size(conn, queue.sid) >= queue.max_size:
        return queue, None
    member = MemberRecord(
        sid=new_sid("QM"),
        account=call.account,
        queue=queue.sid,
        call=call.sid,
        stay=stay,
        status=WAITING,
        created_at=now,
        updated_at=now,
        edge=call.edge,
        wait_url=spec.wait_url,
        wait_method=spec.wait_method,
        action=Hook(spec.action, spec.method),
    )
    return queue, queues.add_member(conn, member)


def take(
    conn: Connection, queue: QueueRecord, taker: CallSid, now: datetime, call: str | None = None
) -> MemberRecord | None:
    """Take out who waits longest, or this call; None when nobody waits."""
    waiting = [member for member in queues.waiting(conn, queue.sid) if call in (None, member.call)]
    if not waiting:
        return None
    return queues.update_member(conn, waiting[0].sid, status=TAKEN, taker=taker, taken_at=now)


def stay_ended(
    conn: Connection, member: MemberRecord, call: CallRecord, event: StayEnded, fields: dict[str, str]
) -> None:
    """It left. Taken out by another page, its action is told all the same; what that answers is not run."""
    gone(conn, member)
    if event.because == "redirected" and member.action.url:
        outcome = StayOutcome(event.because, member.queue, member.taker, event.waited_s, event.live_s)
        callbacks.add(conn, call.account, call.sid, member.action, fields | queue_params(outcome))


def gone(conn: Connection, member: MemberRecord) -> None:
    if member.status != GONE:
        queues.update_member(conn, member.sid, status=GONE)


def call_over(conn: Connection, call: str) -> None:
    """A call has ended: it waits no more."""
    for member in queues.of_call(conn, call):
        gone(conn, member)


def average_wait_s(waiting: list[MemberRecord], now: datetime) -> int:
    """Of those who wait now, in whole seconds."""
    waits = [(now - member.created_at).total_seconds() for member in waiting]
    return round(sum(waits) / len(waits)) if waits else 0


def position(waiting: list[MemberRecord], member: MemberRecord) -> int:
    """1 for who is next; 0 for one who does not wait."""
    return next((at for at, one in enumerate(waiting, 1) if one.sid == member.sid), 0)
