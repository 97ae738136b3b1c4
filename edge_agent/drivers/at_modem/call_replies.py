"""The answers that tell of calls (27.007 §7.6, §7.18). What cannot be read raises RemoteProtocolError."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_agent.drivers.at_modem.replies import field_at, reply_fields
from telecore.errors import RemoteProtocolError


@dataclass(frozen=True, slots=True)
class CurrentCall:
    """A line of +CLCC (27.007 §7.18). ``stat``: 0 active 1 held 2 dialling 3 alerting 4 incoming 5 waiting 6 over."""

    id: int
    incoming: bool
    stat: int
    voice: bool
    number: str | None = None


_CLCC = re.compile(r'\+CLCC: ?(\d{1,9}), ?([01]), ?(\d{1,9}), ?(\d{1,9}), ?[01](?:, ?"([^"]*)", ?(\d+))?')


def parse_clcc(line: str) -> CurrentCall:
    found = _CLCC.match(line)
    if found is None:
        raise RemoteProtocolError(f"{line[:60]!r} is no +CLCC")
    number = international(found[5], found[6]) if found[5] else None
    return CurrentCall(int(found[1]), found[2] == "1", int(found[3]), found[4] == "0", number)


def parse_clip(line: str) -> str | None:
    """The caller of +CLIP: "number",type,…; None when it is withheld (27.007 §7.6)."""
    fields = reply_fields(line, "+CLIP")
    return international(fields[0], field_at(fields, 1)) if fields[0] else None


def international(number: str, type_of_address: str) -> str:
    """With type 145 the number is international, whether the modem writes the plus or not (24.008 §10.5.4.7)."""
    return "+" + number if type_of_address == "145" and number[:1].isdecimal() else number
