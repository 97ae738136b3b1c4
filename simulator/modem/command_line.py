"""A command line of V.250: `AT`, then basic and extended commands, extended ones separated by semicolons."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from simulator.modem.errors import BAD_PARAMETER, AtError, CmeError

EXTENDED = re.compile(r'([+^*$#%][A-Z][A-Z0-9!%\-./:_]*) *(=\?|=|\?|)((?:"[^"]*"|[^";])*)', re.IGNORECASE | re.DOTALL)
S_REGISTER = re.compile(r"(S\d+)(=\?|=|\?)(\d*)", re.IGNORECASE)
BASIC = re.compile(r"(&[A-Z]|[A-Z])(\d*)(\??)", re.IGNORECASE)
FIELD = re.compile(r'\s*(?:"([^"]*)"|([^,]*))\s*(?:,|$)')


@dataclass(frozen=True, slots=True)
class Command:
    """One command; `how` is '' (do), '=' (set), '?' (read) or '=?' (test); `text` is what follows."""

    name: str
    how: str
    text: str

    def fields(self) -> list[str]:
        """Parameters without their quotes; an absent one is ''."""
        found: list[str] = []
        at = 0
        while at < len(self.text):
            match = FIELD.match(self.text, at)
            if match is None or match.end() == at:
                raise CmeError(BAD_PARAMETER)
            found.append(match[1] if match[1] is not None else match[2].strip())
            at = match.end()
        return [*found, ""] if self.text.endswith(",") else found

    def field(self, index: int, default: str = "") -> str:
        """One parameter, or the default when it is absent."""
        fields = self.fields()
        return fields[index] if index < len(fields) and fields[index] else default

    def number(self, index: int, default: int | None = None) -> int:
        """One parameter as a number; CmeError 50 when it is none, or absent without a default."""
        value = self.field(index)
        if not value and default is not None:
            return default
        if not value.isdecimal():
            raise CmeError(BAD_PARAMETER)
        return int(value)


def read_commands(body: str) -> Iterator[Command]:
    """The commands of a line after its `AT`, one by one; AtError where it stops making sense."""
    at = 0
    while at < len(body):
        if body[at] in " ;":
            at += 1
            continue
        command, at = _read_one(body, at)
        yield command


def _read_one(body: str, at: int) -> tuple[Command, int]:
    if body[at] in "dD":
        end = body.find(";", at)
        end = len(body) if end < 0 else end + 1
        return Command("D", "", body[at + 1 : end].strip()), end
    match = EXTENDED.match(body, at)
    if match is not None:
        return Command(match[1].upper(), match[2], match[3].strip()), match.end()
    match = S_REGISTER.match(body, at)
    if match is not None:
        return Command(match[1].upper(), match[2], match[3]), match.end()
    match = BASIC.match(body, at)
    if match is None:
        raise AtError
    return Command(match[1].upper(), match[3], match[2]), match.end()
