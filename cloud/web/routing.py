"""Which handler a path leads to. Pure: a table of patterns, tried in order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from cloud.web.http import Handler, Route
from telecore.errors import NotFound, Refused

_SEGMENT = "[^/]+"


class MethodNotAllowed(Refused):
    """The path is known, but not with this method."""

    code = 20004
    status = 405

    def __init__(self, path: str, method: str, allowed: Iterable[str]) -> None:
        super().__init__(f"The requested resource {path} does not allow {method}")
        self.allowed = tuple(sorted(allowed))


class Router:
    """Routes of one server; of two that fit, the one named first is taken."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._table = [(route.method, re.compile(pattern_of(route.path)), route.handler) for route in routes]

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]]:
        """The handler and the pieces of the path (as it came, still quoted), which are unquoted.

        Raises NotFound, MethodNotAllowed.
        """
        allowed: set[str] = set()
        for known, pattern, handler in self._table:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            if known == method:
                return handler, {name: unquote(piece) for name, piece in found.groupdict().items()}
            allowed.add(known)
        if allowed:
            raise MethodNotAllowed(unquote(path), method, allowed)
        raise NotFound(f"The requested resource {unquote(path)} was not found")


def pattern_of(path: str) -> str:
    """``/Calls/{sid}.json`` → a regular expression; ``{sid:RE[0-9a-f]{32}}`` says what the piece must look like."""
    out, rest = "", path
    while rest:
        before, brace, rest = rest.partition("{")
        out += re.escape(before)
        if brace:
            end = _closing(rest)
            name, _, piece = rest[:end].partition(":")
            out += f"(?P<{name}>{piece or _SEGMENT})"
            rest = rest[end + 1 :]
    return out


def _closing(text: str) -> int:
    """Where the brace that is already open closes."""
    depth = 1
    for place, char in enumerate(text):
        depth += {"{": 1, "}": -1}.get(char, 0)
        if depth == 0:
            return place
    raise ValueError(f"a brace is not closed in {text!r}")
