"""Which line is a final result, which answers the running command, and which came by itself (V.250, 27.007)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from edge_agent.drivers.at_modem.error_words import error_code
from telecore.errors import LocalProtocolError

CTRL_Z = b"\x1a"
ESC = b"\x1b"


@dataclass(frozen=True, slots=True)
class Command:
    """One line to the modem. ``body`` follows the prompt and is ended with Ctrl-Z.

    ``answer`` matches the information lines it may get; left out, it follows from ``text``. ``dials``: NO CARRIER and
    its kin are final results of this command; of all others they are news about a call (V.250 §6.3.1).
    ``abortable``: any character ends it while it waits for its result (V.250 §5.6.1).
    """

    text: str
    timeout_s: float = 2.0
    body: str | None = None
    prompt_s: float = 6.0
    answer: re.Pattern[str] | None = None
    abortable: bool = False

    def __post_init__(self) -> None:
        if not (self.text.isascii() and self.text.isprintable()):
            raise LocalProtocolError("a control character in a command could begin another")

    @property
    def dials(self) -> bool:
        return _DIALS.match(self.text) is not None

    @property
    def data(self) -> bytes:
        return self.text.encode("ascii", "replace") + b"\r"


_DIALS = re.compile(r"AT(?:D|A$|H)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Final:
    """A final result. ``kind``: ``ok``, ``error``, ``cme``, ``cms``, ``unsupported`` or ``call``."""

    kind: str
    code: int | None = None
    text: str = ""


_FINALS = {
    "OK": Final("ok", None, "OK"),
    "ERROR": Final("error", None, "ERROR"),
    "COMMAND NOT SUPPORT": Final("unsupported", None, "COMMAND NOT SUPPORT"),
    "TOO MANY PARAMETERS": Final("error", None, "TOO MANY PARAMETERS"),
}
_CODED = re.compile(r"\+(CME|CMS) ERROR: ?(.+)")
CALL_FINALS = frozenset({"NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE"})


def final_of(line: str, *, dials: bool) -> Final | None:
    """The final result that this whole line is, if it is one."""
    if (final := _FINALS.get(line)) is not None:
        return final
    if line.startswith("+CM") and (match := _CODED.fullmatch(line)):
        kind = match[1].lower()
        return Final(kind, error_code(kind, match[2]), match[2])
    if dials and line in CALL_FINALS:
        return Final("call", None, line)
    return None


_NAME = re.compile(r"AT(?P<name>[+^*$%#&][A-Z0-9]+)(?P<rest>.*)", re.IGNORECASE)
_SET_ANSWERS = frozenset({"+CMGS", "+CMGR", "+CMGL", "+CMGW", "+CMSS", "+CPMS", "+CRSM", "+CSIM", "+CNMA"})
"""Commands with ``=`` that answer with a line of their own name; of the others such a line is a URC."""
_REGISTRATION = frozenset({"+CREG", "+CGREG", "+CEREG"})
_FREE = {
    "+CGMI": r"[A-Za-z0-9][ -~]*",
    "+CGMM": r"[A-Za-z0-9][ -~]*",
    "+CGMR": r"[A-Za-z0-9][ -~]*",
    "+CGSN": r"\"?\d{14,17}\"?",
    "+CIMI": r"\"?\d{14,15}\"?",
}
"""Answers that may come without the name of their command, and what they then look like."""
_NOTHING = re.compile(r"(?!)")


@lru_cache(maxsize=256)
def answer_pattern(text: str) -> re.Pattern[str]:
    """What an information line of the answer to ``text`` begins with."""
    match = _NAME.match(text)
    if match is None:
        return _NOTHING
    name, rest = match["name"].upper(), match["rest"]
    prefix = re.escape(name) + ": ?"
    if name in _FREE:
        return re.compile(f"(?:{prefix}.*|{_FREE[name]})")
    if name in _REGISTRATION and rest == "?":
        return re.compile(prefix + r"\d, ?\d{1,2}(?:,.*)?")  # the URC lacks n, so its second field is quoted
    if name in ("+CMGR", "+CMGL"):
        return re.compile(f"(?:{prefix}.*|[0-9A-Fa-f]+)")
    if rest in ("", "?") or rest.startswith("=?") or name in _SET_ANSWERS:
        return re.compile(f"(?:ERROR)?{prefix}.*")  # Huawei: "ERROR+CNUM: …"
    return _NOTHING


_COMMON_URCS = (
    r"RING",
    r"NO CARRIER|BUSY|NO ANSWER|NO DIALTONE",
    r"\+(?:CRING|CLIP|CCWA|CMTI|CMT|CDSI|CDS|CBM|CUSD|CSSI|CSSU|COLP):.*",
    r"RDY|Call Ready|SMS Ready|PB DONE|SMS DONE|NORMAL POWER DOWN|UNDER-VOLTAGE.*|\^SYSSTART|\^BOOT:.*",
)


@dataclass(frozen=True)
class Grammar:
    """The lines a modem is known to send by itself: the common ones, and those its profile names."""

    urcs: re.Pattern[str]

    @classmethod
    def of(cls, patterns: Iterable[str] = ()) -> Grammar:
        nameless = (re.sub(r"\(\?P<\w+>", "(?:", pattern) for pattern in patterns)  # several may use one name
        return cls(re.compile("|".join(f"(?:{pattern})" for pattern in (*_COMMON_URCS, *nameless)), re.DOTALL))

    def answers(self, line: str, command: Command) -> bool:
        """Whether the line belongs to the answer of the running command."""
        if not (command.answer or answer_pattern(command.text)).fullmatch(line):
            return False
        name = _NAME.match(command.text)
        own = name is not None and line.upper().removeprefix("ERROR").startswith(name["name"].upper() + ":")
        return own or self.urcs.fullmatch(line) is None
