"""What a message that arrived means to the owner of a TunnelProtocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from telecore.tunnel.frames import Bulk, ByeCode, Hello
from telecore.tunnel.media import MediaFrame


@dataclass(frozen=True, slots=True)
class HelloArrived:
    """The owner answers with ``start`` (where it has not yet) and ``resume``, or with ``leave``."""

    hello: Hello


@dataclass(frozen=True, slots=True)
class Resumed:
    """The peer says how far our street is applied; the owner weighs it, and answers with ``settled`` or ``leave``."""

    applied: int
    mark: str


@dataclass(frozen=True, slots=True)
class Greeted:
    """Both streets are settled; everything may be sent. ``version`` is the one both speak."""

    peer: Hello
    version: int


@dataclass(frozen=True, slots=True)
class ItemArrived:
    """To be committed and then confirmed. ``history``: it happened before the greeting."""

    seq: int
    payload: dict[str, Any]
    history: bool


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The peer has committed our rows up to here."""

    upto: int


@dataclass(frozen=True, slots=True)
class NoticeArrived:
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MediaArrived:
    frames: list[MediaFrame]


@dataclass(frozen=True, slots=True)
class BulkArrived:
    bulk: Bulk


@dataclass(frozen=True, slots=True)
class FrameIgnored:
    """A newer peer sent a type we do not know."""

    reason: str


@dataclass(frozen=True, slots=True)
class PeerFault:
    """The peer broke a rule; a Bye that says so is among the data to send, and the line is to be closed after it."""

    code: ByeCode
    reason: str


@dataclass(frozen=True, slots=True)
class PeerLeft:
    """The peer said Bye, and for how many seconds it is not to be asked."""

    code: str
    reason: str
    after: float = 0.0


TunnelEvent = (
    HelloArrived
    | Resumed
    | Greeted
    | ItemArrived
    | Acknowledged
    | NoticeArrived
    | MediaArrived
    | BulkArrived
    | FrameIgnored
    | PeerFault
    | PeerLeft
)
