"""What a modem and its driver said to each other, masked: text that people read and tests replay.

A header of ``key: value`` lines, an empty line, then one entry a line: seconds since the start, ``>`` to the modem or
``<`` from it, the bytes with ``\\r``, ``\\n``, ``\\\\`` and ``\\xNN`` written out::

    simferry-transcript: 1
    source: a SIM7600G-H with firmware LE20B04 on a desk

    0.000 > AT\\r
    0.004 < \\r\\nOK\\r\\n
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from edge_agent.drivers.at_modem.dialogue import ByteStream
from edge_agent.drivers.at_modem.lines import MAX_LINE
from edge_agent.drivers.at_modem.masking import Masker
from telecore.errors import DeviceLost, InvalidRequest

VERSION = "1"
_FIRST = "simferry-transcript"
_ENTRY = re.compile(r"(\d+\.\d{3}) ([<>]) (.*)")
_ESCAPED = re.compile(r"\\(?:([rn\\])|x([0-9a-f]{2}))")
_PLAIN = {"\r": "\\r", "\n": "\\n", "\\": "\\\\"}
_SPECIAL = {"r": "\r", "n": "\n", "\\": "\\"}
_PIECES = re.compile("[^\r\n\x1a\x1b]*[\r\n\x1a\x1b]?")
_ENDS = "\r\n\x1a"
_ESC = "\x1b"

Direction = Literal["<", ">"]


@dataclass(frozen=True, slots=True)
class Entry:
    """``text`` holds bytes as Latin-1; ``>`` is to the modem."""

    at_s: float
    direction: Direction
    text: str

    def line(self) -> str:
        return f"{self.at_s:.3f} {self.direction} {_escaped(self.text)}"


@dataclass(frozen=True, slots=True)
class Transcript:
    """``header``: ``source`` says where it comes from; ``profile``, ``model`` and the like what was on the port."""

    header: Mapping[str, str]
    entries: tuple[Entry, ...]

    def text(self) -> str:
        return "".join(f"{line}\n" for line in (*header_lines(self.header), *(entry.line() for entry in self.entries)))


class Tap:
    """Between a port and its dialogue: passes every byte on, and tells ``on_entry`` of whole, masked lines.

    A line is told when it is complete, so no number is cut where one read ended; what is longer than a modem's lines
    are is not told. ``clock`` tells seconds since the start.
    """

    def __init__(self, port: ByteStream, on_entry: Callable[[Entry], None], clock: Callable[[], float]) -> None:
        self.on_data: Callable[[bytes], None] = lambda data: None
        self.on_lost: Callable[[DeviceLost], None] = lambda error: None
        self._port = port
        self._on_entry = on_entry
        self._clock = clock
        self._masker = Masker()
        self._out = _Lines(self._masker.out)
        self._in = _Lines(self._masker.came)
        port.on_data = self._came
        port.on_lost = self._lost

    def write(self, data: bytes) -> bool:
        taken = self._port.write(data)
        if taken:
            self._tell(">", self._out.feed(data.decode("latin-1")))
        return taken

    def finish(self) -> None:
        """Tell what was begun and will not be ended."""
        self._tell("<", self._in.rest())

    def _came(self, data: bytes) -> None:
        self._tell("<", self._in.feed(data.decode("latin-1")))
        self.on_data(data)

    def _lost(self, error: DeviceLost) -> None:
        self.finish()
        self.on_lost(error)

    def _tell(self, direction: Direction, text: str) -> None:
        if text:
            self._on_entry(Entry(self._clock(), direction, text))


class _Lines:
    """Collects a line until its end, then masks it."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        self._mask = mask
        self._partial = ""

    def feed(self, text: str) -> str:
        done = []
        for piece in _PIECES.findall(text):
            self._partial = (self._partial + piece)[: MAX_LINE + 1]
            if piece.endswith(_ESC):
                done.append(self.rest())
            elif piece and piece[-1] in _ENDS:
                line = self._partial.rstrip(_ENDS)
                done.append((self._mask(line) if len(line) < MAX_LINE else "") + piece[-1])
                self._partial = ""
        if self._partial in (">", "> "):  # a prompt is no line
            done.append(self._partial)
            self._partial = ""
        return "".join(done)

    def rest(self) -> str:
        text, self._partial = self._partial, ""
        return self._mask(text) if text else ""


def header_lines(header: Mapping[str, str]) -> Iterator[str]:
    """With the empty line that ends it."""
    yield f"{_FIRST}: {VERSION}"
    for name, value in header.items():
        yield f"{name}: {' '.join(value.split())}"
    yield ""


def parse_transcript(lines: Iterable[str]) -> Transcript:
    """Raises InvalidRequest, with the number of the line."""
    header: dict[str, str] = {}
    entries = []
    in_header = True
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\n")
        if in_header:
            name, colon, value = text.partition(":")
            if number == 1 and (name, value.strip()) != (_FIRST, VERSION):
                raise InvalidRequest(f"line 1: not a transcript of version {VERSION}")
            if text and not colon:
                raise InvalidRequest(f"line {number}: no colon")
            in_header = bool(text)
            if text and number > 1:
                header[name] = value.strip()
        elif text:
            entries.append(_entry(text, number))
    if in_header:
        raise InvalidRequest("ends within its header")
    return Transcript(header, tuple(entries))


def _entry(text: str, number: int) -> Entry:
    found = _ENTRY.fullmatch(text)
    if found is None:
        raise InvalidRequest(f"line {number}: no entry of a transcript")
    return Entry(float(found[1]), ">" if found[2] == ">" else "<", _ESCAPED.sub(_unescaped, found[3]))


def _escaped(text: str) -> str:
    return "".join(_PLAIN.get(char) or (char if " " <= char <= "~" else f"\\x{ord(char):02x}") for char in text)


def _unescaped(found: re.Match[str]) -> str:
    return _SPECIAL[found[1]] if found[1] else chr(int(found[2], 16))
