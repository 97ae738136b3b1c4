"""SIP messages as gateways really send them: a lenient parser and a strict builder (RFC 3261 §7, §20)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.uri import NameAddr, Params, parse_name_addr, parse_params, split_outside, usable_port
from edge_agent.drivers.sip.uri import write_params as write_uri_params
from telecore.errors import RemoteProtocolError

NOBODY = Hop("", 0)
MAX_MESSAGE = 65_535
_MAX_LINES = 400

COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported",
    "l": "content-length", "m": "contact", "o": "event", "r": "refer-to", "s": "subject", "t": "to",
    "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}  # fmt: skip
"""RFC 3261 §7.3.3 and the RFCs after it."""
_SPELLED = {
    "call-id": "Call-ID", "cseq": "CSeq", "www-authenticate": "WWW-Authenticate", "rack": "RAck", "rseq": "RSeq",
    "min-se": "Min-SE",
}  # fmt: skip

REASONS = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 183: "Session Progress", 200: "OK", 202: "Accepted",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone", 413: "Request Entity Too Large",
    415: "Unsupported Media Type", 420: "Bad Extension", 421: "Extension Required",
    422: "Session Interval Too Small", 423: "Interval Too Brief", 480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 484: "Address Incomplete", 486: "Busy Here",
    487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending",
    500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Server Time-out", 600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere",
}  # fmt: skip

_END_OF_HEAD = re.compile(rb"\r?\n[ \t]*\r?\n|\r?\n\r?$")
_STATUS_LINE = re.compile(r"SIP/2\.0\s+([1-6][0-9]{2})(?:\s+(.*))?\s*", re.IGNORECASE)
_REQUEST_LINE = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]{1,32})\s+(\S.*\S|\S)\s+SIP/2\.0\s*", re.IGNORECASE)
_CSEQ = re.compile(r"\s*([0-9]{1,10})\s+([A-Za-z0-9\-.!%*_+`'~]{1,32})\s*")
_VIA = re.compile(
    r"\s*SIP\s*/\s*2\.0\s*/\s*([A-Za-z0-9]+)\s+(\[[0-9A-Fa-f:.%]+\]|[^\s:;,]+)\s*(?::\s*([0-9]{1,10}))?\s*(.*)",
    re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Via:
    """One Via. ``port`` None: none was given, or none that a datagram could go to (99999)."""

    transport: str
    host: str
    port: int | None
    params: Params
    text: str

    @property
    def branch(self) -> str:
        return self.params.get("branch") or ""


@dataclass(frozen=True, slots=True)
class CSeq:
    number: int
    method: str

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


class Headers:
    """Headers in their order, found by name in any spelling; names are kept as ``call-id``."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items = [(_canonical(name), value) for name, value in items]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._items)

    def get(self, name: str) -> str | None:
        return next((value for key, value in self._items if key == name), None)

    def all(self, name: str) -> list[str]:
        """Each header's value, not split at commas."""
        return [value for key, value in self._items if key == name]

    def listed(self, name: str) -> list[str]:
        """The values of a list header: of all its lines, split at commas."""
        return [piece for value in self.all(name) for piece in split_outside(value, ",")]

    def tokens(self, name: str) -> frozenset[str]:
        """As ``listed``, in lower case: Supported, Require, Allow, …"""
        return frozenset(token.lower() for token in self.listed(name))

    def with_(self, *items: tuple[str, str]) -> Headers:
        """These in place of what there was under their names; a first Via stays first."""
        names = {_canonical(name) for name, _ in items}
        merged = Headers()
        merged._items = [pair for pair in self._items if pair[0] not in names]
        merged._items.extend((_canonical(name), value) for name, value in items)
        return merged

    def first(self, name: str, value: str) -> Headers:
        """One more of these, above all others."""
        merged = Headers()
        merged._items = [(_canonical(name), value), *self._items]
        return merged


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every message must have: the top Via, both parties, Call-ID and CSeq."""

    via: Via
    sender: NameAddr
    recipient: NameAddr
    call_id: str
    cseq: CSeq


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    uri: str
    headers: Headers
    body: bytes = field(default=b"", repr=False)

    def __bytes__(self) -> bytes:
        return _write(f"{self.method} {self.uri} SIP/2.0", self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    reason: str
    headers: Headers
    body: bytes = field(default=b"", repr=False)

    def __bytes__(self) -> bytes:
        return _write(f"SIP/2.0 {self.status} {self.reason}", self.headers, self.body)


Message = Request | Response


class BadRequest(RemoteProtocolError):
    """A request that cannot be served, of which enough could be read to say so with a 400."""

    def __init__(self, why: str, request: Request) -> None:
        super().__init__(why)
        self.request = request


@dataclass(frozen=True, slots=True)
class Received:
    """A message that can be worked with. ``hop``: who sent it."""

    message: Message
    envelope: Envelope
    hop: Hop = NOBODY


def parse(data: bytes, hop: Hop = NOBODY) -> Received:
    """One datagram, or one message cut from a stream. Raises RemoteProtocolError, BadRequest where a 400 can be said.

    Taken as well: lines that end in LF, folding, compact names, blanks before the colon, lines without one (left
    out), octets that are no UTF-8 (they go back as they came), a Content-Length with blanks or none at all.
    """
    if len(data) > MAX_MESSAGE:
        raise RemoteProtocolError(f"{len(data)} octets are too long for a message")
    data = data.lstrip(b"\r\n \t\0")
    found = _END_OF_HEAD.search(data)
    head, body = (data[: found.start()], data[found.end() :]) if found else (data, b"")
    start, headers = parse_head(head)
    cut = _cut_body(headers, body)
    message = _start_line(start, headers, cut or b"")
    try:
        envelope = parse_envelope(message, whole=cut is not None)
    except RemoteProtocolError as error:
        if isinstance(message, Request) and message.method != "ACK" and headers.get("via"):
            raise BadRequest(str(error), message) from error
        raise
    return Received(message, envelope, hop)


def parse_head(head: bytes) -> tuple[str, Headers]:
    """The start line and the headers."""
    lines = _unfold(head.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n"))
    if not lines:
        raise RemoteProtocolError("an empty message")
    if len(lines) > _MAX_LINES:
        raise RemoteProtocolError(f"{len(lines)} header lines")
    pairs = (line.partition(":") for line in lines[1:])
    return lines[0], Headers((name, value.strip()) for name, colon, value in pairs if colon and name.strip())


def parse_envelope(message: Message, *, whole: bool = True) -> Envelope:
    """Raises RemoteProtocolError for what is missing; not ``whole``: the body is cut off (§18.3)."""
    headers = message.headers
    if not whole:
        raise RemoteProtocolError("the body is shorter than Content-Length says")
    vias = headers.listed("via")
    call_id = (headers.get("call-id") or "").strip()
    if not vias or not call_id:
        raise RemoteProtocolError("no Via" if not vias else "no Call-ID")
    cseq = _CSEQ.fullmatch(headers.get("cseq") or "")
    if cseq is None or int(cseq[1]) >= 1 << 32:
        raise RemoteProtocolError("no CSeq that can be read")
    number, method = int(cseq[1]), cseq[2].upper()
    if isinstance(message, Request) and method != message.method:
        raise RemoteProtocolError(f"CSeq says {method}, the request line {message.method}")
    sender, recipient = headers.get("from"), headers.get("to")
    if not sender or not recipient:
        raise RemoteProtocolError("no From" if not sender else "no To")
    return Envelope(
        parse_via(vias[0]), parse_name_addr(sender), parse_name_addr(recipient), call_id, CSeq(number, method)
    )


def parse_via(text: str) -> Via:
    found = _VIA.match(text)
    if found is None:
        raise RemoteProtocolError(f"no Via: {text[:60]!r}")
    port = int(found[3]) if found[3] else None
    params = parse_params(found[4].partition(";")[2])
    return Via(found[1].upper(), found[2].strip("[]"), usable_port(port), params, text.strip())


def mark_via(via: Via, address: str, port: int) -> str:
    """The Via with ``received``, and ``rport`` filled in where it was asked for (RFC 3581 §4)."""
    params = dict(via.params)
    if via.host != address or "rport" in params:
        params["received"] = address
    if "rport" in params:
        params["rport"] = str(port)
    head = via.text.partition(";")[0]
    return head + write_uri_params(params)


def integer(text: str | None, most: int = 1 << 31) -> int | None:
    """A number at the start of a header's value (``3600;refresher=uas``), None where there is none."""
    found = re.match(r"\s*([0-9]{1,10})", text or "")
    return min(int(found[1]), most) if found else None


