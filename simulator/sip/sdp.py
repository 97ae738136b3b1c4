"""Session descriptions with one audio stream (RFC 4566, RFC 3264)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telecore.audio.frames import Encoding

STATIC = {0: "PCMU/8000", 8: "PCMA/8000", 18: "G729/8000", 4: "G723/8000", 13: "CN/8000"}
PAYLOADS = {"PCMU": 0, "PCMA": 8}
ANSWERS = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
TYPE = "application/sdp"


class SdpError(ValueError):
    """No description, or none that a box can use; the text says why."""


@dataclass(frozen=True, slots=True)
class Description:
    """`formats`: payload types in order of preference. `version`: of the o= line. `ptime`: ms, or None."""

    address: str
    port: int
    formats: tuple[int, ...]
    names: dict[int, str]
    direction: str = "sendrecv"
    ptime: int | None = None
    version: str = ""
    profile: str = "RTP/AVP"

    def payload(self, name: str) -> int | None:
        """The payload type of an encoding, as `PCMA` or `telephone-event`."""
        for number in self.formats:
            if self.names.get(number, STATIC.get(number, "")).lower() == f"{name}/8000".lower():
                return number
        return None

    @property
    def held(self) -> bool:
        """Whether this end does not want to hear: hold in any of its spellings."""
        return self.direction in ("sendonly", "inactive") or self.address == "0.0.0.0"


@dataclass(frozen=True, slots=True)
class Agreement:
    """What an offer and its answer came to; `dtmf` is the payload type of telephone-event."""

    address: str
    port: int
    encoding: Encoding
    dtmf: int | None
    ptime_ms: int
    send: bool
    receive: bool


def parse(body: bytes) -> Description:
    """Raises SdpError."""
    session: dict[str, str] = {}
    media: dict[str, str] = {}
    names: dict[int, str] = {}
    line_of = ""
    here = session
    for line in body.decode("utf-8", errors="replace").replace("\r", "").split("\n"):
        kind, equals, value = line.partition("=")
        if not equals:
            continue
        if kind == "m":
            if line_of:
                break  # a second stream is no business of a gateway's
            line_of, here = value, media
        elif kind == "a":
            _attribute(value, here, names)
        else:
            here.setdefault(kind, value)
    return _description(line_of, session | media, names)


def _attribute(value: str, here: dict[str, str], names: dict[int, str]) -> None:
    name, _, given = value.partition(":")
    if name == "rtpmap":
        number, _, encoding = given.strip().partition(" ")
        if number.isascii() and number.isdigit() and len(number) < 4:
            names[int(number)] = encoding.strip().removesuffix("/1")
    elif name in ANSWERS:
        here["direction"] = name
    elif name == "ptime":
        here["ptime"] = given.strip()


def _description(line: str, said: dict[str, str], names: dict[int, str]) -> Description:
    fields = line.split()
    if len(fields) < 4 or fields[0] != "audio" or not _number(fields[1].split("/")[0], 65_535):
        raise SdpError("there is no audio stream")
    origin, ptime = said.get("o", "").split(), said.get("ptime", "")
    address = said.get("c", "").split()
    return Description(
        address=address[2].split("/")[0] if len(address) == 3 else "",
        port=int(fields[1].split("/")[0]),
        formats=tuple(int(text) for text in fields[3:] if _number(text, 127)),
        names=names,
        direction=said.get("direction", "sendrecv"),
        ptime=int(ptime) if _number(ptime, 200) and int(ptime) > 0 else None,
        version=origin[2] if len(origin) > 2 else "",
        profile=fields[2],
    )


def _number(text: str, most: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= most


def render(description: Description, product: str) -> bytes:
    """As boxes write it."""
    lines = [
        "v=0",
        f"o={product.split(maxsplit=1)[0]} 20000 {description.version} IN IP4 {description.address}",
        "s=call",
        f"c=IN IP4 {description.address}",
        "t=0 0",
        f"m=audio {description.port} {description.profile} {' '.join(str(number) for number in description.formats)}",
    ]
    for number in description.formats:
        name = description.names.get(number, STATIC.get(number, ""))
        lines.append(f"a=rtpmap:{number} {name}")
        if name.startswith("telephone-event"):
            lines.append(f"a=fmtp:{number} 0-15")
    lines += [f"a=ptime:{description.ptime}"] if description.ptime else []
    return "\r\n".join([*lines, f"a={description.direction}", ""]).encode()


def offered(names: Sequence[str], dtmf: int | None, *, extra: bool) -> tuple[tuple[int, ...], dict[int, str]]:
    """Payload types and their names of an offer; `extra` adds G.729 and G.723, which nobody here can decode."""
    formats = [PAYLOADS[name] for name in names] + ([18, 4] if extra else [])
    if dtmf is None:
        return tuple(formats), {}
    return (*formats, dtmf), {dtmf: "telephone-event/8000"}


def agree(theirs: Description, codecs: Sequence[str], ptime_ms: int) -> Agreement:
    """The first of our codecs that they have. Raises SdpError when there is none, or for a profile but RTP/AVP."""
    if theirs.profile != "RTP/AVP":
        raise SdpError(f"{theirs.profile} is not spoken here")
    common = next((name for name in codecs if theirs.payload(name) is not None), None)
    if common is None:
        raise SdpError("no common codec")
    return Agreement(
        address=theirs.address,
        port=theirs.port,
        encoding=Encoding(common),
        dtmf=theirs.payload("telephone-event"),
        ptime_ms=theirs.ptime if theirs.ptime and theirs.ptime % 20 == 0 else ptime_ms,
        send=not theirs.held and theirs.port > 0,
        receive=theirs.direction in ("sendrecv", "sendonly"),
    )
