"""Which channel carries what: loads what is known of channels, lets telecore decide, remembers the reason."""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

from cloud.store import calls, channels, edges, numbers
from cloud.store.database import Connection
from cloud.store.records import ChannelRecord, NumberRecord
from telecore.ids import E164, AccountSid, ChannelId, EdgeId
from telecore.model import Service
from telecore.routing import Candidate, Decision, RouteRequest, Rules, decide
from telecore.sip_target import SipTarget

log = logging.getLogger(__name__)

_REMEMBERED = 1000


class Routing:
    """Called within transactions, on the store's threads. ``connected`` tells whether an edge is on the line."""

    def __init__(self, connected: Callable[[EdgeId], bool], rules: Rules = Rules()) -> None:  # noqa: B008
        self._connected = connected
        self._rules = rules
        self._reasons: OrderedDict[str, Decision] = OrderedDict()

    def for_message(
        self, conn: Connection, sid: str, number: NumberRecord, to: str, *, urgent: bool = False
    ) -> Decision:
        """The channel of the sender's SIM, if it can send now, or soon."""
        ask = RouteRequest(Service.SMS, to, sender=number.number, waits=True, urgent=urgent)
        return self._decide(sid, ask, self._of_number(conn, number, legs=False))

    def for_pool(
        self, conn: Connection, sid: str, pool: Sequence[NumberRecord], ask: RouteRequest
    ) -> tuple[NumberRecord | None, Decision]:
        """Which of these numbers sends, by its SIM; None when none can now."""
        candidates = [
            replace(found, number=number.number)
            for number in pool
            for found in self._of_number(conn, number, legs=False)
            if number.number in (found.number, *found.status.numbers)
        ]
        decision = self._decide(sid, ask, candidates)
        chosen = decision.chosen.number if decision.chosen is not None else None
        return next((number for number in pool if number.number == chosen), None), decision

    def for_call(self, conn: Connection, sid: str, number: NumberRecord, to: str, *, urgent: bool = False) -> Decision:
        """The channel of the caller's SIM. An edge that is away just now may be back before the caller gives up."""
        ask = RouteRequest(Service.VOICE, to, sender=number.number, urgent=urgent)
        candidates = self._of_number(conn, number, legs=True)
        decision = self._decide(sid, ask, candidates)
        if decision.chosen is None:
            decision = self._decide(sid, ask, [replace(candidate, connected=True) for candidate in candidates])
        return decision

    def for_uri(self, conn: Connection, sid: str, account: AccountSid, target: SipTarget) -> Decision:
        """A trunk of this account's edges that calls URIs of this host."""
        candidates = [
            self._candidate(conn, record, legs[record.channel])
            for site in self._sites(conn, account)
            for legs in (Counter(live.channel for live in calls.live(conn, site)),)
            for record in channels.list_(conn, [site])
        ]
        return self._decide(sid, RouteRequest(Service.VOICE, target.uri, domain=target.host), candidates)

    def for_dial(
        self,
        conn: Connection,
        sid: str,
        *,
        account: AccountSid,
        edge: EdgeId,
        to: str,
        caller: E164 | None,
        taken: Counter[ChannelId],
        domain: str = "",
    ) -> Decision:
        """A channel that shows ``caller`` if it can be had, then one of this edge, then of another of the account's.

        ``taken`` counts legs of this dial; ``domain``: the host of the SIP URI that is to be called.
        """
        candidates = [
            self._candidate(conn, record, legs[record.channel] + taken[record.channel])
            for site in self._sites(conn, account, edge)
            for legs in (Counter(live.channel for live in calls.live(conn, site)),)
            for record in channels.list_(conn, [site])
        ]
        prefer = next((found.channel for found in candidates if caller and caller in found.numbers), None)
        return self._decide(sid, RouteRequest(Service.VOICE, to, near=edge, prefer=prefer, domain=domain), candidates)

    def _sites(self, conn: Connection, account: AccountSid, own: EdgeId | None = None) -> list[EdgeId]:
        """The edges whose channels this account may use: its own ones, and that where its call is."""
        return sorted({*edges.names_of(conn, [account]), *([own] if own is not None else [])})

    def reason(self, sid: str) -> str:
        """Why the call or message went where it went, for as long as it is remembered."""
        decision = self._reasons.get(sid)
        return decision.sentence() if decision else ""

    def _of_number(self, conn: Connection, number: NumberRecord, *, legs: bool) -> list[Candidate]:
        record = channels.get(conn, number.channel) if number.channel else None
        if record is None:
            return []
        busy = sum(call.channel == record.channel for call in calls.live(conn, record.edge)) if legs else 0
        return [self._candidate(conn, record, busy, number)]

    def _candidate(
        self, conn: Connection, record: ChannelRecord, legs: int, number: NumberRecord | None = None
    ) -> Candidate:
        """The store counts the calls of a channel; what the edge last told of its legs may be older than their end."""
        status = replace(record.status, busy_legs=0)
        msisdn = status.sim.msisdn if status.sim else None
        if msisdn is None:
            bound = number or numbers.get_by_channel(conn, record.channel)
            msisdn = bound.number if bound else None
        return Candidate(status, record.edge, self._connected(record.edge), msisdn, legs)

    def _decide(self, sid: str, ask: RouteRequest, candidates: list[Candidate]) -> Decision:
        decision = decide(ask, self._rules, candidates)
        self._reasons[sid] = decision
        self._reasons.move_to_end(sid)
        while len(self._reasons) > _REMEMBERED:
            self._reasons.popitem(last=False)
        log.debug("%s: %s", sid, decision.sentence())
        return decision
