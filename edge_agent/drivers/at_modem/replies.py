"""One pure function per AT answer. What cannot be read raises RemoteProtocolError, nothing else.

Lenient about blanks, missing prefixes and extra fields: modems differ in all three.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from telecore.errors import RemoteProtocolError


def reply_fields(line: str, prefix: str) -> list[str]:
    """``+COPS: 0,0,"Cell, card",7`` → ``0``, ``0``, ``Cell, card``, ``7``; quotes hold commas."""
    if not line.startswith(prefix):
        raise RemoteProtocolError(f"{line[:60]!r} is no {prefix}")
    text = line[len(prefix) :].lstrip(":").strip()
    return [quoted or plain.strip() for quoted, plain in _FIELD.findall(text + ",")]


_FIELD = re.compile(r'\s*(?:"([^"]*)"|([^,]*))\s*,')


def to_number(text: str, what: str) -> int:
    """At most nine digits: no longer number in an answer is meant to be reckoned with."""
    text = text.strip()
    if not (text.isdecimal() and len(text) <= MAX_DIGITS):
        raise RemoteProtocolError(f"{what}: {text[:40]!r} is no number")
    return int(text)


MAX_DIGITS = 9


def field_at(fields: Sequence[str], index: int) -> str:
    return fields[index] if index < len(fields) else ""


def number_at(fields: Sequence[str], index: int) -> int | None:
    text = field_at(fields, index)
    return int(text) if text.isdecimal() and len(text) <= MAX_DIGITS else None


def only(lines: Sequence[str], what: str) -> str:
    """The last of the information lines; there must be one."""
    if not lines:
        raise RemoteProtocolError(f"{what}: no answer line")
    return lines[-1]


# who it is


def parse_identity(lines: Sequence[str], command: str) -> str:
    """The answer to +CGMI, +CGMM, +CGMR, +CGSN, with or without the command's name before it."""
    texts = [line.removeprefix(f"{command}:").strip().strip('"').strip() for line in lines]
    return " ".join(text for text in texts if text)


def parse_imei(lines: Sequence[str]) -> str | None:
    found = re.search(r"\b(\d{14,16})\b", " ".join(lines))
    return found[1] if found else None


# the SIM


def parse_cpin(line: str) -> str:
    """``READY``, ``SIM PIN``, ``SIM PUK``, … (27.007 §8.3)."""
    return reply_fields(line, "+CPIN")[0].upper()


def parse_pin_retries(lines: Iterable[str]) -> int | None:
    """Tries left for the PIN, from +CPINR, ^CPIN, +SPIC or +ZPINPUK; None when none of them says."""
    for line in lines:
        if found := _PIN_RETRIES.match(line):
            return int(next(group for group in found.groups() if group is not None))
    return None


_PIN_RETRIES = re.compile(
    r"\+CPINR: ?SIM PIN, ?(\d{1,9})"
    r"|\^CPIN: ?[^,]*,[^,]*,\d+,(\d{1,9})"  # state, which, tries of PUK, of PIN, of PUK2, of PIN2
    r"|\+SPIC: ?(\d{1,9})"
    r"|\+ZPINPUK: ?(\d{1,9})"
)


def parse_iccid(lines: Iterable[str]) -> str | None:
    """19 or 20 digits, from +CRSM of EF_ICCID (nibbles swapped, 31.102 §4.2.2) or a vendor's plain answer."""
    for line in lines:
        if found := re.match(r'\+CRSM: ?144,\d+, ?"?([0-9A-Fa-f]{20})"?', line):
            swapped = "".join(b + a for a, b in zip(found[1][::2], found[1][1::2], strict=True))
            digits = swapped.upper().rstrip("F")
        elif found := re.search(r"(?<![0-9A-Fa-f])(\d{18,20}[Ff]?)(?![0-9A-Fa-f])", line):
            digits = found[1].upper().rstrip("F")
        else:
            continue
        if digits.isdigit():
            return digits
    return None


def parse_imsi(lines: Iterable[str]) -> str | None:
    found = re.search(r"(?<!\d)(\d{14,15})(?!\d)", " ".join(lines))
    return found[1] if found else None


def parse_cnum(lines: Iterable[str]) -> list[str]:
    """Own numbers. Often none; Huawei writes ``ERROR+CNUM:``."""
    numbers = []
    for line in lines:
        fields = reply_fields(line.removeprefix("ERROR"), "+CNUM")
        if len(fields) >= 3 and fields[1].strip("+").isdigit():
            international = fields[2] == "145" and not fields[1].startswith("+")
            numbers.append("+" + fields[1] if international else fields[1])
    return numbers


# the radio


@dataclass(frozen=True, slots=True)
class Registration:
    """``stat`` as in 27.007 §7.2; ``act`` the access technology, ``cause`` the network's reject cause."""

    domain: str
    stat: int
    lac: str = ""
    ci: str = ""
    act: int | None = None
    cause: int | None = None

    @property
    def registered(self) -> bool:
        return self.stat in (1, 5, 6, 7, 9, 10)

    @property
    def roaming(self) -> bool:
        return self.stat in (5, 7, 10)


