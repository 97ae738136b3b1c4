"""What crosses the tunnel, as values, and their bytes. The layouts are in the package's docstring."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from telecore.errors import RemoteProtocolError

VERSION = 1
MINIMUM = 1
EARLY_LIMIT = 64_000
TEXT_LIMIT = 1 << 20
BINARY_LIMIT = 64_000
MEDIA_TYPE = 1
BULK_TYPE = 2

_BULK = struct.Struct("!BIQB")
_HIGHEST_NUMBER = (1 << 63) - 1
_LONGEST_AWAY_S = 3600
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


class Side(StrEnum):
    EDGE = "edge"
    CLOUD = "cloud"


class ByeCode(StrEnum):
    """Why a side leaves, for programs; the reason beside it is for people."""

    FAULT = "fault"
    VERSION = "version"
    STREAM = "stream"
    SECOND_AGENT = "second-agent"
    REPLACED = "replaced"
    SHUTDOWN = "shutdown"
    REFUSED = "refused"


class UnknownFrame(RemoteProtocolError):
    """A type this version does not know."""


@dataclass(frozen=True, slots=True)
class Hello:
    """``version`` and ``minimum`` are what the sender speaks; ``highest`` is the last number of its ``stream``.

    ``time``: the sender's clock, in milliseconds since 1970; 0: it does not say.
    """

    side: Side
    edge: str
    instance: str
    stream: str
    highest: int
    version: int = VERSION
    minimum: int = MINIMUM
    time: int = 0


@dataclass(frozen=True, slots=True)
class Resume:
    """The sender has committed the peer's ``stream`` up to ``applied``. ``mark``: the id of that item, if it says."""

    stream: str
    applied: int
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    seq: int
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ack:
    applied: int


@dataclass(frozen=True, slots=True)
class Notice:
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bye:
    """``code`` is a ByeCode or one a newer peer knows. ``after``: seconds to stay away, 0 for as one likes."""

    code: str
    reason: str
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Bulk:
    """``offset`` in bytes of the whole blob."""

    transfer: int
    offset: int
    last: bool
    data: bytes


TextFrame = Hello | Resume | Item | Ack | Notice | Bye


def encode(frame: TextFrame) -> str:
    """The text of a frame. Lone surrogates, which UTF-8 cannot carry, become question marks."""
    fields = {name: getattr(frame, name) for name in frame.__slots__}
    text = json.dumps({"type": type(frame).__name__.lower(), **fields}, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace").decode()
    return text


def decode(text: str) -> TextFrame:
    """The frame in a text. Raises RemoteProtocolError with a reason, UnknownFrame for an unknown type."""
    data = _parse(text)
    kind = data.get("type")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise UnknownFrame(f"unknown frame type {str(kind)[:40]!r}")
    return read(data)


def encode_bulk(bulk: Bulk) -> bytes:
    return _BULK.pack(BULK_TYPE, bulk.transfer, bulk.offset, int(bulk.last)) + bulk.data


def decode_bulk(data: bytes) -> Bulk:
    """The chunk in a binary message of type 2. Raises RemoteProtocolError."""
    if len(data) < _BULK.size:
        raise RemoteProtocolError(f"a bulk frame of {len(data)} bytes is shorter than its header")
    _, transfer, offset, flags = _BULK.unpack_from(data)
    return Bulk(transfer, offset, bool(flags & 1), bytes(data[_BULK.size :]))


def _parse(text: str) -> dict[str, Any]:
    try:
        data = _DECODER.decode(text)
        if _SURROGATE_ESCAPE.search(text):
            # An escaped half of a pair is legal JSON, but neither UTF-8 nor SQLite can hold it.
            data = json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError(f"not JSON: {str(error)[:80]}") from error
    if not isinstance(data, dict):
        raise RemoteProtocolError(f"a frame must be a JSON object, not {type(data).__name__}")
    return data


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
"""Made once: ``json.loads`` would make one for every frame."""


def _number(data: dict[str, Any], key: str) -> int:
    value = data.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _HIGHEST_NUMBER:
        raise RemoteProtocolError(f"{key} must be a number from 0 to 2^63-1")
    return value


def _string(data: dict[str, Any], key: str, longest: int = 200) -> str:
    value = data.get(key)
    if not isinstance(value, str) or len(value) > longest:
        raise RemoteProtocolError(f"{key} must be a string of at most {longest} characters")
    return value


def _seconds(data: dict[str, Any], key: str) -> float:
    """Optional, and never so long that a slip of the sender cuts anybody off for good."""
    value = data.get(key, 0)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _LONGEST_AWAY_S:
        raise RemoteProtocolError(f"{key} must be a number of seconds from 0 to {_LONGEST_AWAY_S}")
    return float(value)


def _payload(data: dict[str, Any]) -> dict[str, Any]:
    value = data.get("payload")
    if not isinstance(value, dict):
        raise RemoteProtocolError("payload must be an object")
    return value


def _read_hello(data: dict[str, Any]) -> Hello:
    side = _string(data, "side")
    if side not in {member.value for member in Side}:
        raise RemoteProtocolError("side must be edge or cloud")
    return Hello(
        Side(side),
        edge=_string(data, "edge"),
        instance=_string(data, "instance"),
        stream=_string(data, "stream"),
        highest=_number(data, "highest"),
        version=_number(data, "version"),
        minimum=_number(data, "minimum"),
        time=_number({"time": 0, **data}, "time"),
    )


_READERS: dict[str, Callable[[dict[str, Any]], TextFrame]] = {
    "hello": _read_hello,
    "resume": lambda data: Resume(
        _string(data, "stream"), _number(data, "applied"), _string({"mark": "", **data}, "mark")
    ),
    "item": lambda data: Item(_number(data, "seq"), _payload(data)),
    "ack": lambda data: Ack(_number(data, "applied")),
    "notice": lambda data: Notice(_payload(data)),
    "bye": lambda data: Bye(_string(data, "code", 40), _string(data, "reason", 1000), _seconds(data, "after")),
}
