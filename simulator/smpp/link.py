"""One customer's contract: its numbers in the network, what it submits, and what waits for it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from simulator.identity import dialled
from simulator.pdu import UserData
from simulator.smpp import codec
from simulator.smpp.codec import BadPdu, Sm
from simulator.smpp.texts import concat_of, expiry, message_of, number_of, parts_of, receipt_of
from simulator.smsc import DEFAULT_VALIDITY, DELIVERED, Parcel, Smsc, Verdict
from simulator.timing import Timers

LINK = "smsc"
"""What faults call it."""
FINAL = 0x40
KEPT_IDS = 200_000


@dataclass(frozen=True, slots=True)
class Contract:
    """Who may bind, and the numbers that are his."""

    system_id: str
    password: str
    numbers: tuple[str, ...]


@dataclass(slots=True)
class Manners:
    """How this SMSC is. `response_id`, `receipt_id`: formats of the number of a message.

    `tagged`: receipts have optional parameters too; `marked`: they say in esm_class what they are. `deliver_by_sar`:
    long messages come with sar_ parameters instead of headers.
    """

    response_id: str = "{:d}"
    receipt_id: str = "{:d}"
    tagged: bool = True
    marked: bool = True
    deliver_by_sar: bool = False


@dataclass(slots=True)
class LinkCounters:
    submits: int = 0
    accepted: int = 0
    refused: int = 0
    delivered: int = 0
    receipts: int = 0


class Receiver(Protocol):
    """A session bound to receive."""

    def deliver(self, sm: Sm, done: Callable[[int | None], None]) -> None:
        """Hand it over; `done` gets the command_status, or None when no answer came."""


@dataclass(slots=True)
class _Submitted:
    """A submit whose receipt is due when all its parts have ended."""

    open: int
    status: int = DELIVERED
    reports: list[Parcel] = field(default_factory=list)


class SmppLink:
    """`numbers` belong to it; messages to them wait here until a receiver is bound."""

    def __init__(self, contract: Contract, smsc: Smsc, timers: Timers, manners: Manners | None = None) -> None:
        self.system_id = contract.system_id
        self.password = contract.password
        self.numbers = contract.numbers
        self.manners = manners or Manners()
        self.counters = LinkCounters()
        self.receivers: list[Receiver] = []
        self._smsc = smsc
        self._timers = timers
        self._ids = itertools.count(1)
        self._open: dict[int, _Submitted] = {}

    # ------------------------------------------------------------------------------------ submits

    def submit(self, sm: Sm) -> tuple[int, str]:
        """command_status, and the message's id when it was taken."""
        self.counters.submits += 1
        status, number = self._taken(sm)
        if status == codec.OK:
            self.counters.accepted += 1
            return status, self.manners.response_id.format(number)
        self.counters.refused += 1
        return status, ""

    def _taken(self, sm: Sm) -> tuple[int, int]:
        source, to = number_of(sm.source), dialled(number_of(sm.destination))
        if source.startswith("+") and source not in self.numbers:
            return codec.BAD_SOURCE, 0
        if not to or sm.destination.ton > 6:
            return codec.BAD_DESTINATION, 0
        number, now = next(self._ids), self._timers.now()
        try:
            expires_at = expiry(sm.validity, now) or now + DEFAULT_VALIDITY.total_seconds()
            parts = parts_of(sm, number & 0xFF)
        except (BadPdu, ValueError, KeyError):
            return codec.SYSTEM_ERROR, 0
        if sm.registered & 0x03:
            self._open[number] = _Submitted(len(parts))
            while len(self._open) > KEPT_IDS:
                del self._open[next(iter(self._open))]
        for part in parts:
            self._smsc.accept(self._parcel(sm, part, to, number, expires_at))
        return codec.OK, number

    def _parcel(self, sm: Sm, part: UserData, to: str, number: int, expires_at: float) -> Parcel:
        return Parcel(
            id=0,
            sender=number_of(sm.source),
            to=to,
            content=part,
            submitted_at=self._timers.now(),
            reference=number,
            concat=concat_of(part),
            report_to=self._report_to(sm) if sm.registered & 0x03 else None,
            expires_at=expires_at,
        )

    def _report_to(self, sm: Sm) -> str:
        source = number_of(sm.source)
        return source if source in self.numbers else self.numbers[0]

    # ---------------------------------------------------------------------------------- Recipient

    def sms_delay(self) -> float:
        """None of its own."""
        return 0.0

    def take_sms(self, parcel: Parcel, done: Callable[[Verdict], None]) -> None:
        """Hand it to the customer, or keep it."""
        if parcel.report_status is not None:
            whole = self._whole(parcel)
            if whole is None:
                done(Verdict.TAKEN)
                return
            name = self.manners.receipt_id.format(parcel.reference)
            sm = receipt_of(whole, name, tagged=self.manners.tagged, marked=self.manners.marked)
        else:
            sm = message_of(parcel, by_sar=self.manners.deliver_by_sar)
        if not self.receivers:
            done(Verdict.LATER)
            return
        receiver = self.receivers.pop(0)
        self.receivers.append(receiver)
        receiver.deliver(sm, partial(self._answered, parcel, done))

    def _whole(self, parcel: Parcel) -> Parcel | None:
        """The receipt of a submit, once every part of it has ended; None before."""
        submitted = self._open.get(parcel.reference)
        if submitted is None:
            return parcel
        if parcel in submitted.reports:
            return replace(parcel, report_status=submitted.status) if submitted.open == 0 else None
        submitted.reports.append(parcel)
        if (parcel.report_status or 0) >= FINAL:
            submitted.status = parcel.report_status or 0
        submitted.open -= 1
        return replace(parcel, report_status=submitted.status) if submitted.open == 0 else None

    def _answered(self, parcel: Parcel, done: Callable[[Verdict], None], status: int | None) -> None:
        if status == codec.OK:
            if parcel.report_status is None:
                self.counters.delivered += 1
            else:
                self.counters.receipts += 1
                self._open.pop(parcel.reference, None)
            done(Verdict.TAKEN)
        elif status is None or status in (codec.LATER, codec.THROTTLED, codec.QUEUE_FULL):
            done(Verdict.LATER)
        else:
            done(Verdict.FAILED)

    # ------------------------------------------------------------------------------------- binds

    def joined(self, receiver: Receiver) -> None:
        """A receiver is bound: what waited goes to it."""
        self.receivers.append(receiver)
        for number in self.numbers:
            self._smsc.recipient_ready(number)

    def left(self, receiver: Receiver) -> None:
        """It is gone."""
        if receiver in self.receivers:
            self.receivers.remove(receiver)
