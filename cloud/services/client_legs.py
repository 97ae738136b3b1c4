"""Calls with browsers: those that ring them, and those that they make.

A handset is at the door of the cloud, its call is at an edge: there pages run, and legs are joined. The row of the call
says who it is for, so that after a restart the edge and the browser find each other again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cloud.services.call_session import Source
from cloud.services.client_leg import ClientLeg
from cloud.services.far_leg import FarLine
from cloud.services.handsets import Handset, Handsets
from cloud.services.live_tasks import LiveTasks
from cloud.services.sessions import Sessions
from cloud.store import accounts, applications, calls, edges, numbers
from cloud.store.database import Connection, Database
from cloud.store.records import CallRecord, Hook
from cloud.tunnel import call_steps
from cloud.tunnel.message_steps import owner_of
from telecore.causes import Cause
from telecore.commands import FarNews, OfferCall, TellFarLeg
from telecore.ids import CLIENT, AccountSid, Address, CallSid, EdgeId, client_channel, new_sid
from telecore.model import CallStatus, Direction
from telecore.notices import Do, FarLegHeld, FarLegLeft, FarLegReady
from telecore.states import FINAL_CALL

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Coming:
    """A leg that an edge has told of and whose call is being read. ``over``: it has ended meanwhile."""

    call: CallSid
    edge: EdgeId
    over: bool = False


class ClientLegs:
    """``ended`` tells that a row has got its end here; ``sessions`` run the pages of what handsets dial."""

    def __init__(
        self,
        db: Database,
        line: FarLine,
        sessions: Sessions,
        *,
        ended: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._line = line
        self._sessions = sessions
        self._ended = ended
        self._now = now
        self._tasks = LiveTasks()
        self._legs: dict[CallSid, ClientLeg] = {}
        self._coming: list[_Coming] = []
        self.handsets = Handsets()

    # ------------------------------------------------------------------ what edges tell

    def on_notice(self, edge: EdgeId, notice: FarLegHeld | FarLegLeft | FarLegReady) -> None:
        """An edge tells of a call with a browser."""
        if isinstance(notice, FarLegHeld):
            coming = _Coming(notice.call, edge)
            self._coming.append(coming)
            self._tasks.start(self._held(edge, notice, coming), f"client leg {notice.call}")
            return
        if isinstance(notice, FarLegLeft):
            self._ends(notice.call, edge)
        leg = self._legs.get(notice.call)
        if leg is None or leg.near != edge:
            log.info("edge %s tells of client leg %s, which is over", edge, notice.call)
        elif isinstance(notice, FarLegReady):
            leg.taken()
        else:
            leg.leave(notice.cause)

    def over(self, record: CallRecord) -> None:
        """The call has its end."""
        self._ends(record.sid, record.edge)
        leg = self._legs.get(record.sid)
        if leg is not None:
            leg.leave(Cause.NORMAL_CLEARING if record.cause is None else record.cause)

    def on_link(self, edge: EdgeId, up: bool) -> None:
        for leg in list(self._legs.values()):
            if leg.near == edge:
                leg.link(up)

    def __len__(self) -> int:
        return len(self._legs)

    async def close(self) -> None:
        await self._tasks.close()
        for leg in self._legs.values():
            leg.close()
        self._legs.clear()

    # ------------------------------------------------------------------ what handsets do

    def arrive(self, handset: Handset) -> None:
        """A browser is on the line, perhaps in the middle of a call."""
        self.handsets.add(handset)
        leg = self._legs.get(handset.resumes) if handset.resumes is not None else None
        if leg is not None and _meant(leg, handset) and (leg.answered or leg.outgoing):
            leg.resume(handset)
        elif leg is None and handset.resumes is not None:
            self._tasks.start(self._look_for(handset, handset.resumes), f"call {handset.resumes} of a browser")

    def depart(self, handset: Handset) -> None:
        """Its socket is gone."""
        self.handsets.remove(handset)
        handset.gone = True
        legs = [*handset.ringing.values(), *([handset.leg] if handset.leg is not None else [])]
        for leg in legs:
            leg.lost(handset)

    def leg_of(self, handset: Handset, call: str) -> ClientLeg | None:
        """The call with this SID, if the handset rings for it or is in it."""
        if handset.leg is not None and handset.leg.call == call:
            return handset.leg
        return handset.ringing.get(CallSid(call))

    async def dial(self, handset: Handset, to: str, parameters: Mapping[str, str]) -> str:
        """Make a call that runs the document of the handset's token; empty, or why that is not possible."""
        sid = CallSid(new_sid("CA"))
        record = await self._db.write(lambda conn: self._insert(conn, sid, handset, to))
        if isinstance(record, str):
            return record
        assert record.edge is not None  # _insert has chosen it
        leg = ClientLeg(record, record.edge, self._line, self._gone)
        self._legs[sid] = leg
        leg.dialled_by(handset)
        if handset.gone:  # while the row was written
            leg.lost(handset)
        offer = OfferCall(call=sid, channel=client_channel(record.edge), caller=record.caller)
        if not self._line.notify(record.edge, Do(offer)):
            await self._db.write(lambda conn: call_steps.end(conn, record, self._now(), Cause.NETWORK_OUT_OF_ORDER))
            self._ended()
            leg.leave(Cause.NETWORK_OUT_OF_ORDER)
            return ""
        leg.link(True)  # it says within moments that it holds the call
        self._sessions.start(record, Source(record.url, record.method, dict(parameters)))
        return ""

    # ------------------------------------------------------------------ how it is done

    async def _look_for(self, handset: Handset, call: CallSid) -> None:
        """A call that ended while its browser was away is told to be over; one that lives its edge tells of."""
        record = await self._db.read(lambda conn: calls.get(conn, call))
        if record is None or record.account != handset.grant.account or record.status in FINAL_CALL:
            handset.say("ended", call=call, reason="ended")

    def _ends(self, call: CallSid, edge: EdgeId | None) -> None:
        for coming in self._coming:
            if (coming.call, coming.edge) == (call, edge):
                coming.over = True

    async def _held(self, edge: EdgeId, notice: FarLegHeld, coming: _Coming) -> None:
        try:
            record = await self._db.read(lambda conn: call_steps.of_edge(conn, notice.call, edge))
        finally:
            self._coming.remove(coming)
        if record is None or record.status in FINAL_CALL or coming.over:
            cause = Cause.TEMPORARY_FAILURE if record is None or record.cause is None else record.cause
            self._line.notify(edge, Do(TellFarLeg(call=notice.call, news=FarNews.ENDED, cause=cause)))
            return
        leg = self._legs.get(record.sid)
        if leg is None:
            leg = self._legs[record.sid] = ClientLeg(record, edge, self._line, self._gone)
            leg.answered = leg.answered or notice.answered
            self._begin(leg, record, notice)
        elif notice.answered and not leg.answered:
            leg.taken()
        leg.hold(notice.stream)

    def _begin(self, leg: ClientLeg, record: CallRecord, notice: FarLegHeld) -> None:
        """Ring, or wait for who was in it before this process began."""
        here = self.handsets.of(leg.account, leg.identity)
        if leg.answered or leg.outgoing:
            back = next((handset for handset in here if handset.resumes == leg.call), None)
            if back is not None:
                leg.resume(back)
            else:
                leg.expect_handset()
            return
        shown = {"from": record.caller, "to": record.called, "parameters": notice.parameters}
        leg.ring(here, shown)

    def _insert(self, conn: Connection, sid: CallSid, handset: Handset, to: str) -> CallRecord | str:
        grant = handset.grant
        account = accounts.get(conn, grant.account)
        if account is None or account.status != "active":
            return "the account is not active"
        application = applications.of_account(conn, grant.account, grant.application) if grant.application else None
        voice = application.voice if application is not None else grant.voice
        if not voice.url:
            return "its access token names no document for calls (voice_url, or an application that has one)"
        edge = self._edge(conn, grant.account)
        if edge is None:
            return "no edge of the account is connected"
        now = self._now()
        record = CallRecord(
            sid=sid,
            account=grant.account,
            direction=Direction.INBOUND,
            caller=Address(CLIENT + grant.identity),
            called=Address(to),
            status=CallStatus.RINGING,
            created_at=now,
            updated_at=now,
            started_at=now,
            channel=client_channel(edge),
            edge=edge,
            url=voice.url,
            method=voice.method,
            fallback=application.voice_fallback if application is not None else Hook(),
            status_callback=application.status_callback if application is not None else Hook(),
        )
        return calls.insert(conn, record)

    def _edge(self, conn: Connection, account: AccountSid) -> EdgeId | None:
        """Where the call is to be: the connected edge with the fewest calls that is the account's, or has its SIM."""
        own = set(edges.names_of(conn, [account]))
        own |= {EdgeId(owner_of(channel)) for channel in numbers.channels_of(conn, account)}
        able = sorted(edge for edge in own if self._line.connected(edge))
        return min(able, key=lambda edge: len(calls.live(conn, edge)), default=None)

    def _gone(self, call: CallSid) -> None:
        self._legs.pop(call, None)


def _meant(leg: ClientLeg, handset: Handset) -> bool:
    return (leg.account, leg.identity) == (handset.grant.account, handset.grant.identity)
