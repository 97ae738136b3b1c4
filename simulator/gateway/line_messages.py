"""SMS of a gateway line: texts are cut into parts on their way out, and parts joined on their way in."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from simulator import pdu
from simulator.gateway.contracts import Received, Reported, Submitted
from simulator.gateway.line_radio import LineRadio
from simulator.modem.errors import CMS_BAD_PDU, CMS_NO_NETWORK, CMS_NO_SIM, CMS_PUK
from simulator.segments import Reassembly, split_text
from simulator.sim import Sim
from simulator.smsc import SUBMIT_S, Parcel, Smsc, Verdict
from simulator.timing import Timers

UNKNOWN_ERROR = 500
GIVE_UP_S = 15.0
Done = Callable[[Submitted], None]


@dataclass(slots=True)
class _Sending:
    to: str
    parts: list[pdu.UserData]
    report: bool
    done: Done
    sent: int = 0


class LineMessages:
    """Sends one message at a time, the others wait; every `done` is called once."""

    def __init__(self, sim: Sim, radio: LineRadio, smsc: Smsc, timers: Timers) -> None:
        self._sim = sim
        self._radio = radio
        self._smsc = smsc
        self._timers = timers
        self._parts = Reassembly()
        self._references = itertools.count(1)
        self._waiting: list[_Sending] = []
        self.on_received: Callable[[Received], bool] = lambda received: True
        self.on_reported: Callable[[Reported], None] = lambda reported: None

    def submit(self, to: str, text: str, done: Done, *, report: bool) -> None:
        """Send a text; CMS 304 when it is too long."""
        try:
            parts = split_text(text, next(self._references))
        except ValueError:
            self._timers.after(0, lambda: done(Submitted(CMS_BAD_PDU)))
            return
        self._waiting.append(_Sending(to, parts, report, done))
        if len(self._waiting) == 1:
            self._next()

    def take(self, parcel: Parcel, done: Callable[[Verdict], None]) -> None:
        """A part or a report comes in from the network."""
        if not self._radio.in_service or self._radio.trouble("sms_storage_full"):
            done(Verdict.LATER)
        elif parcel.report_status is not None:
            report = Reported(parcel.reference, parcel.sender, parcel.report_status, parcel.done_at)
            done(Verdict.TAKEN)
            self.on_reported(report)
        else:
            done(Verdict.TAKEN if self._joined(parcel) else Verdict.LATER)

    def _joined(self, parcel: Parcel) -> bool:
        """Whether the box has this part now: not when it did not want the message that the part makes whole."""
        text = parcel.content.text if parcel.content.text or not parcel.content.data else parcel.content.data.hex()
        before = self._parts.snapshot()
        whole = self._parts.add(parcel.sender, parcel.concat, text)
        if whole is None:
            return True
        taken = self.on_received(Received(parcel.sender, whole[0], parcel.submitted_at, self._sim.operator.smsc))
        if not taken:
            self._parts.restore(before)
        return taken

    def _next(self) -> None:
        if self._waiting:
            hangs = not self._radio.alive
            self._timers.network(GIVE_UP_S if hangs else SUBMIT_S, self._over_the_air)

    def _over_the_air(self) -> None:
        sending = self._waiting[0]
        part = sending.parts[sending.sent]
        sending.sent += 1
        last = sending.sent == len(sending.parts)
        reference = self._sim.last_reference = (self._sim.last_reference + 1) % 256
        error = self._refusal() or self._smsc.submit(
            self._sim, self._submit(sending, part, reference, last=last), reference
        )
        if error is None and not last:
            self._next()
            return
        del self._waiting[0]
        sending.done(Submitted(error, reference, len(sending.parts)))
        self._next()

    def _submit(self, sending: _Sending, part: pdu.UserData, reference: int, *, last: bool) -> pdu.Submit:
        return pdu.Submit(
            smsc=None,
            reference=reference,
            to=sending.to,
            protocol=0,
            coding=part.coding,
            text=part.text,
            data=part.data,
            header=part.header,
            concat=pdu.read_concat(part.header),
            report=sending.report and last,
            reject_duplicates=False,
            validity=None,
        )

    def _refusal(self) -> int | None:
        radio = self._radio
        if not radio.alive:
            return UNKNOWN_ERROR
        if not radio.has_sim:
            return CMS_NO_SIM
        if radio.blocked:
            return CMS_PUK
        return None if radio.in_service else CMS_NO_NETWORK
