"""The calls of one modem and how each family tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from simulator.calls import BUSY, NO_ANSWER, NORMAL, Call, CallState

CAUSE_TEXTS = {
    1: "Unassigned number", 8: "Operator determined barring", 16: "Normal call clearing", 17: "User busy",
    18: "No user responding", 19: "User alerting, no answer", 20: "Subscriber absent", 21: "Call rejected",
    27: "Destination out of order", 28: "Invalid number format", 31: "Normal, unspecified",
    38: "Network out of order", 41: "Temporary failure", 42: "Switching equipment congestion",
    50: "Requested facility not subscribed",
}  # fmt: skip
NO_USER_RESPONDING = 18
ACTIVE, HELD, DIALING, ALERTING, INCOMING, WAITING = range(6)


@dataclass(slots=True, eq=False)
class Line:
    """One call as the modem counts it; `local_end` when it was hung up here."""

    id: int
    call: Call
    number: str
    outgoing: bool
    waiting: bool = False
    held: bool = False
    local_end: bool = False

    def stat(self) -> int:
        """27.007 §7.18."""
        if self.call.state is CallState.ANSWERED:
            return HELD if self.held else ACTIVE
        if self.outgoing:
            return DIALING if self.call.state is CallState.DIALING else ALERTING
        return WAITING if self.waiting else INCOMING

    def type_of_address(self) -> int:
        """145 international, 129 unknown."""
        return 145 if self.number.startswith("+") else 129

    def seconds(self) -> int:
        """How long it was connected."""
        call = self.call
        return 0 if call.answered_at is None else int((call.ended_at or call.answered_at) - call.answered_at)


def clcc(line: Line, *, alpha: bool, stat: int | None = None) -> str:
    """One line of AT+CLCC."""
    shown = line.stat() if stat is None else stat
    tail = ',""' if alpha else ""
    direction = 0 if line.outgoing else 1
    return f'+CLCC: {line.id},{direction},{shown},0,0,"{line.number}",{line.type_of_address()}{tail}'


def cause_line(line: Line) -> str | None:
    """What a far end's release reads like: BUSY, NO ANSWER or NO CARRIER; None when it was ours."""
    if line.local_end:
        return None
    if line.outgoing and line.call.answered_at is None:
        if line.call.cause == BUSY:
            return "BUSY"
        if line.call.cause in (NO_ANSWER, NO_USER_RESPONDING):
            return "NO ANSWER"
    return "NO CARRIER"


def ended_simcom(line: Line, now: float) -> list[str]:
    """VOICE CALL: END, a missed call, and the result code."""
    lines: list[str] = []
    if line.call.answered_at is not None:
        lines.append(f"VOICE CALL: END: {line.seconds():06d}")
    elif line.outgoing:
        lines.append("VOICE CALL: END")
    elif not line.local_end:
        local = datetime.fromtimestamp(now, UTC) + timedelta(hours=7)
        lines.append(f"MISSED_CALL: {local:%I:%M%p} {line.number}")
    result = cause_line(line)
    return [*lines, result] if result else lines


def ended_huawei(line: Line) -> list[str]:
    """^CEND with duration and cause, and the result code."""
    end_status = 29 if line.call.cause == NORMAL else 104
    lines = [f"^CEND:{line.id},{line.seconds()},{end_status},{line.call.cause}"]
    result = cause_line(line)
    return [*lines, result] if result else lines
