"""Session descriptions, read leniently and written strictly (RFC 4566, RFC 3551, RFC 4568)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_agent.drivers.sip.hop import numeric
from edge_agent.drivers.sip.settings import PTIMES_MS
from telecore.audio.frames import Encoding
from telecore.errors import RemoteProtocolError

STATIC = {0: "PCMU/8000", 3: "GSM/8000", 8: "PCMA/8000", 9: "G722/8000", 13: "CN/8000", 18: "G729/8000"}
PAYLOAD_TYPES = {Encoding.PCMU: 0, Encoding.PCMA: 8}
_MAX = 16_384
_MEDIA = re.compile(r"(\S+)\s+([0-9]{1,6})(?:/[0-9]+)?\s+(\S+)\s*(.*)")
_LINE_ENDS = re.compile(r"\r?\n|\r")
DIRECTIONS = {
    "sendrecv": (True, True),
    "sendonly": (True, False),
    "recvonly": (False, True),
    "inactive": (False, False),
}
"""Attribute → whether who writes it sends and receives."""


@dataclass(frozen=True, slots=True)
class Crypto:
    """``a=crypto``: ``key`` is master key and salt together."""

    tag: int
    suite: str
    key: bytes


@dataclass(frozen=True, slots=True)
class MediaLine:
    """One m= section with the session's defaults filled in. ``codecs``: payload type → ``PCMA/8000``."""

    kind: str
    port: int
    profile: str
    formats: tuple[str, ...]
    address: str
    direction: str = "sendrecv"
    codecs: tuple[tuple[int, str], ...] = ()
    ptime_ms: int | None = None
    most_ptime_ms: int | None = None
    rtcp_port: int | None = None
    crypto: tuple[Crypto, ...] = ()
    proprietary: bool = False

    @property
    def secure(self) -> bool:
        return "SAVP" in self.profile.upper()

    @property
    def held(self) -> bool:
        """RFC 2543's way of putting somebody on hold."""
        return self.address in ("0.0.0.0", "::", "")  # noqa: S104

    def codec(self, encoding: Encoding) -> int | None:
        """The payload type it has here."""
        wanted = f"{encoding.value}/8000"
        return next((number for number, name in self.codecs if name in (wanted, wanted + "/1")), None)

    @property
    def dtmf(self) -> int | None:
        return next((number for number, name in self.codecs if name.startswith("TELEPHONE-EVENT/8000")), None)


def parse_sdp(body: bytes) -> tuple[MediaLine, ...]:
    """Its media in their order. Raises RemoteProtocolError when it has none or is too long."""
    if len(body) > _MAX:
        raise RemoteProtocolError(f"an SDP of {len(body)} octets")
    sections: list[list[str]] = [[]]
    for line in _LINE_ENDS.split(body.decode("utf-8", "replace")):
        if line.startswith("m="):
            sections.append([])
        sections[-1].append(line.strip())
    if not 1 < len(sections) <= 32:
        raise RemoteProtocolError("an SDP without media" if len(sections) == 1 else "an SDP with too many media")
    return tuple(_media(section, sections[0]) for section in sections[1:])


def _media(section: list[str], session: list[str]) -> MediaLine:
    found = _MEDIA.match(section[0][2:])
    if found is None:
        raise RemoteProtocolError(f"no m= line: {section[0][:60]!r}")
    attributes = [_attribute(line) for line in (*session, *section) if line.startswith("a=")]
    own = [_attribute(line) for line in section if line.startswith("a=")]
    formats = tuple(found[4].split())
    port = int(found[2])
    return MediaLine(
        found[1].lower(),
        port if port < 65536 else 0,
        found[3],
        formats,
        _connection(section) or _connection(session) or "",
        next((name for name, _ in reversed(attributes) if name in DIRECTIONS), "sendrecv"),
        _codecs(formats, own),
        _number(own, "ptime"),
        _number(own, "maxptime"),
        _number(own, "rtcp"),
        tuple(crypto for name, value in own if name == "crypto" and (crypto := _crypto(value))),
        any(name == "x-acrypt" for name, _ in attributes),
    )


def _attribute(line: str) -> tuple[str, str]:
    name, _, value = line[2:].partition(":")
    return name.strip().lower(), value.strip()


