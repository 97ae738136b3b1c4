"""GoIP's SMS-server protocol: one UDP datagram is one value, both ways (sans-I/O).

After the maker's "GOIP SMS Interface", and what boxes were seen to send (firmware GHSFVT-1.1-68): ``pass`` beside
``password``, a comma before the cause of a HANGUP, counts below zero. The box speaks by itself in notices
(``RECEIVE:12;id:…;password:…;…``), and answers what it was sent (``OK 11 1 32``). Nothing is said about IMEIs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from telecore.errors import RemoteProtocolError
from telecore.model import LineCall

MAX_TEXT = 3000
"""Octets of UTF-8 that the box takes as one SMS (§3)."""
_MAX_DATAGRAM = 16_384

_NOTICE = re.compile(r"([A-Za-z]{2,16}):(-?\d{1,20})(?:;|$)")
_ANSWER = re.compile(r"([A-Za-z_]{2,32})[ ]+(-?\d{1,20})(?:[ ]+(.*))?", re.DOTALL)
_CAUSE = re.compile(r"[;,]\s*cause:")
_TO_THE_END = frozenset({"msg"})
"""Fields that come last and may hold anything."""
_WORD = re.compile(r"[^\s;]{1,64}")


_CALLS = {
    "IDLE": LineCall.IDLE, "DIALING": LineCall.DIALING, "ALERTING": LineCall.ALERTING, "INCOMING": LineCall.INCOMING,
    "CONNECTED": LineCall.CONNECTED, "ACTIVE": LineCall.CONNECTED, "BUSY": LineCall.CONNECTED,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """How a line stands; told every 30 seconds. ``rssi``: 0 to 31, None when unknown. ``disabled``: by its owner."""

    number: str = ""
    rssi: int | None = None
    registered: bool = False
    imsi: str = ""
    iccid: str = ""
    operator: str = ""
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """A whole SMS; the box joins parts itself."""

    sender: str
    text: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """A status report: ``sms_no`` is what the submit was answered with, ``state`` 0 when it arrived, else TP-ST."""

    sms_no: str
    state: int
    number: str


@dataclass(frozen=True, slots=True)
class CallChanged:
    """The state of the line's call, and the other party where the box names it."""

    state: LineCall
    number: str = ""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call began."""

    incoming: bool
    number: str


@dataclass(frozen=True, slots=True)
class HungUp:
    """A call is over, and why, in the firmware's words."""

    number: str
    cause: str


@dataclass(frozen=True, slots=True)
class CallTime:
    """Minutes of calls that the box's own limit still allows a line; None: no limit, or not known."""

    minutes: int | None


