"""Stored messages at the AT interface: +CPMS, +CMGL, +CMGR, +CMGD, +CMGW (27.005 §3.2.2, §3.4, §3.5)."""

from __future__ import annotations

from collections.abc import Callable

from simulator import pdu
from simulator.modem.command_line import Command
from simulator.modem.core import Core
from simulator.modem.errors import (
    CMS_BAD_INDEX,
    CMS_BAD_PDU,
    CMS_FULL,
    CMS_NO_SIM,
    CMS_NOT_SUPPORTED,
    CMS_PIN,
    CMS_PUK,
    CmeError,
    CmsError,
)
from simulator.modem.interpreter import OK, PENDING, Handler, Prompt, Reply
from simulator.modem.sms_store import SmsStore, Status, Stored
from simulator.sim import Lock

ALL = 4
DELETED_BY_FLAG = {
    1: {Status.READ},
    2: {Status.READ, Status.SENT},
    3: {Status.READ, Status.SENT, Status.UNSENT},
    4: set(Status),
}


class SmsMemoryPart:
    """The three current memories and what is done to the messages in them; `freed` hears of deletions."""

    def __init__(self, core: Core, store: SmsStore, freed: Callable[[], None]) -> None:
        self._core = core
        self.store = store
        self._freed = freed
        self.memories = ["SM", "SM", "SM"]
        self.asked = False

    def handlers(self) -> dict[str, Handler]:
        """Name of command → handler."""
        return {
            "+CPMS": self._preferred,
            "+CMGL": self._list,
            "+CMGR": self._read,
            "+CMGD": self._delete,
            "+CMGW": self._write,
            "+CMGF": self._format,
        }

    def power_on(self) -> None:
        """Back to the SIM's memory, as many modems do after each reset."""
        self.memories = ["SM", "SM", "SM"]
        self.asked = False

    def need_sim(self) -> None:
        """CmsError 310, 311 or 316 when the SIM cannot be used."""
        lock = self._core.lock()
        if lock is not Lock.READY:
            raise CmsError({None: CMS_NO_SIM, Lock.PIN: CMS_PIN, Lock.PUK: CMS_PUK}[lock])

    def read_index(self, command: Command) -> int:
        """The index a command names; CmsError 321 when it is none."""
        try:
            return command.number(0)
        except CmeError:
            raise CmsError(CMS_BAD_INDEX) from None

    def arrivals(self) -> str:
        """Where arriving messages go: mem3."""
        return self.memories[2]

    def _format(self, command: Command) -> Reply:
        if command.how == "=" and command.text != "0":
            raise CmsError(CMS_NOT_SUPPORTED)  # this modem speaks PDU mode only
        return self._core.values.handle(command)

    def _preferred(self, command: Command) -> Reply:
        if command.how == "=?":
            reading = ",".join(f'"{name}"' for name in self.store.names())
            writing = '"SM","ME"' if self._core.habits.sends_stored else '"SM"'
            return [f'+CPMS: ({reading}),({writing}),("SM","ME")']
        self.need_sim()
        if command.how == "?":
            self.asked = True
            shown = ",".join(f'"{name}",{self._fill(name)}' for name in self.memories)
            return [f"+CPMS: {shown}"]
        for position, name in enumerate(command.fields()[:3]):
            refused = position == 1 and name == "ME" and not self._core.habits.sends_stored
            if refused or name not in self.store.names() or (position > 0 and name == "SR"):
                raise CmsError(CMS_NOT_SUPPORTED)
            self.memories[position] = name
        self._core.after(0, self._freed)
        return ["+CPMS: " + ",".join(self._fill(name) for name in self.memories)]

    def _fill(self, memory: str) -> str:
        return f"{self.store.used(memory)},{self.store.size(memory)}"

    def _list(self, command: Command) -> Reply:
        if command.how == "=?":
            return ["+CMGL: (0-4)"]
        self.need_sim()
        wanted = command.field(0, "0")
        if wanted not in ("0", "1", "2", "3", "4"):
            raise CmsError(CMS_BAD_PDU)
        lines: list[str] = []
        for index, message in sorted(self.store.slots[self.memories[0]].items()):
            if int(wanted) in (ALL, message.status):
                lines += [f"+CMGL: {index},{self._status(message)},,{message.tpdu_length}", _hex(message)]
                self.store.mark_read(message)
        return lines

    def _read(self, command: Command) -> Reply:
        if command.how == "=?":
            return OK
        self.need_sim()
        message = self.store.get(self.memories[0], self.read_index(command))
        if message is None:
            if self._core.profile.empty_slot_is_ok and self.store.valid(self.memories[0], self.read_index(command)):
                return OK
            raise CmsError(CMS_BAD_INDEX)
        lines = [f"+CMGR: {self._status(message)},,{message.tpdu_length}", _hex(message)]
        self.store.mark_read(message)
        return lines

    def _status(self, message: Stored) -> str:
        return str(int(message.status)) if self._core.profile.listed_status else ""

    def _delete(self, command: Command) -> Reply:
        memory = self.memories[0]
        if command.how == "=?":
            indexes = ",".join(str(index) for index in sorted(self.store.slots[memory]))
            return [f"+CMGD: ({indexes}),(0-4)"]
        self.need_sim()
        index, flag = self.read_index(command), command.number(1, 0)
        if flag > ALL or (flag == 0 and index >= self.store.size(memory)):
            raise CmsError(CMS_BAD_INDEX)
        doomed = [index] if flag == 0 else self._with_status(memory, DELETED_BY_FLAG[flag])
        for doomed_index in doomed:
            self.store.remove(memory, doomed_index)
        self._core.after(0, self._freed)
        return OK

    def _with_status(self, memory: str, statuses: set[Status]) -> list[int]:
        return [index for index, message in self.store.slots[memory].items() if message.status in statuses]

    def _write(self, command: Command) -> Reply:
        if command.how == "=?":
            return OK
        self.need_sim()
        length, status = command.number(0), command.number(1, Status.UNSENT)
        if status not in set(Status):
            raise CmsError(CMS_BAD_PDU)
        return Prompt(lambda text: self._store_typed(text, length, Status(status)))

    def _store_typed(self, text: str, length: int, status: Status) -> Reply:
        octets = typed_octets(text)
        if len(octets) != length + 1 + octets[0]:
            raise CmsError(CMS_BAD_PDU)
        if status in (Status.UNSENT, Status.SENT):
            try:
                pdu.decode_submit(octets)
            except pdu.PduError:
                raise CmsError(CMS_BAD_PDU) from None
        index = self.store.add(self.memories[1], Stored(status, octets, length))
        if index is None:
            raise CmsError(CMS_FULL)
        if self._core.power_fails("written"):
            return PENDING
        return [f"+CMGW: {index}"]


def typed_octets(text: str) -> bytes:
    """The octets of a PDU typed in hex; CmsError 304 when it is no hex."""
    try:
        octets = bytes.fromhex("".join(text.split()))
    except ValueError:
        raise CmsError(CMS_BAD_PDU) from None
    if not octets:
        raise CmsError(CMS_BAD_PDU)
    return octets


def _hex(message: Stored) -> str:
    return message.pdu.hex().upper()
