"""Framing of manager ports that are like Asterisk's: responses and events out of a stream of octets (sans-I/O).

A block ends with an empty line, or with its marker: a command's output with ``--END COMMAND--``, an SMS event with
``--END SMS EVENT--``. The lines of an output end in LF alone, everything else in CRLF; so an event that was written
into the middle of an output is told from a line of it. Content of SMS events is URL-encoded. After Yeastar's "How to
use TG SMS API", OpenVox's "VoxStack GSM Gateway API", and Asterisk's own manager.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from telecore.errors import LocalProtocolError, RemoteProtocolError

MAX_LINE = 16_384
MAX_LINES = 2_000
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9_.() -]{0,39}?):[ \t]?(.*)", re.DOTALL)
_MARKER = re.compile(r"(.*)--END [A-Z ]{1,30}--[ \t]*", re.DOTALL)
_BEGINS = re.compile(r"(Response|Event):", re.IGNORECASE)
_BANNER = re.compile(r"[A-Za-z ]{1,40}Call Manager/")
_OF_A_COMMAND = frozenset({"privilege", "actionid", "message"})
"""What stands between ``Response: Follows`` and the output."""


@dataclass(frozen=True, slots=True)
class Block:
    """One response or event. ``name``: ``Success``, ``Error``, ``Follows``; or what the event is called.

    ``output``: the lines of a command's output, without the marker.
    """

    is_event: bool
    name: str
    headers: tuple[tuple[str, str], ...] = ()
    output: tuple[str, ...] = ()

    def get(self, header: str) -> str:
        """The header's value, whatever the case of its name; empty without one."""
        wanted = header.lower()
        return next((value for name, value in self.headers if name.lower() == wanted), "")

    @property
    def refused(self) -> bool:
        return not self.is_event and self.name.lower() not in ("success", "follows", "goodbye")


@dataclass(slots=True)
class _Open:
    is_event: bool
    name: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    output: list[str] = field(default_factory=list)

    @property
    def follows(self) -> bool:
        """Whether it is the output of a command: then only its marker ends it."""
        return not self.is_event and self.name.lower() == "follows"

    def closed(self) -> Block:
        return Block(self.is_event, self.name, tuple(self.headers), tuple(self.output))


class AmiReader:
    """``banner`` is the first line, which names the version of the interface."""

    def __init__(self) -> None:
        self.banner = ""
        self._rest = b""
        self._open: list[_Open] = []
        """The innermost is the last; an output with an event in it makes two."""

    def feed(self, data: bytes) -> list[Block]:
        """Take octets; the blocks that they complete. Raises RemoteProtocolError for what has no end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            raise RemoteProtocolError(f"a line of more than {MAX_LINE} octets")
        blocks: list[Block] = []
        for line in lines:
            text = line.decode("utf-8", "replace")
            self._line(text.removesuffix("\r"), blocks, crlf=text.endswith("\r"))
        return blocks

    def _line(self, line: str, blocks: list[Block], *, crlf: bool) -> None:
        if not self._open:
            self._first(line)
            return
        block = self._open[-1]
        marker = _MARKER.fullmatch(line)
        if marker is not None:
            if marker[1].strip():
                block.output.append(marker[1])
            self._close(blocks)
        elif block.follows:
            self._of_output(block, line, crlf=crlf)
        elif not line.strip():
            self._close(blocks)
        elif _BEGINS.match(line):
            self._close(blocks)
            self._first(line)
        else:
            _add(block, line)
        if self._open and len(self._open[-1].output) + len(self._open[-1].headers) > MAX_LINES:
            raise RemoteProtocolError(f"a block of more than {MAX_LINES} lines")

    def _first(self, line: str) -> None:
        """A line that no block is open for: one begins, or it is the banner, or it is nothing."""
        found = _HEADER.fullmatch(line)
        if found is not None and _BEGINS.match(line):
            self._open.append(_Open(found[1].lower() == "event", found[2].strip()))
        elif not self.banner and _BANNER.match(line):
            self.banner = line.strip()

    def _of_output(self, block: _Open, line: str, *, crlf: bool) -> None:
        found = _HEADER.fullmatch(line)
        if crlf and found is not None and found[1].lower() == "event":
            self._open.append(_Open(True, found[2].strip()))
        elif found is not None and not block.output and found[1].lower() in _OF_A_COMMAND:
            block.headers.append((found[1], found[2].strip()))
        else:
            block.output.append(line)

    def _close(self, blocks: list[Block]) -> None:
        blocks.append(self._open.pop().closed())


def _add(block: _Open, line: str) -> None:
    found = _HEADER.fullmatch(line)
    if found is None:
        block.output.append(line)
    elif found[1].lower() == "output":  # Asterisk 14 and later
        block.output.append(found[2])
    else:
        block.headers.append((found[1], found[2].strip()))


def action(name: str, *headers: tuple[str, str]) -> bytes:
    """An action as it is sent. Raises LocalProtocolError for a value that would be two headers."""
    lines = [f"{key}: {value}" for key, value in (("Action", name), *headers)]
    if any("\r" in line or "\n" in line or "\0" in line for line in lines):
        raise LocalProtocolError("a header with a line end in it")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")


def content_of(value: str) -> str:
    """The text of an SMS event: URL-encoded UTF-8, at times with a byte order mark in front."""
    return unquote_plus(value, errors="replace").removeprefix("\ufeff")
