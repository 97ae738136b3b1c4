"""Which handler a path leads to. Pure: a table of patterns, tried in order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from urllib.parse import unquote

from cloud.web.http import Handler, Route
from telecore.errors import NotFound, Refused

_SEGMENT = "[^/]+"
_SUFFIXED, _SUFFIX = "/2010-04-01/", ".json"


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
        self._table = [(_shape(r.path), r.method, re.compile(pattern_of(r.path)), r.handler) for r in routes]
        self._like = lru_cache(maxsize=1024)(self._candidates)

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]]:
        """The handler and the pieces of the path (as it came, still quoted), which are unquoted.

        The ``.json`` of Twilio's first API may be left out. Raises NotFound, MethodNotAllowed.
        """
        try:
            return self._find(method, path)
        except NotFound:
            if not path.startswith(_SUFFIXED) or path.endswith(_SUFFIX):
                raise
        with suppress(NotFound):
            return self._find(method, path + _SUFFIX)
        raise NotFound(f"The requested resource {unquote(path)} was not found")

    def _find(self, method: str, path: str) -> tuple[Handler, dict[str, str]]:
        allowed: set[str] = set()
        for known, pattern, handler in self._like(path.count("/"), path[path.rfind("/") + 1 :]):
            found = pattern.fullmatch(path)
            if found is None:
                continue
            if known == method:
                return handler, {name: unquote(piece) for name, piece in found.groupdict().items()}
            allowed.add(known)
        if allowed:
            raise MethodNotAllowed(unquote(path), method, allowed)
        raise NotFound(f"The requested resource {unquote(path)} was not found")

    def _candidates(self, slashes: int, last: str) -> list[tuple[str, re.Pattern[str], Handler]]:
        """Those that a path of so many slashes and with this last piece may fit: few of many."""
        return [
            (method, pattern, handler)
            for (count, end), method, pattern, handler in self._table
            if count in (None, slashes) and end in (None, last)
        ]


def _shape(path: str) -> tuple[int | None, str | None]:
    """How many slashes a fitting path has, and its last piece; None where that varies."""
    literal, last = re.sub(r"\{(?:[^{}]|\{[^{}]*\})*\}", "", path), path[path.rfind("/") + 1 :]
    if literal.count("/") != path.count("/"):
        return None, None
    return path.count("/"), None if "{" in last or "}" in last else last


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
