"""SIP messages as a box reads and writes them (RFC 3261 §7): lenient inwards, in the box's own spelling outwards."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

VERSION = "SIP/2.0"
LONG_NAMES = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "c": "content-type", "l": "content-length",
    "k": "supported", "s": "subject", "e": "content-encoding", "u": "allow-events", "o": "event",
}  # fmt: skip
LISTS = frozenset({"via", "route", "record-route", "contact"})
NEEDED = ("via", "from", "to", "call-id", "cseq")
START = re.compile(r"SIP/2\.0[ \t]+(\d{3})[ \t]*(.*)|([A-Z]+)[ \t]+(\S.*?)[ \t]+SIP/2\.0[ \t]*")
PARAMETER = re.compile(r';\s*([\w.!%*+`\'~-]+)\s*(?:=\s*("[^"]*"|[^;\s]*))?')
Address = tuple[str, int]


class SipSyntaxError(ValueError):
    """The octets are no SIP message; the text says why."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request, or with `status` a response. Names of headers are in lower case when it was read."""

    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    method: str = ""
    uri: str = ""
    status: int = 0
    reason: str = ""

    def get(self, name: str) -> str:
        """The first value of a header, or an empty string."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def all(self, name: str) -> list[str]:
        """All values; those with commas between them are taken apart."""
        values = [value for key, value in self.headers if key.lower() == name]
        return [part for value in values for part in split_list(value)] if name in LISTS else values

    @property
    def cseq(self) -> tuple[int, str]:
        """Number and method."""
        number, _, method = self.get("cseq").partition(" ")
        return (int(number) if number.isascii() and number.isdigit() else 0, method.strip().upper())

    @property
    def call_id(self) -> str:
        """It names the dialog, with both tags."""
        return self.get("call-id")

    @property
    def branch(self) -> str:
        """Of the topmost Via."""
        return parameter(self.get("via"), "branch")


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a box writes: `padded`: Content-Length filled with spaces to four digits; `bare_lf`: no CR in the head."""

    padded: bool = False
    bare_lf: bool = False


@dataclass(frozen=True, slots=True)
class NameAddress:
    """`"Name" <uri>;tag=…` (RFC 3261 §25.1)."""

    uri: str
    name: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Uri:
    """`sip:user@host:port;parameters`; `host` is empty in a tel: URI."""

    user: str
    host: str
    port: int | None
    parameters: str = field(default="")


def parse(data: bytes) -> Message:
    """A datagram. Raises SipSyntaxError."""
    head, gap, body = _divided(data)
    lines = _unfolded(head.decode("utf-8", errors="replace"))
    match = START.fullmatch(lines[0]) if lines else None
    if match is None or not gap:
        raise SipSyntaxError("neither a request nor a response")
    headers: list[tuple[str, str]] = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            key = name.strip().lower()
            headers.append((LONG_NAMES.get(key, key), value.strip()))
    message = Message(
        tuple(headers),
        method=match[3] or "",
        uri=match[4] or "",
        status=int(match[1] or 0),
        reason=match[2] or "",
    )
    missing = [name for name in NEEDED if not message.get(name)]
    if missing:
        raise SipSyntaxError(f"there is no {missing[0]}")
    length = message.get("content-length")
    size = int(length) if length.isascii() and length.isdigit() and len(length) < 6 else len(body)
    return Message(message.headers, body[:size], message.method, message.uri, message.status, message.reason)


def render(message: Message, spelling: Spelling) -> bytes:
    """What goes on the wire; Content-Length is added."""
    start = (
        f"{VERSION} {message.status} {message.reason}"
        if message.status
        else f"{message.method} {message.uri} {VERSION}"
    )
    length = f"{len(message.body):>4}" if spelling.padded else f"{len(message.body)}"
    lines = [start, *(f"{name}: {value}" for name, value in message.headers), f"Content-Length: {length}", "", ""]
    return ("\n" if spelling.bare_lf else "\r\n").join(lines).encode("utf-8", errors="replace") + message.body


def _divided(data: bytes) -> tuple[bytes, bytes, bytes]:
    data = data.lstrip(b"\r\n")
    match = re.search(rb"\r?\n\r?\n", data)
    return (data[: match.start()], match[0], data[match.end() :]) if match else (data, b"", b"")


def _unfolded(head: str) -> list[str]:
    return re.sub(r"\r?\n[ \t]+", " ", head).replace("\r", "").split("\n")


def split_list(value: str) -> list[str]:
    """Parts between commas that stand outside quotes and angle brackets."""
    parts, quoted, angle, start = [], False, False, 0
    for at, char in enumerate(value):
        if char == '"' and (at == 0 or value[at - 1] != "\\"):
            quoted = not quoted
        elif not quoted and char in "<>":
            angle = char == "<"
        elif char == "," and not quoted and not angle:
            parts.append(value[start:at].strip())
            start = at + 1
    return [part for part in [*parts, value[start:].strip()] if part]


def parameter(value: str, name: str) -> str:
    """A parameter after the address, without its quotes; empty when absent or without a value."""
    tail = value.rpartition(">")[2]
    for key, given in PARAMETER.findall(tail):
        if key.lower() == name:
            return str(given).strip('"')
    return ""


def read_address(value: str) -> NameAddress:
    """A From, To or Contact."""
    match = re.fullmatch(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^<"]*))\s*<([^>]*)>(.*)', value, re.DOTALL)
    if match:
        return NameAddress(match[3].strip(), (match[1] or match[2] or "").strip(), parameter(value, "tag"))
    return NameAddress(value.split(";", maxsplit=1)[0].strip(), "", parameter(value, "tag"))


def read_uri(text: str) -> Uri:
    """A sip: or tel: URI; what is none gives empty fields."""
    scheme, _, rest = text.strip().strip("<>").partition(":")
    if scheme.lower() not in ("sip", "sips"):
        return Uri(rest.split(";")[0], "", None)
    user, at, tail = rest.partition("@")
    host, _, parameters = (tail if at else rest).partition(";")
    name, _, port = host.partition(":")
    number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else None
    return Uri(user.split(":")[0].split(";")[0] if at else "", name, number, parameters)
