"""Reading the requests that a gateway sends by itself (RFC 9112), sans-I/O and no further than webhooks need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from telecore.errors import RemoteProtocolError

HEAD_LIMIT = 8 * 1024
BODY_LIMIT = 256 * 1024
_CHUNK_LINE_LIMIT = 256
_METHODS = frozenset({"POST", "PUT", "GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """``headers`` by lower-case name, the last of a name counts. ``keep``: more may follow on this connection."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    keep: bool = False


@dataclass(frozen=True, slots=True)
class _Head:
    method: str
    target: str
    headers: Mapping[str, str]
    keep: bool

    @property
    def chunked(self) -> bool:
        return "chunked" in self.headers.get("transfer-encoding", "").lower()


class HttpRequestReader:
    """The requests of one connection. ``wants_continue``: the client waits for a 100 before it sends the body."""

    def __init__(self, *, body_limit: int = BODY_LIMIT) -> None:
        self._limit = body_limit
        self._buffer = bytearray()
        self._head: _Head | None = None
        self._length = 0
        self._chunks = bytearray()
        self._chunk_left: int | None = None
        self._asked = False

    @property
    def wants_continue(self) -> bool:
        """True once for each request that asks."""
        head, asked = self._head, self._asked
        self._asked = False
        return head is not None and asked

    def feed(self, data: bytes) -> None:
        """Raises RemoteProtocolError when more is held back than a request may be long."""
        self._buffer += data
        if len(self._buffer) > HEAD_LIMIT + self._limit + _CHUNK_LINE_LIMIT:
            raise RemoteProtocolError("more was sent than one request may be long")

    def next(self) -> HttpRequest | None:
        """The next whole request, or None until more comes.

        Raises RemoteProtocolError; of the connection nothing more can be understood then.
        """
        if self._head is None and not self._begin():
            return None
        head = self._head
        if head is None:
            return None
        body = self._read_chunks() if head.chunked else self._read_length()
        if body is None:
            return None
        self._head = None
        return HttpRequest(head.method, head.target, head.headers, body, head.keep)

    def _begin(self) -> bool:
        while self._buffer.startswith((b"\r", b"\n")):
            del self._buffer[:1]
        end, size = _blank_line(self._buffer)
        if end < 0:
            if len(self._buffer) > HEAD_LIMIT:
                raise RemoteProtocolError("the head of the request is too long")
            return False
        if end > HEAD_LIMIT:
            raise RemoteProtocolError("the head of the request is too long")
        head = _parse_head(bytes(self._buffer[:end]))
        del self._buffer[: end + size]
        self._head, self._chunks, self._chunk_left = head, bytearray(), None
        self._length = _length(head.headers, self._limit)
        self._asked = head.headers.get("expect", "").lower() == "100-continue"
        return True

    def _read_length(self) -> bytes | None:
        if len(self._buffer) < self._length:
            return None
        body = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        return body

    def _read_chunks(self) -> bytes | None:
        while True:
            if self._chunk_left is None:
                line = self._line()
                if line is None:
                    return None
                self._chunk_left = _chunk_size(line, self._limit - len(self._chunks))
            if self._chunk_left == 0:
                return self._trailer()
            if len(self._buffer) < self._chunk_left:
                return None
            self._chunks += self._buffer[: self._chunk_left]
            del self._buffer[: self._chunk_left]
            self._chunk_left = None
            if self._buffer[:2] == b"\r\n":
                del self._buffer[:2]
            elif self._buffer[:1] == b"\n":
                del self._buffer[:1]

    def _trailer(self) -> bytes | None:
        while (line := self._line()) is not None:
            if not line:
                return bytes(self._chunks)
        return None

    def _line(self) -> bytes | None:
        # The CRLF behind a chunk may come after its data: an empty line where a size is due is that.
        while True:
            end = self._buffer.find(b"\n")
            if end < 0:
                if len(self._buffer) > _CHUNK_LINE_LIMIT:
                    raise RemoteProtocolError("a line of a chunk is too long")
                return None
            line = bytes(self._buffer[:end]).strip()
            del self._buffer[: end + 1]
            if line or self._chunk_left == 0:
                return line


def response(status: int, reason: str, *, keep: bool = False) -> bytes:
    """An answer without a body; 100 is the one before the answer."""
    if status == 100:
        return b"HTTP/1.1 100 Continue\r\n\r\n"
    connection = "keep-alive" if keep else "close"
    return f"HTTP/1.1 {status} {reason}\r\nContent-Length: 0\r\nConnection: {connection}\r\n\r\n".encode("ascii")


def _blank_line(buffer: bytearray) -> tuple[int, int]:
    found = [(at, len(mark)) for mark in (b"\r\n\r\n", b"\n\n") if (at := buffer.find(mark)) >= 0]
    return min(found, default=(-1, 0))


def _parse_head(head: bytes) -> _Head:
    first, *rest = head.decode("latin-1").replace("\r\n", "\n").split("\n")
    words = first.split(" ")
    if len(words) != 3 or words[0] not in _METHODS or not words[2].startswith("HTTP/1."):
        raise RemoteProtocolError(f"not a request: {first[:40]!r}")
    headers = {}
    for line in rest:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise RemoteProtocolError(f"not a header: {line[:40]!r}")
        headers[name.lower()] = value.strip()
    connection = headers.get("connection", "").lower()
    keep = "keep-alive" in connection if words[2] == "HTTP/1.0" else "close" not in connection
    return _Head(words[0], words[1], headers, keep)


def _length(headers: Mapping[str, str], limit: int) -> int:
    if "transfer-encoding" in headers:
        if "content-length" in headers or "chunked" not in headers["transfer-encoding"].lower():
            raise RemoteProtocolError("the length of the body cannot be told")
        return 0
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > limit:
        raise RemoteProtocolError(f"a body of {text[:20]!r} octets is not taken")
    return int(text)


def _chunk_size(line: bytes, room: int) -> int:
    digits = line.partition(b";")[0].strip()
    if not digits or len(digits) > 8 or not all(char in b"0123456789abcdefABCDEF" for char in digits):
        raise RemoteProtocolError(f"not the size of a chunk: {line[:20].hex()}")
    size = int(digits, 16)
    if size > room:
        raise RemoteProtocolError("the body is too long")
    return size
