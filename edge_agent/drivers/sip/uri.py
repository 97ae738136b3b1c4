"""SIP and tel URIs, and the name-addr form around them (RFC 3261 §19.1, §20.10; RFC 3966)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from telecore.errors import RemoteProtocolError

Params = Mapping[str, str | None]

_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.\-]*):(.*)", re.DOTALL)
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^:;?\s]*)\s*(?::\s*([0-9]{1,10}))?\s*")
_SAFE_USER = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()&=+$,;?/")
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~:\[\]]*")
"""With what hosts and ports need: ``received``, ``maddr``."""


@dataclass(frozen=True, slots=True)
class Uri:
    """``sip:user@host:port;params``. ``user`` is unescaped; ``port`` None: not given, or not one that can be sent to.

    A ``tel:`` URI has its number as ``user`` and no host. ``text``: as it came, which is what is sent back.
    """

    scheme: str
    user: str
    host: str
    port: int | None = None
    params: Params = field(default_factory=dict)
    text: str = ""

    def __str__(self) -> str:
        return self.text or write_uri(self)


@dataclass(frozen=True, slots=True)
class NameAddr:
    """What stands in From, To, Contact, Route and their like: a name, a URI, and the header's own parameters."""

    uri: Uri
    name: str = ""
    params: Params = field(default_factory=dict)

    @property
    def tag(self) -> str:
        return self.params.get("tag") or ""

    def tagged(self, tag: str) -> NameAddr:
        return replace(self, params={**self.params, "tag": tag})

    def __str__(self) -> str:
        name = f'"{_quoted(self.name)}" ' if self.name else ""
        return f"{name}<{self.uri}>{write_params(self.params)}"


def parse_uri(text: str) -> Uri:
    """Lenient: a user part may have anything in it, ``#`` too. Raises RemoteProtocolError when there is no scheme."""
    found = _SCHEME.match(text)
    if found is None:
        raise RemoteProtocolError(f"no URI: {text[:60]!r}")
    scheme, rest = found[1].lower(), found[2].strip()
    if scheme == "tel":
        number, _, params = rest.partition(";")
        return Uri("tel", unescape(number), "", None, parse_params(params), text.strip())
    # An unescaped @ belongs to the user: what follows the last one before the headers is the host.
    user, at, place = rest.rpartition("@")
    if not at:
        user, place = "", rest
    user = user.split(":", 1)[0] if not user.startswith(":") else user
    place, _, _ = place.partition("?")
    host = _HOST_PORT.match(place)
    assert host is not None  # every part of it is optional
    port = int(host[2]) if host[2] else None
    params = place[host.end() :].partition(";")[2]
    return Uri(
        scheme, unescape(user), host[1].strip("[]").lower(), usable_port(port), parse_params(params), text.strip()
    )


def usable_port(port: int | None) -> int | None:
    """The port if a datagram can go there, else None."""
    return port if port is not None and 0 < port < 65536 else None


def sip_uri(user: str, host: str, port: int | None = None, **params: str | None) -> Uri:
    """A URI of ours, escaped where it must be."""
    return Uri("sip", user, host, port, params)


def write_uri(uri: Uri) -> str:
    if uri.scheme == "tel":
        return f"tel:{escape(uri.user)}{write_params(uri.params)}"
    host = f"[{uri.host}]" if ":" in uri.host else uri.host
    user = f"{escape(uri.user)}@" if uri.user else ""
    port = f":{uri.port}" if uri.port is not None else ""
    return f"{uri.scheme}:{user}{host}{port}{write_params(uri.params)}"


def parse_name_addr(text: str) -> NameAddr:
    """``"name" <uri>;p``, ``name <uri>``, ``<uri>`` or a bare ``uri;p``, whose parameters are the header's (§20)."""
    text = text.strip()
    name = ""
    if text.startswith('"'):
        end = _end_of_quoted(text)
        name, text = _unquoted(text[1:end]), text[end + 1 :].strip()
    if "<" in text:
        before, _, after = text.partition("<")
        inner, _, rest = after.partition(">")
        return NameAddr(parse_uri(inner), name or before.strip(), parse_params(rest.partition(";")[2]))
    bare, _, params = text.partition(";")
    return NameAddr(parse_uri(bare), name, parse_params(params))


def parse_params(text: str) -> dict[str, str | None]:
    """``a=1;b;c="x;y"`` → names in lower case. The first of two equal names counts."""
    params: dict[str, str | None] = {}
    for part in split_outside(text, ";"):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if name and name not in params:
            params[name] = unquote(value.strip()) if equals else None
    return params


def write_params(params: Params) -> str:
    return "".join(
        f";{name}"
        if value is None
        else f";{name}={value}"
        if _TOKEN.fullmatch(value)
        else f';{name}="{_quoted(value)}"'
        for name, value in params.items()
    )


def split_outside(text: str, separator: str) -> Iterator[str]:
    """Split at a separator that stands neither in quotes nor in ``<>``; empty pieces are left out."""
    if '"' not in text and "<" not in text:
        yield from (piece for part in text.split(separator) if (piece := part.strip()))
        return
    start, quoted, angled, escaped = 0, False, False, False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted:
            escaped, quoted = char == "\\", char != '"'
        elif char == '"':
            quoted = True
        elif char in "<>":
            angled = char == "<"
        elif char == separator and not angled:
            if piece := text[start:at].strip():
                yield piece
            start = at + 1
    if piece := text[start:].strip():
        yield piece


def unquote(text: str) -> str:
    """A quoted-string without its quotes; anything else as it is."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return _unquoted(text[1:-1])
    return text


def escape(user: str) -> str:
    """RFC 3261 §19.1.2: what may not stand in a user part as %XX of its UTF-8."""
    return "".join(
        char if char in _SAFE_USER else "".join(f"%{octet:02X}" for octet in char.encode("utf-8", "surrogateescape"))
        for char in user
    )


def unescape(text: str) -> str:
    if "%" not in text:
        return text
    octets = re.sub(
        rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), text.encode("utf-8", "surrogateescape")
    )
    return octets.decode("utf-8", "surrogateescape")


def shown(text: str) -> str:
    """A name as people can read it: octets that are no UTF-8 are taken for Latin-1, control characters go."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = text.encode("utf-8", "surrogateescape").decode("latin-1")
    return "".join(char for char in text if char.isprintable()).strip()


def _end_of_quoted(text: str) -> int:
    """Index of the quote that closes the one at 0; the last character when none does."""
    at = 1
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == '"':
            return at
        at += 1
    return len(text)


def _quoted(text: str) -> str:
    plain = "".join(char for char in text if char.isprintable() or "\udc80" <= char <= "\udcff")
    return plain.replace("\\", "\\\\").replace('"', '\\"')


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
