"""Bytes from a modem → units: lines, prompts, and lines that belong together. Sans-I/O; no bytes can upset it."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LINE = 4096
"""Longer than any line a modem has reason to send; the rest of such a line is noise and dropped."""
MAX_QUOTED_LINES = 64

_ENDS = (b"\r", b"\n")
_TOKENS = re.compile(rb"[\r\n]|[^\r\n]+")
_TWO_LINES = re.compile(r"\+(?:CMT|CDS|CBM): ?")
_CUSD = b"+CUSD:"
_CUSD_OPEN = re.compile(r"\+CUSD: ?\d, ?\"")
_CUSD_CLOSED = re.compile(r"\"(, ?\d+)?$")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its ends. ``body`` is the second line of +CMT, +CDS and +CBM (27.005 §3.4.1)."""

    text: str
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """``>`` with or without a blank: the modem waits for a text or PDU."""


Unit = Line | Prompt


class LineReader:
    """``feed`` bytes in pieces of any size, get units. ``expect_prompt`` says whether ``>`` may be a prompt now."""

    def __init__(self) -> None:
        self.expect_prompt = False
        self._partial = bytearray()
        self._after_cr = False
        self._after_prompt = False
        self._head: str | None = None
        self._quoted: list[str] = []

    @property
    def holding(self) -> bool:
        """Whether something begun waits for its end."""
        return bool(self._partial or self._quoted or self._head is not None)

    def feed(self, data: bytes) -> list[Unit]:
        units: list[Unit] = []
        for token in _TOKENS.findall(data):
            if token == b"\n" and self._after_cr:
                self._after_cr = False
                continue
            self._after_cr = token == b"\r"
            if token in _ENDS:
                self._after_prompt = False
                self._end_line(units)
            else:
                self._text(token, units)
        return units

    def flush(self) -> list[Unit]:
        """Give up waiting for the rest of what was begun."""
        units: list[Unit] = []
        if self._partial:
            self._end_line(units)
        after = [Line(self._quoted.pop())] if self._quoted[1:] and self._quoted[-1] == "OK" else []
        self._end_quoted(units)
        self._end_head(units)
        return units + after  # a quote that never ends must not keep the result of the command

    def _text(self, text: bytes, units: list[Unit]) -> None:
        if self._after_prompt and text.startswith(b" "):
            text = text[1:]
        self._after_prompt = False
        if self.expect_prompt and text.startswith(b">") and not self._partial and not self._quoted:
            self.expect_prompt = False
            self._after_prompt = True
            units.append(Prompt())
            if len(text) > 1:
                self._text(text[1:], units)
        elif len(self._partial) < MAX_LINE:
            self._partial += text[: MAX_LINE - len(self._partial)]

    def _end_line(self, units: list[Unit]) -> None:
        text = _decode(self._partial, in_text=bool(self._quoted)).strip("\0 \t")
        self._partial.clear()
        if self._quoted:
            self._go_on_quoted(text, units)
        elif text:
            self._whole_line(text, units)

    def _whole_line(self, text: str, units: list[Unit]) -> None:
        if self._head is not None and _HEX.fullmatch(text):
            units.append(Line(self._head, text))
            self._head = None
            return
        self._end_head(units)
        if _TWO_LINES.match(text):
            self._head = text
        elif _CUSD_OPEN.match(text) and not _closed(text):
            self._quoted = [text]
        else:
            units.append(Line(text))

    def _go_on_quoted(self, text: str, units: list[Unit]) -> None:
        self._quoted.append(text)
        if len(self._quoted) >= MAX_QUOTED_LINES or _closed("\n".join(self._quoted)):
            self._end_quoted(units)

    def _end_quoted(self, units: list[Unit]) -> None:
        if self._quoted:
            units.append(Line("\n".join(self._quoted)))
            self._quoted = []

    def _end_head(self, units: list[Unit]) -> None:
        if self._head is not None:
            units.append(Line(self._head))
            self._head = None


def _decode(octets: bytearray, *, in_text: bool) -> str:
    """UTF-8. A USSD text in anything else is what modems call ``8859-1``; elsewhere it is noise, and shown as such."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        if in_text or octets.startswith(_CUSD):
            return octets.decode("latin-1")
        return octets.decode("utf-8", "backslashreplace")


def _closed(text: str) -> bool:
    """Whether the quote that opens a +CUSD ends here, and not a quotation at the end of one of its lines."""
    opened = _CUSD_OPEN.match(text)
    found = _CUSD_CLOSED.search(text, opened.end()) if opened else None
    return found is not None and (found[1] is not None or text.count('"') % 2 == 0)
