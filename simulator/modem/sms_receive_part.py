"""Messages from the network: where +CNMI sends them and what announces them (27.005 §3.4.1, §3.4.4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from simulator import pdu
from simulator.modem.command_line import Command
from simulator.modem.core import Core
from simulator.modem.errors import BAD_PARAMETER, CMS_NO_ACK_EXPECTED, CmeError, CmsError
from simulator.modem.interpreter import OK, Handler, Reply
from simulator.modem.radio_part import RadioPart
from simulator.modem.sms_memory_part import SmsMemoryPart
from simulator.modem.sms_store import Status, Stored
from simulator.smsc import Parcel, Verdict
from simulator.timing import Handle

ACK_LIMIT_S = 15.0
LOWEST = (0, 0, 0, 0, 0)
HIGHEST = (2, 2, 3, 2, 1)
Done = Callable[[Verdict], None]


class SmsReceivePart:
    """Stores or shows what arrives; what the modem cannot take stays with the message centre."""

    def __init__(self, core: Core, radio: RadioPart, memory: SmsMemoryPart) -> None:
        self._core = core
        self._radio = radio
        self._memory = memory
        self._awaiting: Done | None = None
        self._ack_timer: Handle | None = None
        self._routing = list(LOWEST)
        self._buffered: list[tuple[str, ...]] = []

    def handlers(self) -> dict[str, Handler]:
        """Name of command → handler."""
        return {"+CNMI": self._indications, "+CNMA": self._acknowledge}

    def power_on(self) -> None:
        """Forget the routing; what was waiting for +CNMA is not delivered."""
        self._routing = list(LOWEST)
        self._buffered.clear()
        self._acknowledged(Verdict.LATER)

    def take(self, parcel: Parcel, done: Done) -> None:
        """A DELIVER or a STATUS-REPORT comes in."""
        if self._core.trouble("modem_hang") or not self._radio.in_service() or self._awaiting is not None:
            done(Verdict.LATER)
        elif parcel.report_status is not None:
            self._take_report(parcel, parcel.report_status, done)
        else:
            self._take_message(parcel, done)

    # ----------------------------------------------------------------------------------- arrivals

    def _take_message(self, parcel: Parcel, done: Done) -> None:
        tpdu = pdu.encode_deliver(parcel.sender, parcel.submitted_at, parcel.content)
        octets = self._with_centre(tpdu)
        if self._routing[1] == 2:  # straight to the terminal, nothing stored
            self._announce(f'+CMT: "",{len(tpdu)}', octets.hex().upper())
            self._await_ack(done)
            return
        memory = self._memory.arrivals()
        index = self._memory.store.add(memory, Stored(Status.UNREAD, octets, len(tpdu)))
        if index is None:
            if self._core.profile.full_urc:
                self._core.urc(self._core.profile.full_urc)
            done(Verdict.LATER)
            return
        if self._routing[1] == 1:
            self._announce(f'+CMTI: "{memory}",{index}')
        done(Verdict.TAKEN)

    def _take_report(self, parcel: Parcel, status: int, done: Done) -> None:
        tpdu = pdu.encode_status_report(parcel.reference, parcel.sender, parcel.submitted_at, parcel.done_at, status)
        octets = self._with_centre(tpdu)
        if self._routing[3] == 1:
            self._announce(f"+CDS: {len(tpdu)}", octets.hex().upper())
            self._await_ack(done)
            return
        if self._routing[3] == 2:
            index = self._memory.store.add("SR", Stored(Status.UNREAD, octets, len(tpdu)))
            if index is None:
                done(Verdict.LATER)
                return
            self._announce(f'+CDSI: "SR",{index}')
        done(Verdict.TAKEN)  # with ds=0 the modem acknowledges and forgets

    def _with_centre(self, tpdu: bytes) -> bytes:
        return pdu.encode_smsc(self._core.sim.operator.smsc) + tpdu

    def _announce(self, *lines: str) -> None:
        if self._routing[0] == 0:
            self._buffered = [*self._buffered, lines][-32:]
        else:
            self._core.urc(*lines)

    # ------------------------------------------------------------------------------ acknowledgement

    def _await_ack(self, done: Done) -> None:
        if self._core.values.number("+CSMS") == 0:
            done(Verdict.TAKEN)
            return
        self._awaiting = done
        self._ack_timer = self._core.timers.after(ACK_LIMIT_S, self._not_acknowledged)

    def _not_acknowledged(self) -> None:
        # 27.005 §3.4.1: without +CNMA in time the network gets an RP-ERROR and mt and ds fall back to 0
        self._routing[1] = self._routing[3] = 0
        self._acknowledged(Verdict.LATER)

    def _acknowledged(self, verdict: Verdict) -> None:
        done, self._awaiting = self._awaiting, None
        if self._ack_timer is not None:
            self._ack_timer.cancel()
            self._ack_timer = None
        if done is not None:
            done(verdict)

    def _acknowledge(self, command: Command) -> Reply:
        if command.how == "=?":
            return ["+CNMA: (0-2)"]
        if self._awaiting is None:
            raise CmsError(CMS_NO_ACK_EXPECTED)
        refused = command.how == "=" and command.number(0, 0) == 2
        self._acknowledged(Verdict.LATER if refused else Verdict.TAKEN)
        return OK

    # ------------------------------------------------------------------------------------- routing

    def _indications(self, command: Command) -> Reply:
        if command.how == "?":
            return ["+CNMI: " + ",".join(str(value) for value in self._routing)]
        if command.how == "=?":
            return ["+CNMI: (0,1,2),(0,1,2),(0,2,3),(0,1,2),(0,1)"]
        values = [command.number(index, self._routing[index]) for index in range(5)]
        if any(value > highest for value, highest in zip(values, HIGHEST, strict=True)) or len(command.fields()) > 5:
            raise CmeError(BAD_PARAMETER)
        self._routing = values
        buffered, self._buffered = self._buffered, []
        if values[0] and not values[4]:
            for lines in buffered:
                self._core.after(0, partial(self._core.urc, *lines))
        return OK
