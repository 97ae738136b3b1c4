"""Which channel carries what: loads what is known of channels, lets telecore decide, remembers the reason."""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
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
        self._reasons: OrderedDict[str, str] = OrderedDict()

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
        candidates = self._of_sites(conn, edges.names_of(conn, [account]), {})
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
        candidates = self._of_sites(conn, {*edges.names_of(conn, [account]), edge}, taken)
        prefer = next((found.channel for found in candidates if caller and caller in found.numbers), None)
        return self._decide(sid, RouteRequest(Service.VOICE, to, near=edge, prefer=prefer, domain=domain), candidates)

    def _of_sites(
        self,
        conn: Connection,
        sites: Collection[EdgeId],
        taken: Mapping[ChannelId, int],
    ) -> list[Candidate]:
        """The channels of these edges, by name."""
        found = sorted(channels.list_(conn, sites), key=lambda record: record.channel)
        bound = numbers.by_channel(conn, sites)
        legs = calls.legs(conn, sites)
        legs.update(taken)
        return [self._candidate(record, legs[record.channel], bound.get(record.channel)) for record in found]

    def reason(self, sid: str) -> str:
        """Why the call or message went where it went, for as long as it is remembered."""
        return self._reasons.get(sid, "")

    def _of_number(self, conn: Connection, number: NumberRecord, *, legs: bool) -> list[Candidate]:
        record = channels.get(conn, number.channel) if number.channel else None
        if record is None:
            return []
        busy = calls.legs(conn, [record.edge])[record.channel] if legs else 0
        return [self._candidate(record, busy, number.number)]

    def _candidate(self, record: ChannelRecord, legs: int, bound: E164 | None) -> Candidate:
        """The store counts the calls of a channel; what the edge last told of its legs may be older than their end.

        ``bound``: the number that counts when the SIM does not know its own.
        """
        status = replace(record.status, busy_legs=0)
        msisdn = status.sim.msisdn if status.sim else None
        return Candidate(status, record.edge, self._connected(record.edge), msisdn or bound, legs)

    def _decide(self, sid: str, ask: RouteRequest, candidates: list[Candidate]) -> Decision:
        decision = decide(ask, self._rules, candidates)
        self._reasons[sid] = said = decision.sentence()
        self._reasons.move_to_end(sid)
        while len(self._reasons) > _REMEMBERED:
            self._reasons.popitem(last=False)
        log.debug("%s: %s", sid, said)
        return decision
