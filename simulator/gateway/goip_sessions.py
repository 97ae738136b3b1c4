"""SMS sessions of one GoIP line: MSG, PASSWORD, SEND, DONE, as the maker's "GOIP SMS Interface" §3 has them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.gateway.contracts import GatewayLine, Submitted
from simulator.timing import Handle, Timers

MAX_SESSIONS = 5
IDLE_S = 90.0
STATUSES_KEPT = 10
MAX_TEXT = 3000
_MSG = re.compile(rb"MSG (\d{1,10}) (\d{1,5}) (.*)", re.DOTALL)


@dataclass(slots=True)
class _Session:
    text: str
    trusted: bool = False
    statuses: dict[str, str] = field(default_factory=dict)
    idle: Handle | None = None


class Sessions:
    """`answer` sends one datagram back to the server. A `telid` that is known is not submitted again.

    `report_no`: whether OK tells the number that a DELIVER names; old firmware does not.
    """

    def __init__(
        self,
        line: GatewayLine,
        password: str,
        timers: Timers,
        *,
        idle_s: float = IDLE_S,
        report_no: bool = True,
    ) -> None:
        self._line = line
        self._password = password
        self._timers = timers
        self._idle_s = idle_s
        self._report_no = report_no
        self._sessions: dict[str, _Session] = {}
        self.submits = 0

    def forget(self) -> None:
        """The box has no power any more."""
        for session in self._sessions.values():
            if session.idle is not None:
                session.idle.cancel()
        self._sessions.clear()

    def take(self, data: bytes, answer: Callable[[str], None]) -> bool:
        """One datagram of the server; False when it is about something else."""
        if data.startswith(b"MSG "):
            self._message(data, answer)
            return True
        words = data.decode("utf-8", "replace").split()
        if len(words) < 2 or words[0] not in ("PASSWORD", "SEND", "DONE"):
            return False
        verb, sendid, rest = words[0], words[1], words[2:]
        session = self._sessions.get(sendid)
        if verb == "DONE":
            self._end(sendid)
            answer(f"DONE {sendid}\n")
        elif session is None:
            answer(f"ERROR {sendid} NO SUCH SESSION\n")
        elif verb == "PASSWORD":
            self._touch(sendid, session)
            self._log_in(sendid, session, rest, answer)
        else:
            self._touch(sendid, session)
            self._send(sendid, session, rest, answer)
        return True

    def _message(self, data: bytes, answer: Callable[[str], None]) -> None:
        found = _MSG.fullmatch(data)
        if found is None:
            return
        sendid, length = found[1].decode(), int(found[2])
        octets = found[3][:length]
        if len(found[3]) < length or not 0 < length <= MAX_TEXT:
            answer(f"ERROR {sendid} BAD LENGTH\n")
            return
        if sendid not in self._sessions:
            if len(self._sessions) >= MAX_SESSIONS:
                answer(f"ERROR {sendid} TOO MANY SESSIONS\n")
                return
            self._sessions[sendid] = _Session(octets.decode("utf-8", "replace"))
        self._touch(sendid, self._sessions[sendid])
        answer(f"PASSWORD {sendid}\n")

    def _log_in(self, sendid: str, session: _Session, rest: list[str], answer: Callable[[str], None]) -> None:
        session.trusted = rest == [self._password]
        answer(f"SEND {sendid}\n" if session.trusted else f"ERROR {sendid} PASSWORD\n")

    def _send(self, sendid: str, session: _Session, rest: list[str], answer: Callable[[str], None]) -> None:
        if not session.trusted:
            answer(f"PASSWORD {sendid}\n")
            return
        if len(rest) != 2:
            answer(f"ERROR {sendid} {' '.join(rest)} errorstatus:1\n")
            return
        telid, number = rest
        status = session.statuses.get(telid)
        if status is None:
            while len(session.statuses) >= STATUSES_KEPT:
                del session.statuses[next(iter(session.statuses))]
            status = session.statuses[telid] = f"WAIT {sendid} {telid}\n"
            self.submits += 1
            self._line.submit(number, session.text, lambda how: self._submitted(sendid, session, telid, how, answer))
        answer(status)

    def _submitted(
        self, sendid: str, session: _Session, telid: str, how: Submitted, answer: Callable[[str], None]
    ) -> None:
        if how.error is not None:
            status = f"ERROR {sendid} {telid} errorstatus:{how.error}\n"
        elif self._report_no:
            status = f"OK {sendid} {telid} {how.reference}\n"
        else:
            status = f"OK {sendid} {telid}\n"
        if telid in session.statuses:
            session.statuses[telid] = status
        if self._sessions.get(sendid) is session:
            self._touch(sendid, session)
            answer(status)

    def _touch(self, sendid: str, session: _Session) -> None:
        if session.idle is not None:
            session.idle.cancel()
        session.idle = self._timers.after(self._idle_s, lambda: self._end(sendid))

    def _end(self, sendid: str) -> None:
        session = self._sessions.pop(sendid, None)
        if session is not None and session.idle is not None:
            session.idle.cancel()