def _connection(lines: list[str]) -> str | None:
    for line in lines:
        parts = line[2:].split()
        if line.startswith("c=") and len(parts) >= 3:
            address = parts[2].partition("/")[0]
            return address if numeric(address) else None
    return None


def _codecs(formats: tuple[str, ...], attributes: list[tuple[str, str]]) -> tuple[tuple[int, str], ...]:
    mapped = dict(STATIC)
    named: dict[int, str] = {}
    for name, value in attributes:
        number, _, codec = value.partition(" ")
        if name == "rtpmap" and number.isascii() and number.isdecimal() and len(number) < 4:
            named[int(number)] = codec.strip().upper()
    mapped.update(named)
    numbers = [int(text) for text in formats if text.isascii() and text.isdecimal() and len(text) < 4]
    # Boxes that offer 101 without an rtpmap mean what everybody means by it.
    mapped.setdefault(101, "TELEPHONE-EVENT/8000")
    return tuple((number, mapped[number]) for number in numbers if number in mapped and number < 128)


def _number(attributes: list[tuple[str, str]], wanted: str) -> int | None:
    for name, value in attributes:
        found = re.match(r"([0-9]{1,5})", value)
        if name == wanted and found:
            return int(found[1])
    return None


def _crypto(value: str) -> Crypto | None:
    parts = value.split()
    if len(parts) < 3 or not (parts[0].isascii() and parts[0].isdecimal()) or len(parts[0]) > 9:
        return None
    key = read_key(parts[2])
    return Crypto(int(parts[0]), parts[1], key) if key is not None else None


def read_key(text: str) -> bytes | None:
    """``inline:<base64>|lifetime|…`` → master key and salt; None when it cannot be used (an MKI, a wrong length)."""
    import base64
    import binascii

    method, _, rest = text.partition(":")
    encoded, *extras = rest.split("|")
    if method.lower() != "inline" or any(":" in extra for extra in extras):
        return None
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == 30 else None


def packet_ms(media: MediaLine, wanted: int) -> int:
    """How much sound goes into a packet to them: what they ask for, of 20, 30, 40 and 60 ms."""
    asked = media.ptime_ms or wanted
    most = media.most_ptime_ms or 60
    fitting = [size for size in PTIMES_MS if size <= most] or [20]
    return min(fitting, key=lambda size: (abs(size - asked), size))


@dataclass(frozen=True, slots=True)
class Written:
    """What a description of ours says. ``rejected``: the other m= lines of the offer, answered with port 0.

    ``at``: which of the offer's m= lines ours answers.
    """

    session: int
    version: int
    address: str
    port: int
    codecs: tuple[tuple[int, str], ...]
    ptime_ms: int = 20
    direction: str = "sendrecv"
    profile: str = "RTP/AVP"
    crypto: Crypto | None = None
    rejected: tuple[MediaLine, ...] = ()
    at: int = 0


def write_sdp(what: Written) -> bytes:
    family = "IP6" if ":" in what.address else "IP4"
    lines = ["v=0", f"o=- {what.session} {what.version} IN {family} {what.address}", "s=-"]
    lines += [f"c=IN {family} {what.address}", "t=0 0"]
    sections = [[f"m={other.kind} 0 {other.profile} {' '.join(other.formats) or '0'}"] for other in what.rejected]
    sections.insert(what.at, _our_media(what))
    return ("\r\n".join([*lines, *(line for section in sections for line in section)]) + "\r\n").encode()


def _our_media(what: Written) -> list[str]:
    import base64

    numbers = " ".join(str(number) for number, _ in what.codecs)
    lines = [f"m=audio {what.port} {what.profile} {numbers}"]
    lines += [f"a=rtpmap:{number} {name}" for number, name in what.codecs]
    lines += [f"a=fmtp:{number} 0-15" for number, name in what.codecs if name.startswith("telephone-event")]
    if what.crypto is not None:
        key = base64.b64encode(what.crypto.key).decode()
        lines.append(f"a=crypto:{what.crypto.tag} {what.crypto.suite} inline:{key}")
    return [*lines, f"a=ptime:{what.ptime_ms}", f"a={what.direction}"]