@dataclass(frozen=True, slots=True)
class UssdPushed:
    """What the network said by itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Other:
    """A notice that means nothing to us, and is answered all the same: else it is sent again and again."""


News = KeepAlive | Received | Delivered | CallChanged | CallRecord | HungUp | CallTime | UssdPushed | Other


@dataclass(frozen=True, slots=True)
class Notice:
    """What a line sent by itself. ``count`` numbers it: the same in a resend."""

    kind: str
    count: str
    line: str
    password: str = field(repr=False)
    news: News


@dataclass(frozen=True, slots=True)
class Answer:
    """To what carried ``sendid``. ``verb``: OK, WAIT, USSD, …; ``failed``: it begins or ends with ERROR."""

    verb: str
    sendid: int
    rest: str = ""

    @property
    def failed(self) -> bool:
        return self.verb.endswith("ERROR")


def parse(datagram: bytes) -> Notice | Answer:
    """What came. Raises RemoteProtocolError for anything else."""
    if len(datagram) > _MAX_DATAGRAM:
        raise RemoteProtocolError(f"a datagram of {len(datagram)} octets")
    text = datagram.decode("utf-8", "replace").strip("\0")
    if found := _NOTICE.match(text):
        return _notice(found[1], found[2], text[found.end() :])
    if answer := _ANSWER.fullmatch(text.strip()):
        return Answer(answer[1], int(answer[2]), answer[3] or "")
    raise RemoteProtocolError(f"neither a notice nor an answer: {text[:40]!r}")


def _notice(kind: str, count: str, rest: str) -> Notice:
    fields = _fields(rest)
    line, password = fields.get("id", ""), fields.get("password", fields.get("pass", ""))
    if not line:
        raise RemoteProtocolError(f"{kind} without the line's id")
    return Notice(kind, count, line, password, _news(kind, fields))


def _fields(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    while text:
        name, colon, text = text.partition(":")
        name = name.strip()
        if not colon:
            break
        if name in _TO_THE_END:
            fields[name] = text
            break
        if name == "num" and _CAUSE.search(text):
            fields["num"], fields["cause"] = _CAUSE.split(text, maxsplit=1)
            break
        fields[name], _, text = text.partition(";")
    return fields


def _news(kind: str, fields: dict[str, str]) -> News:
    match kind:
        case "req":
            return _keep_alive(fields)
        case "RECEIVE":
            return Received(_needed(kind, fields, "srcnum").strip(), _needed(kind, fields, "msg"))
        case "DELIVER":
            state = _number(fields.get("state", ""))
            if state is None or not 0 <= state <= 255:
                raise RemoteProtocolError("DELIVER without a state")
            return Delivered(_needed(kind, fields, "sms_no").strip(), state, fields.get("num", "").strip())
        case "STATE":
            return _call_changed(_needed(kind, fields, "gsm_remain_state"))
        case "RECORD":
            return CallRecord(fields.get("dir", "").strip() == "1", fields.get("num", "").strip())
        case "HANGUP":
            return HungUp(fields.get("num", "").strip(), fields.get("cause", "").strip(" ;\r\n"))
        case "EXPIRY" | "REMAIN":
            minutes = _number(fields.get("gsm_remain_time", fields.get("exp", "")))
            # An expiry of 0 is no limit; only what remains can be 0 in earnest.
            limited = minutes is not None and (minutes > 0 or (minutes == 0 and kind == "REMAIN"))
            return CallTime(minutes if limited else None)
        case "USSN":
            return UssdPushed(_needed(kind, fields, "msg"))
        case _:
            return Other()


def _needed(kind: str, fields: dict[str, str], name: str) -> str:
    if name not in fields:
        raise RemoteProtocolError(f"{kind} without {name}")
    return fields[name]


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else None


def _keep_alive(fields: dict[str, str]) -> KeepAlive:
    rssi = _number(fields.get("signal", ""))
    return KeepAlive(
        number=fields.get("num", "").strip(),
        rssi=rssi if rssi is not None and 0 <= rssi <= 31 else None,
        registered=fields.get("gsm_status", "").strip().upper() == "LOGIN",
        imsi=_identity(fields.get("imsi", "")),
        iccid=_identity(fields.get("iccid", "")),
        operator=fields.get("pro", "").strip(),
        disabled=fields.get("disable_status", "").strip() not in ("", "0"),
    )


def _identity(text: str) -> str:
    """Digits, or nothing: without a SIM some send zeros."""
    digits = text.strip()
    return digits if re.fullmatch(r"[0-9]{6,22}", digits) and digits.strip("0") else ""


def _call_changed(text: str) -> CallChanged:
    word, _, number = text.strip(" ;\r\n").partition(":")
    state = _CALLS.get(word.strip().upper().replace("IDEL", "IDLE"))
    if state is None:
        raise RemoteProtocolError(f"a call state called {word[:20]!r}")
    return CallChanged(state, number.strip())


def registered(count: str, *, status: int = 0) -> bytes:
    """The answer to a keep-alive."""
    return f"reg:{count};status:{status};".encode()


def acknowledge(notice: Notice) -> bytes:
    """Tell the box that a notice arrived and need not be sent again."""
    return registered(notice.count) if notice.kind == "req" else f"{notice.kind} {notice.count} OK\n".encode()


def message(sendid: int, text: str) -> bytes:
    """Begin to send an SMS. Raises ValueError for what the box would not take whole."""
    octets = text.encode("utf-8", "replace")
    if not octets or len(octets) > MAX_TEXT:
        raise ValueError(f"{len(octets)} octets of text")
    return b"MSG %d %d %s\n" % (sendid, len(octets), octets)


def password(sendid: int, secret: str) -> bytes:
    return f"PASSWORD {sendid} {_word(secret)}\n".encode()


def send(sendid: int, telid: int, number: str) -> bytes:
    """Submit to one number, and from the second time on: ask how that went."""
    return f"SEND {sendid} {telid} {_word(number)}\n".encode()


def done(sendid: int) -> bytes:
    return f"DONE {sendid}\n".encode()


def ussd(sendid: int, secret: str, code: str) -> bytes:
    return f"USSD {sendid} {_word(secret)} {code}\n".encode()


def command(name: str, sendid: int, secret: str) -> bytes:
    """A command that takes nothing but the password: ``USSDEXIT``, ``svr_reboot_module``, ``svr_reboot_dev``, …"""
    return f"{name} {sendid} {_word(secret)}\n".encode()


def _word(text: str) -> str:
    """Words are told apart by spaces alone. Raises ValueError."""
    if _WORD.fullmatch(text) is None:
        raise ValueError("a word with a space in it, or none")
    return text
