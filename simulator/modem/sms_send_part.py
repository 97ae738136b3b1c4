"""Messages to the network: +CMGS, +CMSS, +CSCA (27.005 §3.3.1, §3.5)."""

from __future__ import annotations

from simulator import pdu
from simulator.modem.command_line import Command
from simulator.modem.core import Core
from simulator.modem.errors import BAD_PARAMETER, CMS_BAD_INDEX, CMS_BAD_PDU, CMS_NO_NETWORK, CmeError, CmsError
from simulator.modem.interpreter import OK, PENDING, Handler, Prompt, Reply
from simulator.modem.radio_part import RadioPart
from simulator.modem.sms_memory_part import SmsMemoryPart, typed_octets
from simulator.modem.sms_store import Status, Stored
from simulator.smsc import SUBMIT_S, Smsc

LONGEST_TPDU = 164


class SmsSendPart:
    """Hands SUBMITs to the message centre; the reference counts modulo 256 (23.040 §9.2.3.6)."""

    def __init__(self, core: Core, radio: RadioPart, memory: SmsMemoryPart, smsc: Smsc) -> None:
        self._core = core
        self._radio = radio
        self._memory = memory
        self._smsc = smsc
        self._centre = core.sim.operator.smsc

    def handlers(self) -> dict[str, Handler]:
        """Name of command → handler."""
        return {"+CMGS": self._send, "+CMSS": self._send_stored, "+CSCA": self._centre_address}

    def _centre_address(self, command: Command) -> Reply:
        if command.how == "=?":
            return OK
        self._memory.need_sim()
        if command.how == "=":
            number = command.field(0)
            if not number.lstrip("+").isdecimal():
                raise CmeError(BAD_PARAMETER)
            self._centre = number
            return OK
        kind = 145 if self._centre.startswith("+") else 129
        return [f'+CSCA: "{self._centre}",{kind}']

    def _send(self, command: Command) -> Reply:
        if command.how == "=?":
            return OK
        self._memory.need_sim()
        try:
            length = command.number(0)
        except CmeError:
            raise CmsError(CMS_BAD_PDU) from None
        if not 8 <= length <= LONGEST_TPDU:
            raise CmsError(CMS_BAD_PDU)
        return Prompt(lambda text: self._submit(typed_octets(text), length, "+CMGS"))

    def _send_stored(self, command: Command) -> Reply:
        if command.how == "=?":
            return OK
        self._memory.need_sim()
        message = self._memory.store.get(self._memory.memories[1], self._memory.read_index(command))
        if message is None or message.status not in (Status.UNSENT, Status.SENT):
            raise CmsError(CMS_BAD_INDEX)
        return self._submit(message.pdu, message.tpdu_length, "+CMSS", stored=message)

    def _submit(self, octets: bytes, length: int, name: str, stored: Stored | None = None) -> Reply:
        try:
            message = pdu.decode_submit(octets, length=length, now=self._core.timers.now())
        except pdu.PduError:
            raise CmsError(CMS_BAD_PDU) from None
        self._radio_needed()
        if stored is not None and self._core.power_fails("sending"):
            return PENDING
        reference = self._core.sim.last_reference = (self._core.sim.last_reference + 1) % 256
        self._core.network(SUBMIT_S, lambda: self._over_the_air(message, reference, name, stored))
        return PENDING

    def _over_the_air(self, message: pdu.Submit, reference: int, name: str, stored: Stored | None) -> None:
        interpreter = self._core.interpreter
        if not self._radio.in_service():
            interpreter.fail(CmsError(CMS_NO_NETWORK))
            return
        refusal = self._smsc.submit(self._core.sim, message, reference)
        if refusal is not None:
            interpreter.fail(CmsError(refusal))
            return
        if stored is not None and not self._mark(stored):
            return
        interpreter.complete([f"{name}: {reference}"])

    def _mark(self, stored: Stored) -> bool:
        """27.005 §3.5.4: what was sent is called sent. False: the modem has lost its power."""
        if self._core.power_fails("accepted"):
            return False
        if self._core.habits.marks_sent:
            stored.status = Status.SENT
        return not self._core.power_fails("marked")

    def _radio_needed(self) -> None:
        if not self._radio.in_service():
            raise CmsError(CMS_NO_NETWORK)
