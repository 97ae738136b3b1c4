"""How many bytes one connection carried, by what they were for. Pure: the owner tells what passed.

``overhead`` is whatever the line carried besides the messages: headers of TCP, IP, TLS and WebSocket, what was sent
again, pings, greetings and acknowledgements. It is known only where the kernel tells what the line carried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum

from telecore.tunnel.frames import BULK_TYPE, MEDIA_TYPE

_OF_TYPE = ('{"type":"item"', '{"type":"notice"')
_MESSAGE_HEADER = 64
"""Bytes taken for a message where the kernel tells nothing: IPv4, TCP with timestamps, WebSocket."""


class Kind(StrEnum):
    AUDIO = "audio"
    EVENTS = "events"
    BULK = "bulk"
    OVERHEAD = "overhead"


@dataclass(frozen=True, slots=True)
class Bytes:
    """Of one direction, by kind."""

    audio: int = 0
    events: int = 0
    bulk: int = 0
    overhead: int = 0

    @property
    def total(self) -> int:
        return self.audio + self.events + self.bulk + self.overhead

    def __add__(self, other: Bytes) -> Bytes:
        return Bytes(*(getattr(self, kind.name) + getattr(other, kind.name) for kind in fields(Bytes)))


@dataclass(frozen=True, slots=True)
class Traffic:
    """Both directions, as the edge sees them."""

    up: Bytes = field(default_factory=Bytes)
    down: Bytes = field(default_factory=Bytes)

    @property
    def total(self) -> int:
        return self.up.total + self.down.total

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(self.up + other.up, self.down + other.down)


def kind_of(message: str | bytes) -> Kind:
    """What a message is for."""
    if isinstance(message, str):
        return Kind.EVENTS if message.startswith(_OF_TYPE) else Kind.OVERHEAD
    first = message[0] if message else 0
    return Kind.AUDIO if first == MEDIA_TYPE else Kind.BULK if first == BULK_TYPE else Kind.OVERHEAD


class _Way:
    """One direction of one connection."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(Kind, 0)
        self._messages = 0
        self._wire: int | None = None
        self._taken = Bytes()

    def passed(self, message: str | bytes) -> None:
        if isinstance(message, bytes) or message.isascii():
            size = len(message)
        else:
            size = len(message.encode("utf-8", "replace"))
        self._counts[kind_of(message)] += size
        self._messages += 1

    def carried(self, wire: int) -> None:
        self._wire = max(wire, self._wire or 0)

    def take(self) -> Bytes:
        """Since the last time. What waits unsent is not overhead of less than nothing."""
        counts, taken = self._counts, self._taken
        said = counts[Kind.AUDIO] + counts[Kind.EVENTS] + counts[Kind.BULK]
        if self._wire is None:
            overhead = counts[Kind.OVERHEAD] + self._messages * _MESSAGE_HEADER
        else:
            overhead = max(self._wire - said, taken.overhead)
        now = Bytes(counts[Kind.AUDIO], counts[Kind.EVENTS], counts[Kind.BULK], overhead)
        self._taken = now
        return Bytes(*(getattr(now, kind.name) - getattr(taken, kind.name) for kind in fields(Bytes)))


class Meter:
    """Of one connection."""

    def __init__(self) -> None:
        self._up, self._down = _Way(), _Way()

    def sent(self, messages: Sequence[str | bytes]) -> None:
        for message in messages:
            self._up.passed(message)

    def heard(self, message: str | bytes) -> None:
        self._down.passed(message)

    def wire(self, up: int, down: int) -> None:
        """All that the line carried so far, headers and repetitions included."""
        self._up.carried(up)
        self._down.carried(down)

    def take(self) -> Traffic:
        """What passed since the last time."""
        return Traffic(self._up.take(), self._down.take())
