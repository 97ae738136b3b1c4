"""Messages cut from a stream by Content-Length (RFC 3261 §18.3). No socket."""

from __future__ import annotations

import re

from edge_agent.drivers.sip.message import MAX_MESSAGE
from telecore.errors import RemoteProtocolError

_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*([0-9]{1,9})[ \t]*\r?$")


class Framing:
    """Bytes in, messages out; what is between them (keep-alives, RFC 5626 §3.5.1) comes out as ``CRLFCRLF`` counts."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.pings = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are complete now. Raises RemoteProtocolError for one that is too long or has no length."""
        self._buffer += data
        messages: list[bytes] = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _next(self) -> bytes | None:
        blank = len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))
        if blank:
            self.pings += self._buffer[:blank].count(b"\r\n\r\n")
            del self._buffer[:blank]
        end = _END.search(self._buffer)
        if end is None:
            if len(self._buffer) > MAX_MESSAGE:
                raise RemoteProtocolError("a head without an end")
            return None
        found = _LENGTH.search(self._buffer, 0, end.end())
        if found is None:
            raise RemoteProtocolError("no Content-Length in a stream")
        total = end.end() + int(found[1])
        if total > MAX_MESSAGE:
            raise RemoteProtocolError(f"a message of {total} octets")
        if len(self._buffer) < total:
            return None
        message = bytes(self._buffer[:total])
        del self._buffer[:total]
        return message
