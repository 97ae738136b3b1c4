"""The SIM at the AT interface: PIN, IMSI, ICCID, own number (27.007 §8.3, §8.5, §8.18)."""

from __future__ import annotations

from collections.abc import Callable

from simulator.modem.command_line import Command
from simulator.modem.core import Core
from simulator.modem.errors import (
    BAD_PARAMETER,
    NO_SIM,
    NOT_ALLOWED,
    NOT_SUPPORTED,
    PUK_REQUIRED,
    WRONG_PASSWORD,
    CmeError,
)
from simulator.modem.interpreter import OK, Handler, Reply
from simulator.pdu import swap_digits
from simulator.sim import Lock

EF_ICCID, EF_IMSI, EF_AD = 12258, 28423, 28589
READ_BINARY = 176
FILE_NOT_FOUND = "+CRSM: 106,130"


class SimPart:
    """PIN handling and the files of the card; `lock_changed` hears of every unlocking."""

    def __init__(self, core: Core, lock_changed: Callable[[], None]) -> None:
        self._core = core
        self._lock_changed = lock_changed

    def handlers(self) -> dict[str, Handler]:
        """Name of command → handler."""
        iccid: dict[str, Handler] = dict.fromkeys(self._core.profile.iccid, self._iccid)
        return (
            iccid
            | {
                "+CPIN": self._cpin,
                "+CPINR": self._retries,
                "+CLCK": self._facility_lock,
                "+CPWD": self._change_password,
                "+CIMI": self._imsi,
                "+CRSM": self._file,
                "+CNUM": self._own_number,
                "+CPBR": self._phone_book,
            }
            | self._of_family().get(self._core.profile.family, {})
        )

    def _of_family(self) -> dict[str, dict[str, Handler]]:
        return {
            "simcom": {"+SPIC": self._simcom_retries},
            "sim800": {"+SPIC": self._simcom_retries},
            "huawei": {"^CPIN": self._huawei_pin},
            "quectel": {"+QPINC": self._quectel_retries},
            "zte": {"+ZPINPUK": self._zte_retries},
        }

    def _cpin(self, command: Command) -> Reply:
        lock = self._core.lock()
        if lock is None:
            raise CmeError(NO_SIM)
        if command.how == "?":
            return [f"+CPIN: {lock}"]
        if command.how != "=":
            return OK
        if lock is Lock.READY:
            raise CmeError(NOT_ALLOWED)
        if lock is Lock.PUK:
            self._unblock(command.field(0), command.field(1))
        elif not self._core.sim.verify(command.field(0)):
            raise CmeError(PUK_REQUIRED if self._core.sim.pin_tries == 0 else WRONG_PASSWORD)
        self._core.unlocked = True
        self._core.after(0, self._lock_changed)
        return OK

    def _unblock(self, puk: str, new_pin: str) -> None:
        blocked_by_fault = self._core.trouble("sim_blocked")
        if blocked_by_fault or not (new_pin.isdecimal() and 4 <= len(new_pin) <= 8):
            raise CmeError(WRONG_PASSWORD if blocked_by_fault else BAD_PARAMETER)
        if not self._core.sim.unblock(puk, new_pin):
            raise CmeError(WRONG_PASSWORD)

    def _retries(self, command: Command) -> Reply:
        self._present()
        sim = self._core.sim
        tries = {"SIM PIN": self._pin_tries(), "SIM PUK": sim.puk_tries, "SIM PIN2": 3, "SIM PUK2": 10}
        wanted = command.field(0) if command.how == "=" else ""
        return [f"+CPINR: {kind},{left}" for kind, left in tries.items() if wanted in ("", kind)]

    def _pin_tries(self) -> int:
        return 0 if self._core.trouble("sim_blocked") else self._core.sim.pin_tries

    def _simcom_retries(self, command: Command) -> Reply:
        del command
        self._present()
        return [f"+SPIC: {self._pin_tries()},{self._core.sim.puk_tries},3,10"]

    def _huawei_pin(self, command: Command) -> Reply:
        del command
        lock = self._present()
        left = self._core.sim.puk_tries if lock is Lock.PUK else self._pin_tries()
        shown = "" if lock is Lock.READY else left
        return [f"^CPIN: {lock},{shown},{self._core.sim.puk_tries},{self._pin_tries()},10,3"]

    def _quectel_retries(self, command: Command) -> Reply:
        del command
        self._present()
        return [f'+QPINC: "SC",{self._pin_tries()},{self._core.sim.puk_tries}', '+QPINC: "P2",3,10']

    def _zte_retries(self, command: Command) -> Reply:
        """Asked for with =?, as ModemManager does."""
        del command
        self._present()
        return [f"+ZPINPUK: {self._pin_tries()},{self._core.sim.puk_tries},3,10"]

    def _present(self) -> Lock:
        lock = self._core.lock()
        if lock is None:
            raise CmeError(NO_SIM)
        return lock

    def _facility_lock(self, command: Command) -> Reply:
        if command.how == "=?":
            return ['+CLCK: ("SC")']
        if command.field(0) != "SC":
            raise CmeError(NOT_SUPPORTED)
        sim = self._core.need_sim()
        mode = command.number(1)
        if mode == 2:
            return [f"+CLCK: {int(sim.pin_asked)}"]
        if not sim.verify(command.field(2)):
            raise CmeError(WRONG_PASSWORD)
        sim.pin_asked = mode == 1
        return OK

    def _change_password(self, command: Command) -> Reply:
        if command.how == "=?":
            return ['+CPWD: ("SC",8)']
        sim = self._core.need_sim()
        new_pin = command.field(2)
        if command.field(0) != "SC" or not new_pin.isdecimal():
            raise CmeError(BAD_PARAMETER)
        if not sim.verify(command.field(1)):
            raise CmeError(WRONG_PASSWORD)
        sim.pin = new_pin
        return OK

    def _imsi(self, command: Command) -> Reply:
        return OK if command.how == "=?" else [self._core.need_sim().imsi]

    def _iccid(self, command: Command) -> Reply:
        if command.how == "=?":
            return OK
        self._present()
        prefix = self._core.profile.iccid[command.name]
        return [f"{prefix}: {self._core.sim.iccid}" if prefix else self._core.sim.iccid]

    def _file(self, command: Command) -> Reply:
        if command.how == "=?":
            return OK
        self._present()  # EF-ICCID may be read before the PIN
        if command.number(0) != READ_BINARY:
            return [FILE_NOT_FOUND]
        file_id, count = command.number(1), command.number(4, 0)
        if file_id == EF_ICCID:
            content = swap_digits(self._core.sim.iccid)
        elif file_id == EF_IMSI:
            content = b"\x08" + swap_digits("9" + self._core.need_sim().imsi)
        elif file_id == EF_AD:
            self._core.need_sim()
            content = bytes([0x00, 0x00, 0x00, 0x02])
        else:
            return [FILE_NOT_FOUND]
        return [f'+CRSM: 144,0,"{(content[:count] if count else content).hex().upper()}"']

    def _phone_book(self, command: Command) -> Reply:
        """Always empty: nobody keeps contacts on these cards."""
        self._core.need_sim()
        return ["+CPBR: (1-250),40,14"] if command.how == "=?" else OK

    def _own_number(self, command: Command) -> Reply:
        if command.how == "=?":
            return OK
        number = self._core.need_sim().number
        if self._core.values.text("+CSCS") == "UCS2":
            return [f'+CNUM: "","{number.encode("utf-16-be").hex().upper()}",145']
        return [f'+CNUM: "","{number}",145']