def parse_creg(line: str, *, answer: bool) -> Registration:
    """[n,]stat[,lac,ci[,act[,cause_type,cause]]]; only the answer begins with n (27.007 §7.2, §10.1.20, §10.1.22)."""
    found = re.match(r"\+C([GE]?)REG: ?", line)
    if found is None:
        raise RemoteProtocolError(f"{line[:60]!r} is no registration")
    fields = reply_fields(line, line[: found.end()].strip(" "))
    if answer:
        fields = fields[1:]
    if not fields:
        raise RemoteProtocolError(f"{line[:60]!r} has no stat")
    stat = to_number(fields[0], "+CREG stat")
    act = number_at(fields, 3)
    return Registration(found[1], stat, field_at(fields, 1), field_at(fields, 2), act, number_at(fields, 5))


def parse_csq(line: str) -> int | None:
    """dBm of +CSQ (27.007 §8.5); None when unknown (99)."""
    rssi = to_number(reply_fields(line, "+CSQ")[0], "+CSQ")
    return -113 + 2 * rssi if 0 <= rssi <= 31 else None


@dataclass(frozen=True, slots=True)
class Operator:
    """+COPS? (27.007 §7.3). ``name`` is None when not registered; ``numeric`` tells format 2."""

    name: str | None
    numeric: bool = False
    act: int | None = None


def parse_cops(line: str) -> Operator:
    fields = reply_fields(line, "+COPS")
    if len(fields) < 3 or not fields[2]:
        return Operator(None)
    return Operator(fields[2], fields[1] == "2", number_at(fields, 3))


# SMS


@dataclass(frozen=True, slots=True)
class Storage:
    """``name`` is empty in the answer to AT+CPMS=, which only counts."""

    name: str
    used: int
    total: int


def parse_cpms(line: str) -> tuple[Storage, ...]:
    """+CPMS: used,total,… or "SM",used,total,… (27.005 §3.2.2)."""
    fields = reply_fields(line, "+CPMS")
    named = not fields[0].isdecimal()
    step = 3 if named else 2
    stores = []
    for at in range(0, len(fields) - step + 1, step):
        name = fields[at] if named else ""
        used, total = fields[at + step - 2 : at + step]
        stores.append(Storage(name, to_number(used, "+CPMS"), to_number(total, "+CPMS")))
    return tuple(stores)


@dataclass(frozen=True, slots=True)
class Stored:
    """One entry of a storage in PDU mode. ``index`` is None in the answer to +CMGR, ``status`` where it is left out."""

    index: int | None
    status: int | None
    pdu: str


def parse_cmgl(lines: Sequence[str]) -> tuple[Stored, ...]:
    """+CMGL: index,[stat],[alpha],length / pdu (27.005 §4.1). An entry whose PDU is missing is left out."""
    entries = []
    head: list[str] | None = None
    for line in lines:
        if line.startswith("+CMGL:"):
            head = reply_fields(line, "+CMGL")
        elif head is not None:
            if (index := number_at(head, 0)) is not None:
                entries.append(Stored(index, number_at(head, 1), line.upper()))
            head = None
    return tuple(entries)


def parse_cmgr(lines: Sequence[str]) -> Stored | None:
    """+CMGR: [stat],[alpha],length / pdu (27.005 §4.2). None: the place is empty (some answer only OK)."""
    head: list[str] | None = None
    for line in lines:
        if line.startswith("+CMGR:"):
            head = reply_fields(line, "+CMGR")
        elif head is not None:
            return Stored(None, number_at(head, 0), line.upper())
    return None


def parse_cmgs(lines: Sequence[str], name: str = "+CMGS") -> int:
    """+CMGS: mr[,ackpdu] → mr; of +CMSS the same."""
    return to_number(reply_fields(only(lines, name), name)[0], name) & 0xFF


def parse_cmgw(lines: Sequence[str]) -> int:
    """+CMGW: index."""
    return to_number(reply_fields(only(lines, "+CMGW"), "+CMGW")[0], "+CMGW")


def parse_stored_at(line: str) -> tuple[str, int]:
    """+CMTI and +CDSI: "SM",3 → where the message lies."""
    fields = reply_fields(line, line[:5])
    if len(fields) < 2:
        raise RemoteProtocolError(f"{line[:60]!r} names no place")
    return fields[0].upper(), to_number(fields[1], line[:5])


# USSD


@dataclass(frozen=True, slots=True)
class Cusd:
    """+CUSD: m[,"text"[,dcs]] (27.007 §7.15)."""

    m: int
    text: str
    dcs: int | None


_CUSD = re.compile(r'\+CUSD: ?(\d{1,9})(?:, ?"(.*?)(?:"(?:, ?(\d{1,9}))?)?)?$', re.DOTALL)


def parse_cusd(text: str) -> Cusd:
    found = _CUSD.match(text)
    if found is None:
        raise RemoteProtocolError(f"{text[:60]!r} is no +CUSD")
    return Cusd(int(found[1]), found[2] or "", int(found[3]) if found[3] else None)
