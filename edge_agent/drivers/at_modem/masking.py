"""Lines of an AT dialogue without what is private in them: numbers, identities, PINs, USSD, SMS and where the cell is.

What is not known to be harmless is masked: seven digits in a row never pass, whoever says them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from edge_agent.drivers.at_modem.grammar import final_of
from edge_agent.drivers.at_modem.pseudonyms import Pseudonyms, masked_text, masked_ussd

_NAME = re.compile(r"(?P<at>AT)?(?:ERROR)?(?P<name>[+^*$%#&][A-Z][A-Z0-9]*)", re.IGNORECASE)
_DIAL = re.compile(r"(ATD)(.*)", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"\r\n]*)"')
_PIECE = re.compile(r'"([^"]*)"|"?[^"]+|"')
_NUMBER = re.compile(r"\d(?:[ ()-]{0,2}\d){6,}")
_ALONE = re.compile(r'(["\s]*)(\d{14,20})([Ff]?["\s]*)')
_CELL = re.compile(r"0x[0-9A-Fa-f]+|(?<![0-9A-Za-z])(?=\d*[A-Fa-f])(?=[A-Fa-f]*\d)[0-9A-Fa-f]{6,}(?![0-9A-Za-z])")
_HEX_LINE = re.compile(r"(?:[0-9A-Fa-f]{2}){8,}")
_CLOSES = re.compile(r'"(?:, ?\d+)?$')
_MOMENT = re.compile(r"\d\d/\d\d/\d\d,")
_PLAIN = re.compile(r"[\d, ?()-]{0,12}")
_TEST = re.compile(r"\??|\(.*")
_BARE = re.compile(r"(\^DSCI: ?(?:\d+,){4})(\+?[\d*#]+)")
_WORD = re.compile(r"[^\W_]")
_CONTROL = re.compile("[\x1a\x1b]")

_SECRET = frozenset({"+CPIN", "+CPWD", "+CLCK", "^CPIN", "+ZPIN", "+SPIN"})
_PEOPLE = frozenset({"+CLIP", "+CCWA", "+CNUM", "+CPBR", "+CPBF", "+CLCC", "+COLP", "+CDIP", "+CNAP", "+CCFC"})
_CELLS = frozenset({"+CREG", "+CGREG", "+CEREG", "+CPSI", "+QENG", "^CELLINFO", "+CENG"})
_BODIES = frozenset({"+CMT", "+CDS", "+CBM", "+CMGR", "+CMGL"})
_SUBMITS = frozenset({"+CMGS", "+CMGW"})
_DIGITS = frozenset({"+VTS", "^DTMF", "+DTMF", "+RXDTMF", "^DDTMF", "+QVTS"})
_ICCID = frozenset({"+CCID", "+CICCID", "+QCCID", "^ICCID", "+ICCID"})
_MODEL = frozenset({"+CGMI", "+CGMM", "+CGMR", "+GMI", "+GMM", "+GMR", "I"})
"""A revision may hold the day it was made; other long numbers are an IMEI or a serial."""
_NOT_A_DATE = re.compile(r"(?<!\d)(?!20\d{6}(?!\d))\d{7,}")


class Masker:
    """Knows which command runs and whether a body is due. Lines are without their ends, bytes as Latin-1."""

    def __init__(self) -> None:
        self._names = Pseudonyms()
        self._running = ""
        self._body_out = False
        self._body_in = False
        self._ussd_in = False

    def out(self, line: str) -> str:
        """What is written to the modem."""
        left = line[: len(line) - len(line.lstrip("\x1b"))]
        line = line[len(left) :]
        if self._body_out and not left:
            self._body_out = False
            return self._body(line, outgoing=True)
        name = _name(line)
        self._running = name or line[2:].split("=")[0].upper()
        self._body_out = name in _SUBMITS and "=" in line
        return left + self._line(line, name)

    def came(self, line: str) -> str:
        """What the modem says; also its echo of a command."""
        if not line:
            return line
        if self._ussd_in:
            self._ussd_in = _CLOSES.search(line) is None
            return masked_text(line)
        name = _name(line)
        if final := final_of(line, dials=True):
            self._body_in, self._body_out = False, self._body_out and final.kind == "ok"
        elif self._body_in and name not in _BODIES:
            self._body_in = self._running in ("+CMGR", "+CMGL")
            return self._body(line, outgoing=False)
        else:
            self._body_in = name in _BODIES and not line.upper().startswith("AT")
            self._ussd_in = name == "+CUSD" and line.count('"') == 1
        masked = self._line(line, name)
        if final is not None:
            self._running = ""
        return masked

    def _body(self, text: str, *, outgoing: bool) -> str:
        end = _CONTROL.search(text)
        body, rest = (text[: end.start()], text[end.start() :]) if end else (text, "")
        if re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", body):
            return self._names.pdu(body, outgoing=outgoing) + "".join(_CONTROL.findall(rest))
        return masked_text(text)

    def _line(self, line: str, name: str) -> str:
        if dial := _DIAL.fullmatch(line):
            return dial[1] + self._names.number(dial[2])
        rule = _RULES.get(name)
        if rule is not None:
            return rule(self, line)
        if name in _MODEL or not name and self._running in _MODEL:
            return _NOT_A_DATE.sub(lambda found: self._names.imei(found[0]), line)
        if not name and (alone := _ALONE.fullmatch(line)):
            return alone[1] + self._identity(alone[2]) + alone[3]
        return self._rest(line)

    def _identity(self, digits: str) -> str:
        if len(digits) >= 18:
            return self._names.iccid(digits)
        return self._names.imsi(digits) if self._running == "+CIMI" else self._names.imei(digits)

    def _rest(self, line: str) -> str:
        """Of a line that nothing is known about."""
        if _HEX_LINE.fullmatch(line):
            return self._names.pdu(line, outgoing=False)
        line = _NUMBER.sub(lambda found: self._names.number(found[0]), line)
        return _CELL.sub(lambda found: _zeros(found[0]) if not _NUMBER.fullmatch(found[0]) else found[0], line)

    def _people(self, line: str) -> str:
        head, value = _split(line)
        return head + _PIECE.sub(self._piece, value)

    def _piece(self, found: re.Match[str]) -> str:
        return self._rest(found[0]) if found[1] is None else f'"{self._person(found[1])}"'

    def _person(self, text: str) -> str:
        if text in _WORDS or _MOMENT.match(text):
            return text
        return self._names.number(text) if re.fullmatch(r"\+?[\d*#]+", text) else masked_text(text)

    def _ussd(self, line: str) -> str:
        head, value = _split(line)
        first, last = value.find('"'), value.rfind('"')
        if first < 0:
            return head + (value if _PLAIN.fullmatch(value) else masked_text(value))
        if last == first:  # it goes on in the next line
            last = len(value)
        return head + value[: first + 1] + masked_ussd(value[first + 1 : last]) + value[last:]

    def _call(self, line: str) -> str:
        """Quectel's and SIMCom's news of a call: words in quotes, and a number in quotes or bare."""
        line = re.sub(r'"\+?[\d*#]+"', lambda found: self._names.number(found[0]), line)
        return _BARE.sub(lambda found: found[1] + self._names.number(found[2]), line)

    def _secret(self, line: str) -> str:
        head, value = _split(line)
        if not line.upper().startswith("AT"):
            return line if re.fullmatch(r"[A-Z ,0-9-]{0,40}", value) and not _NUMBER.search(value) else self._rest(line)
        masked = _QUOTED.sub(lambda found: f'"{found[1] if found[1] in _FACILITIES else _zeros(found[1])}"', value)
        return head + re.sub(r"\d{3,}", lambda found: "0" * len(found[0]), masked)

    def _cells(self, line: str) -> str:
        head, value = _split(line)
        masked = _QUOTED.sub(lambda found: f'"{_zeros(found[1]) if _is_cell(found[1]) else found[1]}"', value)
        return head + _NUMBER.sub(lambda found: _zeros(found[0]), _CELL.sub(lambda found: _zeros(found[0]), masked))

    def _key(self, line: str) -> str:
        """One digit somebody pressed; the number before a comma is the call's."""
        head, value = _split(line)
        if _TEST.fullmatch(value):
            return line
        call, comma, digit = value.rpartition(",")
        return head + call + comma + re.sub(r"[0-9*#A-D]", "0", digit)

    def _tone(self, line: str) -> str:
        head, _ = _split(line)
        return line if line.upper().startswith("AT") else f"{head}48"

    def _card(self, line: str) -> str:
        return re.sub(r"(?=[0-9A-Fa-f]*\d)[0-9A-Fa-f]{7,}", lambda found: self._names.iccid(found[0]), line)

    def _file(self, line: str) -> str:
        """+CRSM: the answer may be any file of the SIM; that of EF_ICCID keeps its shape."""
        if line.upper().startswith("AT"):
            return re.sub(r'"([^"]*)"', lambda found: f'"{_zeros(found[1])}"', line)
        return re.sub(r"[0-9A-Fa-f]{6,}", self._file_octets, line)

    def _file_octets(self, found: re.Match[str]) -> str:
        octets = found[0].upper()
        if len(octets) == 20 and octets.startswith("98"):
            return self._names.swapped_iccid(octets)
        return "F" * len(octets)


