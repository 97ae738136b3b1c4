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


def _number(text: str, what: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise RemoteProtocolError(f"{what}: {text[:40]!r} is no number") from None


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
    r"\+CPINR: ?SIM PIN, ?(\d+)"
    r"|\^CPIN: ?[^,]*,[^,]*,\d+,(\d+)"  # state, which, tries of PUK, of PIN, of PUK2, of PIN2
    r"|\+SPIC: ?(\d+)"
    r"|\+ZPINPUK: ?(\d+)"
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
    stat = _number(fields[0], "+CREG stat")
    act = _optional(fields, 3)
    return Registration(found[1], stat, _at(fields, 1), _at(fields, 2), act, _optional(fields, 5))


def _at(fields: Sequence[str], index: int) -> str:
    return fields[index] if index < len(fields) else ""


def _optional(fields: Sequence[str], index: int) -> int | None:
    text = _at(fields, index)
    return int(text) if text.isdecimal() else None


def parse_csq(line: str) -> int | None:
    """dBm of +CSQ (27.007 §8.5); None when unknown (99)."""
    rssi = _number(reply_fields(line, "+CSQ")[0], "+CSQ")
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
    return Operator(fields[2], fields[1] == "2", _optional(fields, 3))


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
        stores.append(Storage(name, _number(used, "+CPMS"), _number(total, "+CPMS")))
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
            if head[0].isdecimal():
                entries.append(Stored(int(head[0]), _optional(head, 1), line.upper()))
            head = None
    return tuple(entries)


def parse_cmgr(lines: Sequence[str]) -> Stored | None:
    """+CMGR: [stat],[alpha],length / pdu (27.005 §4.2). None: the place is empty (some answer only OK)."""
    head: list[str] | None = None
    for line in lines:
        if line.startswith("+CMGR:"):
            head = reply_fields(line, "+CMGR")
        elif head is not None:
            return Stored(None, _optional(head, 0), line.upper())
    return None


def parse_cmgs(lines: Sequence[str]) -> int:
    """+CMGS: mr[,ackpdu] → mr."""
    return _number(reply_fields(only(lines, "+CMGS"), "+CMGS")[0], "+CMGS") & 0xFF


def parse_stored_at(line: str) -> tuple[str, int]:
    """+CMTI and +CDSI: "SM",3 → where the message lies."""
    fields = reply_fields(line, line[:5])
    if len(fields) < 2:
        raise RemoteProtocolError(f"{line[:60]!r} names no place")
    return fields[0].upper(), _number(fields[1], line[:5])


# calls


@dataclass(frozen=True, slots=True)
class CurrentCall:
    """A line of +CLCC (27.007 §7.18). ``stat``: 0 active 1 held 2 dialling 3 alerting 4 incoming 5 waiting 6 over."""

    id: int
    incoming: bool
    stat: int
    voice: bool
    number: str | None = None


_CLCC = re.compile(r'\+CLCC: ?(\d+), ?([01]), ?(\d+), ?(\d+), ?[01](?:, ?"([^"]*)", ?(\d+))?')


def parse_clcc(line: str) -> CurrentCall:
    found = _CLCC.match(line)
    if found is None:
        raise RemoteProtocolError(f"{line[:60]!r} is no +CLCC")
    number = international(found[5], found[6]) if found[5] else None
    return CurrentCall(int(found[1]), found[2] == "1", int(found[3]), found[4] == "0", number)


def parse_clip(line: str) -> str | None:
    """The caller of +CLIP: "number",type,…; None when it is withheld (27.007 §7.6)."""
    fields = reply_fields(line, "+CLIP")
    return international(fields[0], _at(fields, 1)) if fields[0] else None


def international(number: str, type_of_address: str) -> str:
    """With type 145 the number is international, whether the modem writes the plus or not (24.008 §10.5.4.7)."""
    return "+" + number if type_of_address == "145" and number[:1].isdecimal() else number


# USSD


@dataclass(frozen=True, slots=True)
class Cusd:
    """+CUSD: m[,"text"[,dcs]] (27.007 §7.15)."""

    m: int
    text: str
    dcs: int | None


_CUSD = re.compile(r'\+CUSD: ?(\d+)(?:, ?"(.*?)(?:"(?:, ?(\d+))?)?)?$', re.DOTALL)


def parse_cusd(text: str) -> Cusd:
    found = _CUSD.match(text)
    if found is None:
        raise RemoteProtocolError(f"{text[:60]!r} is no +CUSD")
    return Cusd(int(found[1]), found[2] or "", int(found[3]) if found[3] else None)


# errors


_CMS_TEXTS = {
    "me failure": 300, "sms service of me reserved": 301, "operation not allowed": 302,
    "operation not supported": 303, "invalid pdu mode parameter": 304, "invalid text mode parameter": 305,
    "sim not inserted": 310, "sim pin required": 311, "ph-sim pin required": 312, "sim failure": 313,
    "sim busy": 314, "sim wrong": 315, "sim puk required": 316, "sim pin2 required": 317, "sim puk2 required": 318,
    "memory failure": 320, "invalid memory index": 321, "memory full": 322, "smsc address unknown": 330,
    "no network service": 331, "network timeout": 332, "no +cnma acknowledgement expected": 340,
    "unknown error": 500,
}  # fmt: skip
_CME_TEXTS = {
    "phone failure": 0, "no connection to phone": 1, "operation not allowed": 3, "operation not supported": 4,
    "ph-sim pin required": 5, "sim not inserted": 10, "sim pin required": 11, "sim puk required": 12,
    "sim failure": 13, "sim busy": 14, "sim wrong": 15, "incorrect password": 16, "sim pin2 required": 17,
    "sim puk2 required": 18, "memory full": 20, "invalid index": 21, "not found": 22, "memory failure": 23,
    "no network service": 30, "network timeout": 31, "network not allowed - emergency calls only": 32,
    "incorrect parameters": 50, "unknown": 100,
}  # fmt: skip
"""Verbose texts of 27.005 §3.2.5 and 27.007 §9.2: with CMEE=2, and from firmware that ignores CMEE=1."""


def error_code(kind: str, text: str) -> int | None:
    """The number of a +CMS or +CME error, written as digits or in words."""
    text = text.strip()
    if text.isdecimal():
        return int(text)
    return (_CMS_TEXTS if kind == "cms" else _CME_TEXTS).get(text.lower())
