"""Requests and responses as values, so that handlers know no web framework."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from cloud.web.socket import Socket
from telecore.errors import InvalidRequest

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 1000

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """``fields`` are the named pieces of the path; ``query`` is as it came, without the question mark."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    remote: str = ""

    def params(self) -> Pairs:
        """Parameters in order, repeated ones too: the query's, then those of a form.

        A GET may name the form's content type (Twilio's clients do) and have no body. Raises InvalidRequest.
        """
        if self.body and self.content_type not in ("", FORM):
            raise InvalidRequest(f"The body must be {FORM}, not {self.content_type[:60]}", status=415)
        return pairs(self.query) + pairs(self.body.decode("utf-8", "replace"))

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises InvalidRequest."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise InvalidRequest("The body is not JSON") from error
        if not isinstance(value, dict):
            raise InvalidRequest("The body is not a JSON object")
        return value


@dataclass(frozen=True, slots=True)
class Response:
    """``file`` or ``stream`` take the place of ``body``. ``socket`` serves the web socket that was asked for.

    ``cookies``: a Set-Cookie each.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None
    stream: AsyncIterator[bytes] | None = None
    socket: Callable[[Socket], Awaitable[None]] | None = None
    cookies: tuple[str, ...] = ()


Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """``path`` names its pieces in braces: ``/Calls/{sid}.json``, with a pattern after a colon where needed."""

    method: str
    path: str
    handler: Handler


def pairs(text: str) -> Pairs:
    """Fields of a form or a query. Raises InvalidRequest for more than a thousand."""
    try:
        return tuple(parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MAX_FIELDS))
    except ValueError as error:
        raise InvalidRequest(f"More than {MAX_FIELDS} parameters") from error


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(status, body, headers=headers or {})