_WORDS = frozenset({"REC UNREAD", "REC READ", "STO UNSENT", "STO SENT", "ALL", "SM", "ME"})
_FACILITIES = frozenset(
    {"SC", "PS", "PN", "PU", "PP", "PC", "PF", "AO", "OI", "OX", "AI", "IR", "AB", "AG", "AC", "FD", "P2"}
)

_RULES: dict[str, Callable[[Masker, str], str]] = {
    "+CUSD": Masker._ussd,
    "+CRSM": Masker._file,
    "+CSIM": Masker._file,
    "+QTONEDET": Masker._tone,
    "+QIND": Masker._call,
    "^DSCI": Masker._call,
    **dict.fromkeys(_SECRET, Masker._secret),
    **dict.fromkeys(_PEOPLE, Masker._people),
    **dict.fromkeys(_CELLS, Masker._cells),
    **dict.fromkeys(_BODIES | _SUBMITS, Masker._people),
    **dict.fromkeys(_DIGITS, Masker._key),
    **dict.fromkeys(_ICCID, Masker._card),
}


def _name(line: str) -> str:
    found = _NAME.match(line)
    return found["name"].upper() if found is not None else ""


def _split(line: str) -> tuple[str, str]:
    """A line at what follows the name: ``AT+CPIN=`` and the rest, ``+CUSD: `` and the rest."""
    found = re.match(r"[^=:]*[=:]? ?", line)
    at = found.end() if found is not None else 0
    return line[:at], line[at:]


def _is_cell(text: str) -> bool:
    return re.fullmatch(r"[0-9A-Fa-f]{2,}", text) is not None


def _zeros(text: str) -> str:
    prefix = "0x" if text.startswith("0x") else ""
    return prefix + _WORD.sub("0", text[len(prefix) :])
