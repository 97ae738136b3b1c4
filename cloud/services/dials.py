"""<Dial>: a leg for each target that a channel of the caller's edge, or of another of the account's, can carry."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from datetime import datetime

from cloud.services.caps import NO_DIALLING, CapKeeper, dialled
from cloud.services.debugger import Debugger
from cloud.services.dial_targets import CALLER_ID, NOT_ROUTED, Asked, read_target, refusal
from cloud.services.routing import Routing
from cloud.store import calls, numbers
from cloud.store.calls import CallFilter
from cloud.store.database import Connection, Database
from cloud.store.records import CallRecord, Cursor, Hook
from cloud.tunnel import call_steps
from cloud.tunnel.message_steps import owner_of
from telecore.commands import RouteDial, RoutedLeg
from telecore.errors import Refused
from telecore.ids import Address, CallSid, ChannelId, DialId, EdgeId, client_channel, is_client, new_sid
from telecore.model import CallStatus, Direction
from telecore.notices import RouteWanted
from telecore.twiml.control import DialTarget

NOT_AUTHORIZED = 13227
_REMEMBERED = 1000


class Dials:
    """Answers RouteWanted. The same dial is answered the same way, however often the edge asks."""

    def __init__(
        self,
        db: Database,
        routing: Routing,
        debugger: Debugger,
        *,
        now: Callable[[], datetime],
        caps: CapKeeper,
    ) -> None:
        self._caps = caps
        self._db = db
        self._routing = routing
        self._debugger = debugger
        self._now = now
        self._answers: OrderedDict[DialId, RouteDial] = OrderedDict()
        self._parents: set[CallSid] = set()

    async def route(self, edge: EdgeId, wanted: RouteWanted) -> RouteDial | None:
        """Rows for the legs, and the answer for the edge; None for a call that is not this edge's."""
        known = self._answers.get(wanted.dial)
        if known is not None:
            return known
        notes: list[tuple[int, str]] = []
        parent, answer = await self._db.write(lambda conn: self._route(conn, edge, wanted, notes))
        if parent is None or answer is None:
            return None
        self._answers[wanted.dial] = answer
        self._parents.add(wanted.call)
        while len(self._answers) > _REMEMBERED:
            self._answers.popitem(last=False)
        for code, text in notes:
            level = "warning" if code == CALLER_ID else "error"
            await self._debugger.note(parent.account, parent.sid, code, text, level=level)
        return answer

    async def settle(self, parent: CallSid) -> int:
        """The caller's page is over: legs that were never begun will never be; how many there were."""
        if parent not in self._parents:
            return 0
        self._parents.discard(parent)
        return await self._db.write(lambda conn: self._settle(conn, parent))

    def _settle(self, conn: Connection, parent: CallSid) -> int:
        record = calls.get(conn, parent)
        if record is None:
            return 0
        wanted = CallFilter(parent=parent, status=CallStatus.QUEUED)
        left = calls.list_(conn, record.account, wanted, Cursor(size=_REMEMBERED)).items
        for child in left:
            call_steps.end(conn, child, self._now(), 16, status=CallStatus.CANCELED)
        return len(left)

    def _route(
        self, conn: Connection, edge: EdgeId, wanted: RouteWanted, notes: list[tuple[int, str]]
    ) -> tuple[CallRecord | None, RouteDial | None]:
        notes.clear()
        parent = calls.get(conn, wanted.call)
        if parent is None or parent.edge != edge:
            return None, None
        legs: list[RoutedLeg] = []
        refusals: list[str] = []
        taken: Counter[ChannelId] = Counter()
        for index in range(len(wanted.spec.targets)):
            leg = self._leg(conn, parent, wanted, index, taken=taken, notes=notes)
            if leg is None:
                refusals.append(notes[-1][1])
                continue
            legs.append(leg)
            if not wanted.spec.sequential and not is_client(leg.to):
                taken[leg.channel] += 1
        for leg in legs:  # not before all are routed: a row counts as a call of its channel
            calls.insert(conn, self._child(parent, wanted.spec.targets[leg.target], leg))
        answer = RouteDial(call=parent.sid, dial=wanted.dial, legs=tuple(legs), refusals=tuple(refusals))
        return parent, answer

    def _leg(
        self,
        conn: Connection,
        parent: CallRecord,
        wanted: RouteWanted,
        index: int,
        *,
        taken: Counter[ChannelId],
        notes: list[tuple[int, str]],
    ) -> RoutedLeg | None:
        target = wanted.spec.targets[index]
        asked = read_target(target, wanted.spec.caller_id, parent)
        if not isinstance(asked, Asked) or parent.edge is None:
            notes.append((NOT_ROUTED, "the call is at no edge") if isinstance(asked, Asked) else asked)
            return None
        call = CallSid(new_sid("CA"))
        if is_client(asked.to):
            return RoutedLeg(call, client_channel(parent.edge), asked.to, index, asked.caller, bool(target.url))
        decision = self._routing.for_dial(
            conn,
            call,
            account=parent.account,
            edge=parent.edge,
            to=asked.to,
            caller=asked.caller,
            taken=taken,
            domain=_domain(asked),
        )
        chosen = decision.chosen
        if chosen is None:
            reasons = f"<Dial> could not reach party {index + 1}: {decision.outline()}"
            notes.append(refusal(asked, reasons, reachable=decision.eligible))
            return None
        try:
            already = 0 if wanted.spec.sequential else taken.total()
            self._caps.call(conn, parent.account, dialled(asked.to, asked.sip), already=already)
        except Refused as error:
            code = NOT_AUTHORIZED if error.code == NO_DIALLING else error.code
            notes.append((code, f"<Dial> did not call party {index + 1}: {error.message}"))
            return None
        shown = asked.caller if asked.caller in chosen.numbers else chosen.number
        if asked.caller and asked.caller != shown:
            notes.append((CALLER_ID, _not_shown(conn, parent, asked.caller)))
        far = chosen.edge != parent.edge
        return RoutedLeg(call, chosen.channel, asked.to, index, shown, bool(target.url), asked.sip, far)

    def _child(self, parent: CallRecord, target: DialTarget, leg: RoutedLeg) -> CallRecord:
        now = self._now()
        return CallRecord(
            sid=leg.call,
            account=parent.account,
            direction=Direction.OUTBOUND_DIAL,
            caller=Address(leg.sip.caller if leg.sip is not None else leg.caller or parent.caller),
            called=Address(leg.to),
            status=CallStatus.QUEUED,
            created_at=now,
            updated_at=now,
            channel=leg.channel,
            edge=EdgeId(owner_of(leg.channel)),
            parent=parent.sid,
            url=target.url or "",
            method=target.method,
            status_callback=Hook(target.status_callback, target.status_callback_method),
            status_callback_events=target.status_callback_events,
            machine_callback=Hook(target.machine_callback, target.machine_callback_method),
        )


def _domain(asked: Asked) -> str:
    return asked.sip.host if asked.sip is not None else ""


def _not_shown(conn: Connection, parent: CallRecord, caller: str) -> str:
    """Why the callee sees another number than was asked for."""
    number = numbers.get_by_number(conn, caller)
    if number is not None and number.account == parent.account:
        return (
            "<Dial> callerId cannot be shown: its own SIM cannot carry this call now, and another shows its own number"
        )
    return "<Dial> callerId cannot be shown: a SIM shows its own number"