def response_to(request: Request, status: int, *headers: tuple[str, str], tag: str = "", body: bytes = b"") -> Response:
    """A response with what must be copied into it (RFC 3261 §8.2.6.2), Record-Route too (§12.1.1)."""
    to = request.headers.get("to") or ""
    if tag and status > 100:
        try:
            has_tag = bool(parse_name_addr(to).tag)
        except RemoteProtocolError:
            has_tag = True
        to = to if has_tag else f"{to};tag={tag}"
    copied = [("via", value) for value in request.headers.all("via")]
    if 100 < status < 300:
        copied += [("record-route", value) for value in request.headers.all("record-route")]
    copied += [("from", request.headers.get("from") or ""), ("to", to)]
    copied += [(name, value) for name in ("call-id", "cseq") if (value := request.headers.get(name)) is not None]
    return Response(status, REASONS.get(status, "Unknown"), Headers([*copied, *headers]), body)


def _canonical(name: str) -> str:
    name = name.strip().lower()
    return COMPACT.get(name, name)


def _spelled(name: str) -> str:
    return _SPELLED.get(name) or "-".join(part.capitalize() for part in name.split("-"))


def _unfold(lines: list[str]) -> list[str]:
    unfolded: list[str] = []
    for line in (line.rstrip("\r\0") for line in lines):
        if line[:1] in (" ", "\t") and unfolded:
            unfolded[-1] += " " + line.strip()
        elif line.strip():
            unfolded.append(line)
    return unfolded


def _start_line(line: str, headers: Headers, body: bytes) -> Message:
    if found := _STATUS_LINE.fullmatch(line):
        return Response(int(found[1]), (found[2] or "").strip(), headers, body)
    if found := _REQUEST_LINE.fullmatch(line):
        return Request(found[1].upper(), found[2], headers, body)
    raise RemoteProtocolError(f"no start line of SIP: {line[:60]!r}")


def _cut_body(headers: Headers, body: bytes) -> bytes | None:
    """The body; None when it is shorter than it says. A length that cannot be read counts as none."""
    text = (headers.get("content-length") or "").strip()
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        return body
    length = int(text)
    return body[:length] if length <= len(body) else None


def _write(start: str, headers: Headers, body: bytes) -> bytes:
    lines = [start]
    lines += [f"{_spelled(name)}: {value}" for name, value in headers if name != "content-length"]
    lines.append(f"Content-Length: {len(body)}")
    # A line break that got into a value would begin a header of somebody else's choice.
    text = "\r\n".join(line.replace("\r", " ").replace("\n", " ") for line in lines)
    return text.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body
