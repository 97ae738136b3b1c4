"""The messages that wait for one line, and which of them is next. Pure: no clock, no disk, no modem.

Warnings go first; of the others nobody overtakes an earlier one to the same recipient, nor one that is under way to
him. Every step costs the logarithm of the queue, for an SMSC may be given ten thousand at once.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from edge_agent.submit_rules import Expire, Sleep, Submit, Waiting
from telecore.ids import MessageSid

_Order = tuple[bool, int]
"""Not urgent, and when it came."""


@dataclass(slots=True, eq=False)
class _Entry:
    waiting: Waiting
    order: _Order
    gone: bool = False

    def __lt__(self, other: _Entry) -> bool:
        """Of two in one place one is gone, so it does not matter which is first."""
        return self.gone < other.gone


@dataclass(slots=True)
class _Recipient:
    """Who waits for one recipient, the first first."""

    entries: list[tuple[_Order, _Entry]] = field(default_factory=list)
    busy: bool = False

    def head(self) -> _Entry | None:
        while self.entries and self.entries[0][1].gone:
            heapq.heappop(self.entries)
        return self.entries[0][1] if self.entries and not self.busy else None


class LineQueue:
    """A message is put in, taken out to be submitted, and then done or put back in its old place."""

    def __init__(self) -> None:
        self._waiting: dict[MessageSid, _Entry] = {}
        self._taken: dict[MessageSid, _Entry] = {}
        self._recipients: dict[str, _Recipient] = {}
        self._later: list[tuple[float, _Order, _Entry]] = []
        self._ready: list[tuple[_Order, _Entry]] = []
        self._deadlines: list[tuple[float, _Order, _Entry]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, waiting: Waiting) -> None:
        """At the end; nothing for a message that is here already."""
        sid = waiting.sms.command.message
        if sid not in self._waiting and sid not in self._taken:
            self._count += 1
            self._insert(waiting, (not waiting.sms.command.urgent, self._count))

    def take(self, waiting: Waiting) -> None:
        """It is being submitted: until ``done`` or ``put_back`` no other one goes to its recipient."""
        entry = self._drop(waiting)
        self._taken[waiting.sms.command.message] = entry
        self._recipients.setdefault(waiting.sms.command.to, _Recipient()).busy = True

    def done(self, sid: MessageSid) -> None:
        """It was submitted, or will never be."""
        to = self._taken.pop(sid).waiting.sms.command.to
        self._recipients[to].busy = False
        self._release(to)

    def put_back(self, waiting: Waiting) -> None:
        """A message that was taken waits again, where it stood."""
        order = self._taken.pop(waiting.sms.command.message).order
        self._recipients[waiting.sms.command.to].busy = False
        self._insert(waiting, order)

    def replace(self, old: Waiting, new: Waiting) -> None:
        """It waits on, in its place, until another time."""
        self._insert(new, self._drop(old).order)

    def remove(self, waiting: Waiting) -> None:
        """It need not be sent any more."""
        self._drop(waiting)
        self._release(waiting.sms.command.to)

    def next(self, now: float, *, ready: bool) -> Submit | Expire | Sleep:
        """What the line does next; ``ready``: whether it can submit now."""
        deadline = self._first(self._deadlines)
        if deadline is not None and deadline.waiting.deadline is not None and deadline.waiting.deadline <= now:
            return Expire(deadline.waiting)
        if ready and (entry := self._due(now)) is not None:
            return Submit(entry.waiting)
        times = [] if deadline is None or deadline.waiting.deadline is None else [deadline.waiting.deadline]
        if ready and (later := self._first(self._later)) is not None:
            times.append(later.waiting.due)
        return Sleep(min(times) - now if times else None)

    def _insert(self, waiting: Waiting, order: _Order) -> None:
        entry = _Entry(waiting, order)
        self._waiting[waiting.sms.command.message] = entry
        recipient = self._recipients.setdefault(waiting.sms.command.to, _Recipient())
        heapq.heappush(recipient.entries, (order, entry))
        if waiting.deadline is not None:
            heapq.heappush(self._deadlines, (waiting.deadline, order, entry))
        self._offer(recipient)

    def _drop(self, waiting: Waiting) -> _Entry:
        entry = self._waiting.pop(waiting.sms.command.message)
        entry.gone = True
        return entry

    def _release(self, to: str) -> None:
        recipient = self._recipients[to]
        self._offer(recipient)
        if not recipient.busy and not recipient.entries:
            del self._recipients[to]  # or each recipient there ever was would stay

    def _offer(self, recipient: _Recipient) -> None:
        head = recipient.head()
        if head is not None:
            heapq.heappush(self._later, (head.waiting.due, head.order, head))

    def _due(self, now: float) -> _Entry | None:
        """The first whose time has come. What was offered and is not its recipient's first any more is passed over."""
        while (entry := self._first(self._later)) is not None and entry.waiting.due <= now:
            heapq.heappop(self._later)
            heapq.heappush(self._ready, (entry.order, entry))
        while self._ready:
            entry = self._ready[0][1]
            if self._is_head(entry):
                return entry
            heapq.heappop(self._ready)
        return None

    def _first(self, heap: list[tuple[float, _Order, _Entry]]) -> _Entry | None:
        while heap:
            entry = heap[0][2]
            if not entry.gone and (heap is self._deadlines or self._is_head(entry)):
                return entry
            heapq.heappop(heap)
        return None

    def _is_head(self, entry: _Entry) -> bool:
        recipient = self._recipients.get(entry.waiting.sms.command.to)
        return recipient is not None and recipient.head() is entry
