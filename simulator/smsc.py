"""The short message service centre: takes, keeps, delivers in order, reports (23.040 §3)."""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from random import Random
from typing import Protocol

from simulator import pdu
from simulator.accounts import Accounts
from simulator.faults import Faults
from simulator.identity import dialled
from simulator.sim import Sim
from simulator.timing import Timers

log = logging.getLogger(__name__)

SUBMIT_S = 0.5
TRANSFER_S = 0.4
RETRY_S = 20.0
DEFAULT_VALIDITY = timedelta(days=3)
DELIVERED, REMOTE_PROCEDURE_ERROR, NOT_OBTAINABLE, VALIDITY_EXPIRED = 0x00, 0x40, 0x43, 0x46


class Verdict(Enum):
    """What a recipient made of a message."""

    TAKEN = "taken"
    LATER = "later"  # absent, or no memory: keep it until the recipient is heard of again
    FAILED = "failed"


@dataclass(slots=True, eq=False)
class Parcel:
    """A part, or with `report_status` a status report, on its way to `to`."""

    id: int
    sender: str
    to: str
    content: pdu.UserData
    submitted_at: float
    reference: int = 0
    concat: pdu.Concat | None = None
    report_to: str | None = None
    expires_at: float = 0.0
    report_status: int | None = None
    done_at: float = 0.0


class Recipient(Protocol):
    """Who a message can be delivered to."""

    def sms_delay(self) -> float:
        """Real seconds by which this recipient's messages come late."""

    def take_sms(self, parcel: Parcel, done: Callable[[Verdict], None]) -> None:
        """Take it and say so, at once or later, exactly once."""


_Key = tuple[str, bool]


def _key(parcel: Parcel) -> _Key:
    """Messages and reports of one recipient queue apart: a full memory for one does not hold up the other."""
    return parcel.to, parcel.report_status is not None


