"""Legs of a <Dial> at another edge than its caller: who dials them, and who is told what of them.

All that must outlive this process is in the rows of the legs; the rest both edges say again when they are back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from cloud.services.far_leg import Ends, FarLeg, FarLine
from cloud.services.feeds import Feeds
from cloud.services.live_tasks import LiveTasks
from cloud.store import calls, outbox
from cloud.store.database import Connection, Database
from cloud.store.records import CallRecord
from cloud.tunnel import call_steps
from cloud.tunnel.heard import Told
from telecore.causes import Cause
from telecore.commands import FarNews, HangUp, PlaceCall, TellFarLeg
from telecore.ids import E164, CallSid, CommandId, EdgeId
from telecore.model import CallStatus
from telecore.notices import Do, FarLegHeld, FarLegLeft, FarLegReady
from telecore.numbers import is_e164
from telecore.states import FINAL_CALL

log = logging.getLogger(__name__)

PLACE_WITHIN = timedelta(seconds=20)
"""A leg that its edge hears of later than this is not dialled any more: the caller would not wait for it."""

LIMIT_S = 90000.0
"""Longer than any <Dial> may last: its own limit counts from the join, where it is held."""


class FarLegs:
    """``wake`` tells the tunnel that an edge's outbox has news, ``ended`` that a row has got its end here."""

    def __init__(
        self,
        db: Database,
        feeds: Feeds,
        line: FarLine,
        *,
        wake: Callable[[EdgeId], None],
        ended: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._feeds = feeds
        self._line = line
        self._wake = wake
        self._ended = ended
        self._now = now
        self._tasks = LiveTasks()
        self._legs: dict[CallSid, FarLeg] = {}

    def on_notice(self, edge: EdgeId, notice: FarLegHeld | FarLegLeft | FarLegReady) -> None:
        """One of both edges tells of a leg."""
        match notice:
            case FarLegHeld():
                work = self._held(edge, notice)
            case FarLegLeft():
                work = self._left(edge, notice)
            case FarLegReady():
                work = self._ready(edge, notice)
        self._tasks.start(work, f"far leg {notice.call}")

    def on_told(self, told: Told) -> None:
        """News of a call, after its commit."""
        leg = self._legs.get(told.call.sid) if told.call is not None else None
        if leg is not None and told.call is not None and told.edge == leg.far:
            leg.progress(told.call)

    def over(self, record: CallRecord) -> None:
        """The call was ended here, without its edge."""
        leg = self._legs.get(record.sid)
        if leg is not None:
            leg.progress(record)

    def on_link(self, edge: EdgeId, up: bool) -> None:
        for leg in list(self._legs.values()):
            if edge in (leg.near, leg.far):
                leg.link(edge, up)

    async def close(self) -> None:
        await self._tasks.close()
        for leg in self._legs.values():
            leg.close()
        self._legs.clear()

    async def _held(self, edge: EdgeId, notice: FarLegHeld) -> None:
        child = await self._db.write(lambda conn: self._place(conn, edge, notice))
        if child is None or child.edge is None or child.status in FINAL_CALL:
            cause = Cause.TEMPORARY_FAILURE if child is None or child.cause is None else child.cause
            self._line.notify(edge, Do(TellFarLeg(call=notice.call, news=FarNews.ENDED, cause=cause)))
            return
        self._leg(child, edge, child.edge).hold(notice.stream)
        self._wake(child.edge)

    def _place(self, conn: Connection, edge: EdgeId, notice: FarLegHeld) -> CallRecord | None:
        """The leg's row; one that nobody dials yet gets its command. None: it is not this edge's to hold."""
        child = self._of_holder(conn, edge, notice.call)
        if child is None or child.edge is None or child.channel is None:
            return None
        if child.status is CallStatus.QUEUED and notice.call not in self._legs:
            outbox.append(conn, child.edge, self._command(child, notice))  # the same id: done once, however often
        return child

    def _command(self, child: CallRecord, notice: FarLegHeld) -> PlaceCall:
        assert child.channel is not None  # _place has looked
        return PlaceCall(
            id=CommandId(child.sid),
            not_after=self._now() + PLACE_WITHIN,
            call=child.sid,
            channel=child.channel,
            to=child.called,
            caller=E164(child.caller) if is_e164(child.caller) else None,
            timeout_s=notice.ring_s,
            time_limit_s=LIMIT_S,
            send_digits=notice.send_digits,
            sip=notice.sip,
            machine=notice.machine,
            dialled=True,
            whisper=bool(child.url),
        )

    async def _left(self, edge: EdgeId, notice: FarLegLeft) -> None:
        child = await self._db.write(lambda conn: self._withdraw(conn, edge, notice))
        if child is None or child.edge is None:
            return
        leg = self._legs.get(notice.call)
        if child.status in FINAL_CALL:
            self._ended()
            if leg is not None:
                leg.progress(child)
        elif leg is not None:
            leg.leave(notice.cause)
        else:
            self._line.notify(child.edge, Do(HangUp(call=notice.call, cause=notice.cause)))

    def _withdraw(self, conn: Connection, edge: EdgeId, notice: FarLegLeft) -> CallRecord | None:
        """One that the far edge has not heard of yet is over before it began."""
        child = self._of_holder(conn, edge, notice.call)
        if child is None or child.edge is None or child.status is not CallStatus.QUEUED:
            return child
        if not outbox.withdraw(conn, child.edge, child.sid):
            return child
        return call_steps.end(conn, child, self._now(), 16, status=CallStatus.CANCELED)

    async def _ready(self, edge: EdgeId, notice: FarLegReady) -> None:
        leg = self._legs.get(notice.call) or await self._recover(edge, notice.call)
        if leg is None or leg.far != edge:
            self._line.notify(edge, Do(HangUp(call=notice.call)))
        elif notice.taken:
            leg.taken()
        else:
            leg.ready(notice.keys_apart)

    async def _recover(self, edge: EdgeId, call: CallSid) -> FarLeg | None:
        """A leg that an earlier process of ours knew. Its holder has to say soon that it still is."""
        # In the order of what is written: its end is either seen here or told when the leg is there to hear it.
        child, near = await self._db.write(lambda conn: self._with_holder(conn, call))
        if child is None or near is None or child.edge != edge or child.status in FINAL_CALL:
            return None
        return self._leg(child, near, edge)

    def _with_holder(self, conn: Connection, call: CallSid) -> tuple[CallRecord | None, EdgeId | None]:
        child = calls.get(conn, call)
        parent = calls.get(conn, child.parent) if child is not None and child.parent is not None else None
        return child, None if parent is None or parent.status in FINAL_CALL else parent.edge

    def _of_holder(self, conn: Connection, edge: EdgeId, call: CallSid) -> CallRecord | None:
        """A leg of a call of this edge that another edge dials."""
        child = calls.get(conn, call)
        parent = calls.get(conn, child.parent) if child is not None and child.parent is not None else None
        if child is None or parent is None or parent.edge != edge or child.edge == edge:
            log.warning("edge %s speaks of leg %s, which is not its own to hold: ignored", edge, call)
            return None
        return child

    def _leg(self, child: CallRecord, near: EdgeId, far: EdgeId) -> FarLeg:
        if child.sid not in self._legs:
            self._legs[child.sid] = FarLeg(child, Ends(near, far), self._feeds, self._line, self._over)
        return self._legs[child.sid]

    def _over(self, call: CallSid) -> None:
        self._legs.pop(call, None)
