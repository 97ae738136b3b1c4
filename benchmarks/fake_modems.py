"""Modems on pseudo terminals that answer at once and do nothing else: what is measured is who speaks with them.

Run as a program with a number and a folder, it serves that many until its input is closed.
"""

from __future__ import annotations

import os
import re
import select
import sys
import tty
from pathlib import Path

ANSWERS = {
    "AT+CGMI": "FAKE", "AT+CGMM": "M1", "AT+CGMR": "1.0", "AT+CGSN": "350000000000014", "AT+CIMI": "456910000000001",
    "AT+CPIN?": "+CPIN: READY", "AT+CREG?": '+CREG: 2,1,"00C3","1B9A",2', "AT+CEREG?": '+CEREG: 2,1,"00C3","1B9A",7',
    "AT+CGREG?": '+CGREG: 2,1,"00C3","1B9A",2', "AT+CSQ": "+CSQ: 20,99", "AT+CMGF?": "+CMGF: 0", "AT+CFUN?": "+CFUN: 1",
    "AT+CRSM=176,12258,0,0,10": '+CRSM: 144,0,"98550519000000000010"', "AT+CSCA?": '+CSCA: "+85510999999",145',
    "AT+CPMS=?": '+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")', "AT+CSCS?": '+CSCS: "GSM"', "AT+CBC": "+CBC: 0,100",
    "AT+CSCS=?": '+CSCS: ("GSM","UCS2")', "AT+CPMS?": '+CPMS: "SM",0,30,"SM",0,30,"SM",0,30',
    "AT+CSMS?": "+CSMS: 0,1,1,1",
    "AT+CNMI=?": "+CNMI: (0-3),(0-3),(0-3),(0-2),(0,1)", "AT+CGATT?": "+CGATT: 1", "AT+COPS?": '+COPS: 0,0,"Fake",2',
    "AT+CPINR": "+CPINR: SIM PIN,3,3", "AT+CNUM": '+CNUM: "","+85510000001",145',
    "AT+CLAC": "AT+CMGS\r\nAT+CSQ\r\nAT+VTS\r\nAT+CUSD",
}  # fmt: skip
REFUSED = re.compile(r"AT(\+MODE|\+CPROT|\+SYNCML|\$TSSPCSW|\+ZPAS|\+CLAC)")


class FakeModem:
    """One pseudo terminal."""

    def __init__(self, link: Path) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        link.symlink_to(os.ttyname(self._slave))
        self._line = bytearray()
        self._body = False
        self._echo = False
        self._reference = 0

    def serve(self) -> None:
        """Answer what has come."""
        out = bytearray()
        for byte in os.read(self.master, 65536):
            self._take(byte, out)
        if out:
            os.write(self.master, out)

    def _take(self, byte: int, out: bytearray) -> None:
        if self._echo:
            out.append(byte)
        if self._body:
            if byte in (0x1A, 0x1B):
                self._body = False
                self._line.clear()
                self._reference = (self._reference + 1) % 256
                out += b"\r\n+CMGS: %d\r\n\r\nOK\r\n" % self._reference if byte == 0x1A else b"\r\nOK\r\n"
        elif byte == 0x0D:
            command = self._line.decode("latin-1").strip()
            self._line.clear()
            self._answer(command, out)
        elif byte not in (0x0A, 0x1B):
            self._line.append(byte)

    def _answer(self, command: str, out: bytearray) -> None:
        if command.startswith("AT+CMGS="):
            self._body = True
            out += b"\r\n> "
            return
        if command in ("ATE0", "ATE1", "ATZ"):
            self._echo = command == "ATE1"
        if not command:
            return
        if REFUSED.match(command) or (command.endswith("?") and command not in ANSWERS):
            out += b"\r\n+CME ERROR: 4\r\n"
            return
        information = ANSWERS.get(command)
        if information is not None:
            out += f"\r\n{information}\r\n".encode()
        out += b"\r\nOK\r\n"


def main() -> None:
    count, folder = int(sys.argv[1]), Path(sys.argv[2])
    modems = [FakeModem(folder / f"fake{n}") for n in range(count)]
    poll = select.epoll()
    for modem in modems:
        poll.register(modem.master, select.EPOLLIN)
    poll.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
    by_fd = {modem.master: modem for modem in modems}
    print("ready", flush=True)
    while True:
        for fd, _ in poll.poll():
            if fd not in by_fd:
                return
            by_fd[fd].serve()


if __name__ == "__main__":
    main()
