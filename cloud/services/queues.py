"""Queues: who waits, who takes whom out, and two who are brought together.

Who waits is in the store. Who wants somebody out of a queue is remembered only while he waits: his edge asks again
after a cut or a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from cloud.services.call_session import SessionTools
from cloud.services.live_tasks import LiveTasks
from cloud.services.seats import Seat, Seats
from cloud.services.waits import OF_QUEUE, OF_WHISPER, Waiting, Waits
from cloud.store import calls, queues
from cloud.store.database import Connection
from cloud.store.queues import GONE, TAKEN, WAITING
from cloud.store.records import CallRecord, Hook, MemberRecord, QueueRecord
from cloud.tunnel import queue_steps as steps
from cloud.tunnel.heard import utc_now
from telecore.ids import CallSid, EdgeId, StayId
from telecore.notices import StayWanted
from telecore.stays import DequeueSpec, EnqueueSpec, Place

FULL = 14207


@dataclass(slots=True)
class _Taker:
    """A call that wants somebody out of a queue; ``member``: whom it has got, ``joined``: they talk."""

    call: CallRecord
    stay: StayId
    queue: str
    spec: DequeueSpec
    member: MemberRecord | None = None
    joined: bool = False


class QueueService:
    """What edges tell; what the API asks is in ``queue_desk.py``."""

    def __init__(
        self,
        tools: SessionTools,
        seats: Seats,
        waits: Waits,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._tools = tools
        self._db = tools.db
        self._seats = seats
        self._waits = waits
        self._now = now
        self._tasks = LiveTasks()
        self._takers: dict[StayId, _Taker] = {}
        self._members: dict[StayId, str] = {}
        self._matching = asyncio.Lock()

    async def close(self) -> None:
        await self._tasks.close()

    async def enqueued(self, call: CallRecord, notice: StayWanted, spec: EnqueueSpec) -> None:
        """A call comes into a queue, or its edge tells again that it is in one."""
        queue, member = await self._db.write(lambda conn: steps.enter(conn, call, notice.stay, spec, self._now()))
        seat = self._seat(call, notice)
        if member is None:
            self._seats.leave(seat, "full", queue.sid)
            text = f"The queue {queue.name[:40]} is full"
            await self._tools.debugger.note(call.account, call.sid, FULL, text, level="warning")
            return
        if member.status == GONE:
            self._seats.leave(seat, "error", queue.sid)
            return
        self._members[notice.stay] = queue.sid
        if member.status == TAKEN:
            await self._taken_again(queue, call, seat, member)
            return
        self._wait(call, seat, queue, member)
        await self._match(queue.sid)

    async def dequeues(self, call: CallRecord, notice: StayWanted, spec: DequeueSpec) -> None:
        """A call wants the first of a queue, or its edge tells again that it does."""
        queue, member = await self._db.write(lambda conn: self._of_taker(conn, call, spec))
        seat = self._seat(call, notice)
        taker = self._takers[notice.stay] = _Taker(call, notice.stay, queue.sid, spec, member)
        if member is None:
            self._seats.put(seat, Place(sid=queue.sid))
            await self._match(queue.sid)
        else:
            self._join(taker, member)  # whoever was told so before the cut was together with it, or nearly

    def left(self, stay: StayId) -> None:
        """An edge tells that a stay is over, or its call is."""
        taker = self._takers.pop(stay, None)
        if taker is not None and taker.member is not None:
            self._tasks.start(self._taker_left(taker, taker.member), f"queue {taker.queue}")
        queue = self._members.pop(stay, None)
        if queue is not None:
            self._tasks.start(self._member_left(stay), f"queue {queue}")

    async def over_already(self, stay: StayId) -> None:
        """The end of a stay was told, and written, before its beginning."""

        def write(conn: Connection) -> None:
            member = queues.by_stay(conn, stay)
            if member is not None:
                steps.gone(conn, member)

        await self._db.write(write)
        self.left(stay)

    def _seat(self, call: CallRecord, notice: StayWanted) -> Seat:
        self._waits.seen(notice.stay, notice.page)
        return self._seats.asked(call.sid, notice.stay, call.edge or EdgeId(""), notice.version)

    def _of_taker(
        self, conn: Connection, call: CallRecord, spec: DequeueSpec
    ) -> tuple[QueueRecord, MemberRecord | None]:
        """The queue, made if there is none, and whom this call has got out of it already."""
        queue = queues.by_name(conn, call.account, spec.name)
        queue = queue or steps.create(conn, call.account, spec.name, steps.DEFAULT_SIZE, self._now())
        return queue, queues.taken_by(conn, call.sid)

    def _wait(self, call: CallRecord, seat: Seat, queue: QueueRecord, member: MemberRecord) -> None:
        self._seats.put(seat, Place(sid=queue.sid))
        hook = None if member.wait_url is None else Hook(member.wait_url, member.wait_method)
        self._waits.begin(Waiting(call, member.stay, hook, OF_QUEUE, partial(self._fields, member)))

    async def _match(self, queue: str) -> None:
        """Bring together who wants somebody and who waits, in the order both came."""
        async with self._matching:
            for taker in [one for one in self._takers.values() if one.queue == queue and one.member is None]:
                member = await self._first(queue, taker)
                if member is None:
                    return
                now = self._takers.get(taker.stay)  # another when its edge has asked again meanwhile
                if now is None:
                    self._tasks.start(self._taker_left(taker, member), f"queue {queue}")
                elif now.member is None:
                    now.member = member
                    await self._whisper(now, member)

    async def _first(self, queue: str, taker: _Taker) -> MemberRecord | None:
        """Who waits longest and has not hung up while he was taken."""
        while True:
            member = await self._db.write(partial(self._take, queue=queue, taker=taker.call.sid))
            if member is None or member.stay in self._members:
                return member

    def _take(self, conn: Connection, queue: str, taker: CallSid) -> MemberRecord | None:
        """Who waits longest, of those whose edges have asked since we began."""
        there = [one for one in queues.waiting(conn, queue) if self._seats.of(one.stay) is not None]
        record = queues.get(conn, queue)
        if record is None or not there:
            return None
        return steps.take(conn, record, taker, self._now(), there[0].call)

    async def _whisper(self, taker: _Taker, member: MemberRecord) -> None:
        """Reserve both for each other; the member hears the taker's page first, if there is one."""
        seats = self._seats.of(taker.stay), self._seats.of(member.stay)
        for seat, peer in zip(seats, (member.call, taker.call.sid), strict=True):
            if seat is not None:
                self._seats.put(seat, Place(sid=taker.queue, peer=peer))
        call = await self._db.read(lambda conn: calls.get(conn, member.call))
        if self._takers.get(taker.stay) is not taker or taker.member is not member:  # one has hung up meanwhile
            return
        if not taker.spec.url or call is None:
            self._join(taker, member)
            return
        hook = Hook(taker.spec.url, taker.spec.method)
        more = partial(self._whispered, taker, member)
        done = partial(self._join, taker, member)
        self._waits.begin(Waiting(call, member.stay, hook, OF_WHISPER, more, once=True, done=done))

    def _join(self, taker: _Taker, member: MemberRecord) -> None:
        """Into a room of their own."""
        if self._takers.get(taker.stay) is not taker:
            return
        taker.member, taker.joined = member, True
        self._waits.stop(member.stay)
        room, spans = f"{taker.queue}:{member.call}", member.edge != taker.call.edge
        for stay, peer in ((taker.stay, member.call), (member.stay, taker.call.sid)):
            seat = self._seats.of(stay)
            if seat is not None:
                self._seats.put(seat, Place(sid=taker.queue, room=room, ends_room=True, peer=peer, spans=spans))

    async def _taken_again(self, queue: QueueRecord, call: CallRecord, seat: Seat, member: MemberRecord) -> None:
        """The edge of one who was taken asks again: he goes where he was, if whoever took him is still there."""
        taker = next((one for one in self._takers.values() if one.call.sid == member.taker), None)
        if taker is not None:
            self._join(taker, member)
            return
        alive = await self._db.read(lambda conn: calls.get(conn, member.taker or ""))
        if alive is not None and alive.ended_at is None:
            room = f"{queue.sid}:{member.call}"  # his edge will ask too
            spans = alive.edge != member.edge
            self._seats.put(seat, Place(sid=queue.sid, room=room, ends_room=True, peer=member.taker, spans=spans))
        else:
            self._dismiss(member.stay, "ended")

    async def _taker_left(self, taker: _Taker, member: MemberRecord) -> None:
        """Whoever was joined is let go with him; who was only reserved waits again, and is the first."""
        if taker.joined:
            self._dismiss(member.stay, "ended")
            return
        self._waits.stop(member.stay)
        queue, back, call = await self._db.write(lambda conn: _back(conn, member))
        seat = self._seats.of(member.stay)
        if queue is not None and back is not None and call is not None and seat is not None:
            self._wait(call, seat, queue, back)
            await self._match(queue.sid)

    async def _member_left(self, stay: StayId) -> None:
        """Whoever talked with him is through; whoever would have waits for the next."""
        taker = next((one for one in self._takers.values() if one.member is not None and one.member.stay == stay), None)
        if taker is None:
            return
        if taker.joined:
            self._dismiss(taker.stay, "ended")
            return
        taker.member = None
        seat = self._seats.of(taker.stay)
        if seat is not None:
            self._seats.put(seat, Place(sid=taker.queue))
        await self._match(taker.queue)

    def _dismiss(self, stay: StayId, because: str) -> None:
        self._takers.pop(stay, None)
        self._members.pop(stay, None)
        self._waits.forget(stay)
        seat = self._seats.of(stay)
        if seat is not None:
            self._seats.leave(seat, because)

    async def _fields(self, member: MemberRecord) -> Mapping[str, str]:
        """What a ``waitUrl`` is told."""
        queue, waiting = await self._db.read(
            lambda conn: (queues.get(conn, member.queue), queues.waiting(conn, member.queue))
        )
        now = self._now()
        return {
            "QueueSid": member.queue,
            "QueuePosition": str(steps.position(waiting, member)),
            "QueueTime": str(round((now - member.created_at).total_seconds())),
            "AvgQueueTime": str(steps.average_wait_s(waiting, now)),
            "CurrentQueueSize": str(len(waiting)),
            "MaxQueueSize": str(queue.max_size if queue else 0),
        }

    async def _whispered(self, taker: _Taker, member: MemberRecord) -> Mapping[str, str]:
        """What the ``url`` of a <Queue> is told."""
        waited = ((member.taken_at or self._now()) - member.created_at).total_seconds()
        return {"QueueSid": member.queue, "QueueTime": str(round(waited)), "DequeuingCallSid": taker.call.sid}


def _back(conn: Connection, member: MemberRecord) -> tuple[QueueRecord | None, MemberRecord | None, CallRecord | None]:
    fresh = queues.by_stay(conn, member.stay)
    if fresh is None or fresh.status != TAKEN:
        return None, None, None
    back = queues.update_member(conn, fresh.sid, status=WAITING, taker=None, taken_at=None)
    return queues.get(conn, fresh.queue), back, calls.get(conn, fresh.call)
