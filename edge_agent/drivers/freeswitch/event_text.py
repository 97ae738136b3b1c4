"""What the event socket sends, as values (sans-I/O).

A message is a block of ``Name: value`` lines, an empty line, and as many octets as its Content-Length says. In an event
the values are percent-encoded, and the event may have a body of its own behind a second empty line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from telecore.errors import RemoteProtocolError

MAX_BLOCK = 256 * 1024
"""Octets of a header block."""
MAX_BODY = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class EslMessage:
    """One message: a reply, an event, a notice. ``body`` as text, whatever bytes it was."""

    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def get(self, name: str) -> str:
        """A header's value, empty when it is not there."""
        return self.headers.get(name, "")

    @property
    def name(self) -> str:
        """The event's name, of a CUSTOM one its subclass."""
        name = self.get("Event-Name")
        return self.get("Event-Subclass") or name if name == "CUSTOM" else name


def read_text(data: bytes) -> str:
    """UTF-8, and U+FFFD for what is none: a caller's name may hold any byte."""
    return data.decode("utf-8", "replace")


def read_block(block: bytes, *, encoded: bool) -> dict[str, str]:
    """A header block. Lines end at LF and nowhere else, and only then are values decoded.

    In the other order, and with all that ``str.splitlines`` takes for a line's end, a caller's display name could forge
    headers. Of two headers with one name the first counts: FreeSWITCH writes its own before a channel's variables.
    """
    headers: dict[str, str] = {}
    for line in read_text(block).split("\n"):
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if colon and name and name not in headers:
            headers[name] = unquote(value, errors="replace") if encoded and "%" in value else value
    return headers


def content_length(headers: Mapping[str, str]) -> int:
    """How many octets follow the header block. Raises RemoteProtocolError when that is no sensible number."""
    text = headers.get("Content-Length", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) <= MAX_BODY):
        raise RemoteProtocolError(f"event socket: Content-Length {text[:20]!r}")
    return int(text)


def read_event(content_type: str, data: bytes) -> EslMessage:
    """The event within a message of type ``text/event-plain``, ``-json`` or ``-xml``.

    XML is kept as the body of an event without headers: we never ask for it, and it must not end the connection.
    Raises RemoteProtocolError.
    """
    if content_type == "text/event-json":
        return _read_json(data)
    if content_type != "text/event-plain":
        return EslMessage({}, read_text(data))
    block, _, rest = data.partition(b"\n\n")
    headers = read_block(block, encoded=True)
    length = content_length(headers)
    return EslMessage(headers, read_text(rest[:length]))


def _read_json(data: bytes) -> EslMessage:
    try:
        value = json.loads(read_text(data))
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError(f"event socket: JSON that cannot be read: {data[:40].hex()}") from error
    if not isinstance(value, dict):
        raise RemoteProtocolError("event socket: an event that is no JSON object")
    body = value.pop("_body", "")
    return EslMessage({name: _text(item) for name, item in value.items()}, _text(body))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
