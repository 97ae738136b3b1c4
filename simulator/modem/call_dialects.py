"""How each family tells of its calls: the unsolicited lines of every step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from simulator.calls import BUSY, NO_ANSWER, NORMAL
from simulator.modem.call_lines import Line, clcc
from simulator.modem.values import Values

NO_USER_RESPONDING = 18
ZONE = timedelta(hours=7)
CLCC_ENDED, QUECTEL_ENDED = 6, -1


class Step(StrEnum):
    """What happens to a call."""

    OFFERED = "offered"
    DIALLING = "dialling"
    ALERTING = "alerting"
    CONNECTED = "connected"
    ENDED = "ended"


CallTeller = Callable[[Line, Step, Values, float], list[str]]
"""The lines of a step, each sent by itself; the last argument is the time in seconds since 1970."""


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


def generic(line: Line, step: Step, values: Values, now: float) -> list[str]:
    """V.250's result codes, and +CLCC by itself where AT+CLCC=1 was said (SIM800)."""
    del now
    listed = _clcc_urc(line, step, values)
    result = cause_line(line) if step is Step.ENDED else None
    return [*listed, result] if result else listed


def simcom(line: Line, step: Step, values: Values, now: float) -> list[str]:
    """VOICE CALL: BEGIN and END, a missed call, +CLCC by itself, and the result code."""
    listed = _clcc_urc(line, step, values)
    if step is Step.CONNECTED:
        return ["VOICE CALL: BEGIN", *listed]
    if step is not Step.ENDED:
        return listed
    if line.call.answered_at is not None:
        listed.append(f"VOICE CALL: END: {line.seconds():06d}")
    elif line.outgoing:
        listed.append("VOICE CALL: END")
    elif not line.local_end:
        local = datetime.fromtimestamp(now, UTC) + ZONE
        listed.append(f"MISSED_CALL: {local:%I:%M%p} {line.number}")
    result = cause_line(line)
    return [*listed, result] if result else listed


def huawei(line: Line, step: Step, values: Values, now: float) -> list[str]:
    """^ORIG, ^CONF, ^CONN, ^CEND with duration and cause, and the result code."""
    del values, now
    if step is Step.ENDED:
        status = 29 if line.call.cause == NORMAL else 104
        lines = [f"^CEND:{line.id},{line.seconds()},{status},{line.call.cause}"]
        result = cause_line(line)
        return [*lines, result] if result else lines
    told = {
        Step.DIALLING: f"^ORIG:{line.id},0",
        Step.ALERTING: f"^CONF:{line.id}",
        Step.CONNECTED: f"^CONN:{line.id},0",
    }
    return [told[step]] if step in told else []


def quectel(line: Line, step: Step, values: Values, now: float) -> list[str]:
    """+QIND: "ccinfo" and ^DSCI, as they were switched on, and the result code."""
    del now
    lines: list[str] = []
    direction, stat = 0 if line.outgoing else 1, line.stat()
    if values.number("+QINDCFG/ccinfo"):
        shown = QUECTEL_ENDED if step is Step.ENDED else stat
        lines.append(
            f'+QIND: "ccinfo",{line.id},{direction},{shown},0,0,"{line.shown_number()}",{line.type_of_address()}'
        )
    if values.number("^DSCI"):
        shown = CLCC_ENDED if step is Step.ENDED else stat
        lines.append(f"^DSCI: {line.id},{direction},{shown},0,{line.shown_number()},{line.type_of_address()}")
    result = cause_line(line) if step is Step.ENDED else None
    return [*lines, result] if result else lines


def zte(line: Line, step: Step, values: Values, now: float) -> list[str]:
    """CONNECT when it is answered, HANGUP when it ends; in between ATD has no result."""
    del values, now
    if step is Step.CONNECTED:
        return ["CONNECT"]
    return [f"HANGUP: {line.id}"] if step is Step.ENDED else []


def _clcc_urc(line: Line, step: Step, values: Values) -> list[str]:
    if not values.number("+CLCC"):
        return []
    return [clcc(line, alpha=True, stat=CLCC_ENDED if step is Step.ENDED else None)]