class Smsc:
    """Store and forward; `parcels` is everything not yet at its recipient."""

    def __init__(
        self,
        *,
        timers: Timers,
        accounts: Accounts,
        faults: Faults,
        sims: dict[str, Sim],
        find: Callable[[str], Recipient | None],
        changed: Callable[[], None],
        random: Random,
    ) -> None:
        self._timers = timers
        self._accounts = accounts
        self._faults = faults
        self._sims = sims
        self._find = find
        self._changed = changed
        self._random = random
        self._ids = itertools.count(1)
        self._queues: dict[_Key, deque[Parcel]] = {}
        self._busy: set[_Key] = set()
        self.parcels: dict[int, Parcel] = {}

    def submit(self, sim: Sim, message: pdu.Submit, reference: int) -> int | None:
        """A SIM hands a part in: None when accepted (and paid), else the CMS error."""
        sim.counters.submits += 1
        refusal = self._refusal(sim)
        if refusal is not None:
            sim.counters.refused += 1
            return refusal
        sim.counters.accepted += 1
        content = pdu.UserData(message.coding, message.text, message.data, message.header)
        if self._faults.on("sms_silently_lost", sim.device):
            sim.counters.lost += 1
            self._changed()
            return None
        now = self._timers.now()
        self.accept(
            Parcel(
                id=0,
                sender=sim.number,
                to=dialled(message.to),
                content=content,
                submitted_at=now,
                reference=reference,
                concat=message.concat,
                report_to=sim.number if message.report else None,
                expires_at=now + (message.validity or DEFAULT_VALIDITY).total_seconds(),
            )
        )
        return None

    def accept_from_handset(self, sender: str, to: str, part: pdu.UserData) -> None:
        """A handset, or the operator itself, hands in one part; neither pays."""
        concat = pdu.read_concat(part.header)
        now = self._timers.now()
        parcel = Parcel(0, sender, dialled(to), part, now, concat=concat)
        parcel.expires_at = now + DEFAULT_VALIDITY.total_seconds()
        self.accept(parcel)

    def accept(self, parcel: Parcel, delay: float = 0.0) -> None:
        """Keep a parcel and forward it, after a delay in real seconds."""
        parcel.id = next(self._ids)
        self.parcels[parcel.id] = parcel
        self._changed()
        recipient = self._find(parcel.to)
        delay += 0.0 if recipient is None else recipient.sms_delay()
        if delay > 0:
            self._timers.after(delay, lambda: self._enqueue(parcel))
        else:
            self._enqueue(parcel)

    def recipient_ready(self, number: str) -> None:
        """The recipient is heard of again: try what is kept for it."""
        for is_report in (False, True):
            self._next((number, is_report))

    def _refusal(self, sim: Sim) -> int | None:
        fault = self._faults.on("cms_error", sim.device)
        return int(fault.options["code"]) if fault else self._accounts.charge_sms(sim)

    def _enqueue(self, parcel: Parcel) -> None:
        queue = self._queues.setdefault(_key(parcel), deque())
        sim = self._sims.get(parcel.to)
        device = "" if sim is None else sim.device
        if self._faults.on("sms_shuffled", device):
            first = int(_key(parcel) in self._busy)  # the one under way stays first
            queue.insert(self._random.randint(min(first, len(queue)), len(queue)), parcel)
        else:
            queue.append(parcel)
        if self._faults.on("sms_duplicated", device) and parcel.report_status is None:
            copy = replace(parcel, id=next(self._ids), report_to=None)
            self.parcels[copy.id] = copy
            queue.append(copy)
        self._next(_key(parcel))

    def _next(self, key: _Key) -> None:
        if self._queues.get(key) and key not in self._busy:
            self._busy.add(key)
            self._timers.network(TRANSFER_S, lambda: self._transfer(key))

    def _transfer(self, key: _Key) -> None:
        parcel = self._queues[key][0]
        recipient = self._find(parcel.to)
        if recipient is None:
            self._finish(parcel, NOT_OBTAINABLE)
        elif parcel.expires_at and parcel.expires_at < self._timers.now():
            self._finish(parcel, VALIDITY_EXPIRED)
        else:
            recipient.take_sms(parcel, lambda verdict: self._judge(parcel, verdict))

    def _judge(self, parcel: Parcel, verdict: Verdict) -> None:
        if verdict is Verdict.LATER:
            self._busy.discard(_key(parcel))
            self._timers.network(RETRY_S, lambda: self._next(_key(parcel)))
            return
        self._finish(parcel, DELIVERED if verdict is Verdict.TAKEN else REMOTE_PROCEDURE_ERROR)

    def _finish(self, parcel: Parcel, status: int) -> None:
        key = _key(parcel)
        self._queues[key].popleft()
        self._busy.discard(key)
        if not self._queues[key]:
            del self._queues[key]
        self.parcels.pop(parcel.id, None)
        self._count(parcel, status)
        if parcel.report_to is not None:
            self._report(parcel, status)
        self._changed()
        self._next(key)

    def _count(self, parcel: Parcel, status: int) -> None:
        sim = self._sims.get(parcel.sender)
        if sim is None or parcel.report_status is not None:
            return
        if status == DELIVERED:
            sim.counters.delivered += 1
        else:
            sim.counters.failed += 1
        log.info("message %d from %s: status %#04x", parcel.id, sim.device, status)

    def _report(self, parcel: Parcel, status: int) -> None:
        to = parcel.report_to or ""
        device = self._sims[to].device if to in self._sims else self._faults.links.get(to, "")
        if self._faults.on("no_delivery_report", device):
            return
        report = Parcel(
            id=0,
            sender=parcel.to,
            to=to,
            content=pdu.UserData(0),
            submitted_at=parcel.submitted_at,
            reference=parcel.reference,
            report_status=status,
            done_at=self._timers.now(),
        )
        shown = self._faults.on("report_status", device)
        if shown is not None:
            report.report_status = int(shown.options["status"])
        late = self._faults.on("late_delivery_report", device)
        self.accept(report, delay=late.options["delay_s"] if late else 0.0)
