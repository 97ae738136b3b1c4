"""The calls of one modem, and the lines of AT+CLCC."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.calls import Call, CallState

CAUSE_TEXTS = {
    1: "Unassigned number", 8: "Operator determined barring", 16: "Normal call clearing", 17: "User busy",
    18: "No user responding", 19: "User alerting, no answer", 20: "Subscriber absent", 21: "Call rejected",
    27: "Destination out of order", 28: "Invalid number format", 31: "Normal, unspecified",
    38: "Network out of order", 41: "Temporary failure", 42: "Switching equipment congestion",
    50: "Requested facility not subscribed",
}  # fmt: skip
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
    withheld: bool = False

    def shown_number(self) -> str:
        """What the modem may show of it."""
        return "" if self.withheld else self.number

    def stat(self) -> int:
        """27.007 §7.18."""
        if self.call.state is CallState.ANSWERED:
            return HELD if self.held else ACTIVE
        if self.outgoing:
            return DIALING if self.call.state is CallState.DIALING else ALERTING
        return WAITING if self.waiting else INCOMING

    def type_of_address(self) -> int:
        """145 international, 129 unknown, 128 not shown."""
        if self.withheld:
            return 128
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
    return f'+CLCC: {line.id},{direction},{shown},0,0,"{line.shown_number()}",{line.type_of_address()}{tail}'
