"""Settings that a command stores and reads back, with what each accepts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from simulator.modem.command_line import Command
from simulator.modem.errors import BAD_PARAMETER, NOT_SUPPORTED, CmeError


@dataclass(frozen=True, slots=True)
class Stored:
    """Default, pattern of what may be set, and the answer to the test command."""

    default: str
    pattern: str
    test: str


BASIC: Mapping[str, Stored] = {
    "E": Stored("1", "[01]?", ""),
    "V": Stored("1", "[01]?", ""),
    "Q": Stored("0", "[01]?", ""),
    "X": Stored("4", "[0-4]?", ""),
    **{name: Stored("0", r"\d*", "") for name in ("L", "M", "&C", "&D", "&K", "&S", "&W", "T", "P")},
}
COMMON: Mapping[str, Stored] = {
    "+CMEE": Stored("0", "[012]", "(0-2)"),
    "+CREG": Stored("0", "[0123]", "(0-3)"),
    "+CGREG": Stored("0", "[012]", "(0-2)"),
    "+CEREG": Stored("0", "[0123]", "(0-3)"),
    "+CSCS": Stored('"GSM"', '"?(?:IRA|GSM|UCS2)"?', '("IRA","GSM","UCS2")'),
    "+CLIP": Stored("0", "[01]", "(0,1)"),
    "+COLP": Stored("0", "[01]", "(0,1)"),
    "+CLIR": Stored("0", "[012]", "(0-2)"),
    "+CRC": Stored("0", "[01]", "(0,1)"),
    "+CVHU": Stored("0", "[01]", "(0,1)"),
    "+CSSN": Stored("0,0", "[01](,[01])?", "(0,1),(0,1)"),
    "+CTZU": Stored("0", "[013]", "(0,1,3)"),
    "+CTZR": Stored("0", "[012]", "(0-2)"),
    "+CGATT": Stored("1", "[01]", "(0,1)"),
    "+CMMS": Stored("0", "[012]", "(0-2)"),
    "+CSMS": Stored("0", "[01]", "(0,1)"),
    "+CSMP": Stored("17,167,0,0", r"\d*(,\d*){0,3}", "(0-255),(0-255),(0-255),(0-255)"),
    "+CSDH": Stored("0", "[01]", "(0,1)"),
    "+CSCB": Stored("0", "[01].*", "(0,1)"),
    "+CNMI": Stored("0,0,0,0,0", "[0-2](,[0-2]?(,[0-3]?(,[0-2]?(,[01]?)?)?)?)?", "(0-2),(0-2),(0,2),(0-2),(0,1)"),
    "+CUSD": Stored("0", "", "(0-2)"),
    "+CPBS": Stored('"SM"', '"(SM|ME|ON)"', '("SM","ME","ON")'),
    "+VTD": Stored("1", r"\d{1,3}", "(1-255)"),
    "+CCWA": Stored("0", "[01](,[0-2](,\\d+)?)?", "(0,1)"),
    "+CLVL": Stored("5", "[0-8]", "(0-8)"),
    "+CMUT": Stored("0", "[01]", "(0,1)"),
    "+IFC": Stored("0,0", "[0-3](,[0-3])?", "(0-3),(0-2)"),
    "+IPR": Stored("115200", r"\d+", "(),(0,9600,115200,921600)"),
    "+WS46": Stored("12", r"\d+", "(12,22,25,28)"),
    "+CGEREP": Stored("0,0", "[0-2](,[01])?", "(0-2),(0,1)"),
    "+CMGF": Stored("0", "0", "(0)"),
}
TONES_DETECTED = Stored("0", r"[01](,\d+)?", "(0,1)")
SIMCOM: Mapping[str, Stored] = {
    "+CNSMOD": Stored("0", "[01]", "(0,1)"),
    "+AUTOCSQ": Stored("0,0", "[01],[01]", "(0,1),(0,1)"),
    "+EXUNSOL": Stored('"SQ",0', '"[A-Z]+",[01]', '("SQ"),(0,1)'),
    "+CLTS": Stored("0", "[01]", "(0,1)"),
    "+DDET": TONES_DETECTED,
    "+CPCMFRM": Stored("0", "[01]", "(0,1)"),
    "+CMICGAIN": Stored("3", "[0-8]", "(0-8)"),
    "+COUTGAIN": Stored("4", "[0-8]", "(0-8)"),
    "+CLCC": Stored("0", "[01]", "(0,1)"),
}
SIM800: Mapping[str, Stored] = {
    "+DDET": TONES_DETECTED,
    "+CLTS": Stored("0", "[01]", "(0,1)"),
    "+CLCC": Stored("0", "[01]", "(0,1)"),
    "+CMIC": Stored("0,15", r"[0-3],\d+", "(0-3),(0-15)"),
    "+CHFA": Stored("0", "[0-4]", "(0-4)"),
}
HUAWEI: Mapping[str, Stored] = {
    "^CURC": Stored("1", "[012]", "(0-2)"),
    "^USSDMODE": Stored("0", "[01]", "(0,1)"),
    "^DDTMFCFG": Stored("1,0", "[01],[01]", "(0,1),(0,1)"),
    "^U2DIAG": Stored("0", r"\d+", "(0-255)"),
}
QUECTEL: Mapping[str, Stored] = {
    "+QTONEDET": Stored("0", "[01]", "(0,1)"),
    "+QAUDMOD": Stored("0", "[0-3]", "(0-3)"),
    "+QGPSCFG": Stored('"outport","usbnmea"', '"outport"(,"[a-z]+")?', '"outport",("none","usbnmea")'),
    "+QCFG": Stored("", '"[a-zA-Z/]+"(,.*)?', '"USBCFG"'),
    "+QURCCFG": Stored('"urcport","usbat"', '"urcport"(,"[a-z0-9]+")?', '"urcport",("usbat","usbmodem")'),
    "^DSCI": Stored("0", "[01]", "(0,1)"),
}
ZTE: Mapping[str, Stored] = {
    "+ZOPRT": Stored("5", "[56]", "(5,6)"),
    "+ZCDRUN": Stored("8", "[89]", "(8,9)"),
}
FAMILIES: Mapping[str, Mapping[str, Stored]] = {
    "simcom": SIMCOM, "sim800": SIM800, "huawei": HUAWEI, "quectel": QUECTEL, "zte": ZTE, "generic": {},
}  # fmt: skip


class Values:
    """The stored settings of one modem."""

    def __init__(self, family: str) -> None:
        self._table = {**BASIC, **COMMON, **FAMILIES[family]}
        self._values: dict[str, str] = {}
        self.reset()

    def reset(self) -> None:
        """ATZ and AT&F: everything to its default."""
        self._values = {name: stored.default for name, stored in self._table.items()}

    def names(self) -> list[str]:
        """The commands stored here."""
        return list(self._table)

    def text(self, name: str) -> str:
        """The value as it was set, without quotes."""
        return self._values[name].strip('"')

    def number(self, name: str, index: int = 0) -> int:
        """One of the value's numbers; an absent one is 0, and so is a setting that this family lacks."""
        fields = self._values.get(name, "").split(",")
        return int(fields[index]) if index < len(fields) and fields[index].isdecimal() else 0

    def set(self, name: str, value: str) -> None:
        """Store without a check, for commands with a handler of their own."""
        self._values[name] = value

    def handle(self, command: Command) -> list[str]:
        """Set, read or test; CmeError 50 for a value that is not accepted."""
        stored = self._table[command.name]
        if command.how == "=?":
            return [f"{command.name}: {stored.test}"]
        if command.how == "?":
            return [f"{command.name}: {self._values[command.name]}"]
        if command.how == "" and command.name not in BASIC:
            if stored.pattern and re.fullmatch(stored.pattern, "") is None:
                raise CmeError(NOT_SUPPORTED)
            return []
        if re.fullmatch(stored.pattern, command.text) is None:
            raise CmeError(BAD_PARAMETER)
        self._values[command.name] = command.text or ("0" if command.name in BASIC else stored.default)
        if command.name == "+CSCS":
            self._values["+CSCS"] = f'"{command.text.strip(chr(34))}"'
        return []
