"""A SIP URI somebody wants called, as ``<Sip>`` and ``To`` write it: the URI itself, and the headers it asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from telecore.errors import InvalidTwiml

INVALID_URI, TOO_MANY_HEADERS, HEADER_NAME, HEADER_TOO_LONG = 13243, 13251, 13252, 13253
CALLER_CHARACTERS, CALLER_TOO_LONG = 13247, 13248
MAX_URI = 255
MAX_HEADERS = 32
MAX_HEADER_CHARS = 1024
ANYWHERE = "*"

_URI = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[A-Za-z0-9\-_.!~*'()&=+$,;?/%]+)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<params>(?:;[A-Za-z0-9\-.!%*_+`'~]+(?:=[A-Za-z0-9\-.!%*_+`'~\[\]:/]+)?)*)",
    re.IGNORECASE,
)
_HEADER = re.compile(r"x-[A-Za-z0-9\-.!%*_+`'~]{1,60}|user-to-user", re.IGNORECASE)
_CALLER = re.compile(r"[A-Za-z0-9+\-_.]+")
_MAX_CALLER = 64


@dataclass(frozen=True, slots=True)
class SipTarget:
    """``uri`` without headers; ``headers`` as they are to stand in the INVITE; ``caller``: the user part of its From.

    ``username`` and ``password`` answer a challenge, instead of the channel's own.
    """

    uri: str
    host: str
    headers: tuple[tuple[str, str], ...] = ()
    caller: str = ""
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def user(self) -> str:
        """The user part, unescaped."""
        before, at, _ = self.uri.partition(":")[2].rpartition("@")
        return unquote(before) if at else ""


def is_sip(text: str) -> bool:
    """Whether it means to be a SIP URI."""
    return text[:5].lower().startswith(("sip:", "sips:"))


def parse_sip_target(text: str) -> SipTarget:
    """``sip:user@host:port;transport=tls?X-name=value&…``. Raises InvalidTwiml with Twilio's code for what is wrong."""
    # A ? may stand in a user part, so the headers begin after the host only.
    at = text.rfind("@")
    mark = text.find("?", at + 1)
    uri, query = (text, "") if mark < 0 else (text[:mark], text[mark + 1 :])
    found = _URI.fullmatch(uri)
    if found is None or len(uri) > MAX_URI or not 0 < int(found["port"] or 5060) < 65536:
        raise InvalidTwiml(f"{text[:100]!r} is not a SIP URI", code=INVALID_URI)
    return SipTarget(uri, found["host"].strip("[]").lower(), _headers(query))


def _headers(query: str) -> tuple[tuple[str, str], ...]:
    pieces = [piece for piece in query.split("&") if piece]
    if len(pieces) > MAX_HEADERS:
        raise InvalidTwiml(f"A SIP URI may ask for {MAX_HEADERS} headers at most", code=TOO_MANY_HEADERS)
    headers = []
    for piece in pieces:
        name, _, value = piece.partition("=")
        name, value = unquote(name), unquote(value.replace("+", " "))
        if not _HEADER.fullmatch(name):
            raise InvalidTwiml(f"{name[:60]!r}: only X- headers and User-to-User may be sent", code=HEADER_NAME)
        if any(not char.isprintable() for char in value):
            raise InvalidTwiml(f"The value of {name} may have no control characters", code=HEADER_NAME)
        headers.append((name, value))
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_CHARS:
        raise InvalidTwiml(f"Headers of a SIP URI may have {MAX_HEADER_CHARS} characters", code=HEADER_TOO_LONG)
    return tuple(headers)


def check_sip_caller(caller: str) -> None:
    """Whether it may be the user part of From. Raises InvalidTwiml 13247, 13248."""
    if len(caller) > _MAX_CALLER:
        raise InvalidTwiml(f"callerId has more than {_MAX_CALLER} characters", code=CALLER_TOO_LONG)
    if caller and not _CALLER.fullmatch(caller):
        raise InvalidTwiml("callerId of a SIP call may have letters, digits, + - _ and .", code=CALLER_CHARACTERS)


def reaches(domains: Iterable[str], host: str) -> bool:
    """Whether a channel that takes these domains takes this host: itself, one under ``*.domain``, or anything."""
    for domain in domains:
        if domain == ANYWHERE or host == domain.lower():
            return True
        if domain.startswith("*.") and host.endswith(domain[1:].lower()):
            return True
    return False
