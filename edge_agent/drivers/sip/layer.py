"""All transactions of one address, found by index, driven by messages and a clock that is handed in. No socket."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.message import Received, Request, Response
from edge_agent.drivers.sip.transaction import (
    ClientUser,
    Do,
    Input,
    Intervals,
    Kind,
    ServerUser,
    State,
    Transaction,
    ack_of_failure,
    cancel_of,
    input_of,
)

COOKIE = "z9hG4bK"
MOST = 30_000
"""Transactions at once; 32 s of 100 calls/s are 10,000. A request beyond them is not taken."""


class TransactionLayer:
    """``send`` gets octets and where they go; it must not raise."""

    def __init__(self, send: Callable[[bytes, Hop], None], intervals: Intervals | None = None) -> None:
        self.intervals = intervals or Intervals()
        self._send = send
        self._clients: dict[tuple[object, ...], Transaction] = {}
        self._servers: dict[tuple[object, ...], Transaction] = {}
        self._merged: dict[tuple[object, ...], Transaction] = {}
        self._due: list[tuple[float, int, Transaction, Input]] = []
        self._order = count()
        self.timeouts = 0

    def __len__(self) -> int:
        return len(self._clients) + len(self._servers)

    # clients

    def begin(self, request: Request, branch: str, hop: Hop, user: ClientUser, now: float) -> Transaction:
        """Send a request, its Via with this branch on top; its responses go to ``user``."""
        kind = Kind.INVITE_CLIENT if request.method == "INVITE" else Kind.CLIENT
        transaction = Transaction(kind, (branch, request.method), request, hop, user)
        transaction.last = bytes(request)
        self._clients[transaction.key] = transaction
        self._send(transaction.last, hop)
        self._enter(transaction, now)
        return transaction

    def cancel(self, invite: Transaction, user: ClientUser, now: float) -> Transaction:
        """Send the CANCEL of an INVITE, which must have had a 1xx (§9.1)."""
        return self.begin(cancel_of(invite.request), str(invite.key[0]), invite.hop, user, now)

    def response(self, received: Received, now: float) -> bool:
        """A response came; whether anybody waited for it."""
        message, envelope = received.message, received.envelope
        transaction = self._clients.get((envelope.via.branch, envelope.cseq.method))
        if transaction is None or not isinstance(message, Response):
            return False
        self._feed(transaction, input_of(message.status), now, received)
        return True

    # servers

    def request(self, received: Received, hop: Hop, now: float) -> Transaction | None:
        """A request other than ACK came. None: a repetition, already seen to, or more than can be held."""
        message, envelope = received.message, received.envelope
        assert isinstance(message, Request)
        key = server_key(received, message.method)
        known = self._servers.get(key)
        if known is not None:
            self._feed(known, Input.REQUEST, now)
            return None
        if len(self) >= MOST:
            return None
        kind = Kind.INVITE_SERVER if message.method == "INVITE" else Kind.SERVER
        transaction = Transaction(kind, key, message, hop)
        self._servers[key] = transaction
        if not envelope.recipient.tag:
            transaction.merge_key = _merge_key(received)
            self._merged.setdefault(transaction.merge_key, transaction)
        return transaction

    def merged(self, received: Received, transaction: Transaction) -> bool:
        """Whether the same request came by another way before (§8.2.2.2)."""
        other = self._merged.get(_merge_key(received))
        return not received.envelope.recipient.tag and other is not None and other is not transaction

    def invite_of(self, received: Received) -> Transaction | None:
        """The INVITE that a CANCEL is about (§9.2), or that an ACK of a failure belongs to."""
        return self._servers.get(server_key(received, "INVITE"))

    def ack(self, received: Received, now: float) -> bool:
        """An ACK came; False: it is not of a failure, so it belongs to a dialog."""
        transaction = self.invite_of(received)
        if transaction is None or transaction.state in (State.ACCEPTED, State.ACKNOWLEDGED):
            return False
        self._feed(transaction, Input.ACK, now)
        return True

    def acknowledged(self, transaction: Transaction, now: float) -> None:
        """The dialog has seen the ACK of this INVITE's 2xx."""
        self._feed(transaction, Input.ACK, now)

    def respond(self, transaction: Transaction, response: Response, now: float, user: ServerUser | None = None) -> bool:
        """Send a response, and again as often as it takes. False: it is too late for it."""
        what = input_of(response.status)
        if transaction.state not in (State.TRYING, State.PROCEEDING):
            return False
        transaction.last = bytes(response)
        if response.status in (401, 407):
            self._unmerge(transaction)  # it is asked to come again, and some boxes do not count CSeq up
        if user is not None:
            transaction.server = user
        self._feed(transaction, what, now)
        return True

    # time

    def next_deadline(self) -> float | None:
        """When ``tick`` is wanted next."""
        while self._due and self._stale(self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def tick(self, now: float) -> None:
        """Do what is due."""
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            _, _, transaction, what = heapq.heappop(self._due)
            del transaction.timers[what]
            self._feed(transaction, what, now)

    def _stale(self, entry: tuple[float, int, Transaction, Input]) -> bool:
        return entry[2].timers.get(entry[3]) != entry[0]

    # the tables at work

    def _feed(self, transaction: Transaction, what: Input, now: float, received: Received | None = None) -> None:
        changed, todo = transaction.take(what)
        if changed:
            self._enter(transaction, now)
        for do in todo:
            self._do(do, transaction, now, received)

    def _enter(self, transaction: Transaction, now: float) -> None:
        if transaction.state is State.TERMINATED:
            self._forget(transaction)
            return
        transaction.begin_timers(self.intervals, now)
        for what, deadline in transaction.timers.items():
            self._arm(transaction, what, deadline)

    def _arm(self, transaction: Transaction, what: Input, deadline: float) -> None:
        heapq.heappush(self._due, (deadline, next(self._order), transaction, what))

    def _do(self, do: Do, transaction: Transaction, now: float, received: Received | None) -> None:
        match do:
            case Do.REPEAT:
                if transaction.last is not None:
                    self._send(transaction.last, transaction.hop)
            case Do.SLOWER | Do.SLOWEST:
                transaction.slow_down(self.intervals, now, to_t2=do is Do.SLOWEST)
                self._arm(transaction, Input.AGAIN, transaction.timers[Input.AGAIN])
            case Do.ACK if received is not None and isinstance(received.message, Response):
                self._send(bytes(ack_of_failure(transaction.request, received.message)), transaction.hop)
            case Do.TELL if received is not None and transaction.client is not None:
                transaction.client.on_response(received)
            case Do.FAIL:
                self.timeouts += 1
                self._fail(transaction)

    def _fail(self, transaction: Transaction) -> None:
        if transaction.client is not None:
            transaction.client.on_timeout()
        elif transaction.server is not None:
            transaction.server.on_unacknowledged()

    def _forget(self, transaction: Transaction) -> None:
        transaction.timers = {}
        table = self._clients if transaction.kind in (Kind.INVITE_CLIENT, Kind.CLIENT) else self._servers
        table.pop(transaction.key, None)
        self._unmerge(transaction)

    def _unmerge(self, transaction: Transaction) -> None:
        if transaction.merge_key is not None and self._merged.get(transaction.merge_key) is transaction:
            del self._merged[transaction.merge_key]


def server_key(received: Received, method: str) -> tuple[object, ...]:
    """RFC 3261 §17.2.3; without the cookie as RFC 2543 did it."""
    envelope = received.envelope
    via = envelope.via
    if via.branch.startswith(COOKIE):
        return (via.branch, via.host, via.port, method)
    return (envelope.call_id, envelope.sender.tag, envelope.cseq.number, via.text, method)


def _merge_key(received: Received) -> tuple[object, ...]:
    envelope = received.envelope
    return (envelope.call_id, envelope.sender.tag, envelope.cseq)
