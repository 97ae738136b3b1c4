"""How a message is handed in: text or octets, flash, to a port, in parts of either kind of reference."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulator.pdu import UserData
from simulator.segments import split_text
from simulator.smsc import Smsc

EIGHT_BIT = 0x04
LONGEST_DATA = 133
CLASS_MEANS = 0x10
"""TP-DCS bit 4: bits 0 and 1 are a message class (23.038 §4)."""


@dataclass(frozen=True, slots=True)
class Style:
    """`message_class` 0 is flash; `port` is the destination port (23.040 §9.2.3.24.4); `data` takes the place of text.

    `wide`: 16-bit references. `backwards`: the last part first. `copies`: each part so many times.
    """

    message_class: int | None = None
    port: int | None = None
    data: bytes | None = None
    wide: bool = False
    backwards: bool = False
    copies: int = 1


PLAIN = Style()


@dataclass(frozen=True, slots=True)
class Route:
    """Who sends to whom; `reference` joins the parts."""

    sender: str
    to: str
    reference: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A message on its way."""

    id: str
    parts: int


def send_message(smsc: Smsc, route: Route, body: str, style: Style) -> Sent:
    """Hand all parts in. ValueError when it is too long."""
    parts = encode(body, route.reference, style)
    for part in reversed(parts) if style.backwards else parts:
        for _ in range(style.copies):
            smsc.accept_from_handset(route.sender, route.to, part)
    return Sent(f"{route.sender.removeprefix('+')}-{route.reference}", len(parts))


def encode(body: str, reference: int, style: Style) -> list[UserData]:
    """The parts of a message. ValueError when it is too long."""
    if style.data is not None:
        if len(style.data) > LONGEST_DATA:
            raise ValueError(f"data has at most {LONGEST_DATA} octets")
        parts = [UserData(EIGHT_BIT, data=style.data)]
    else:
        parts = split_text(body, reference, wide=style.wide, room=0 if style.port is None else 6)
    return [_styled(part, style) for part in parts]


def _styled(part: UserData, style: Style) -> UserData:
    coding, header = part.coding, part.header
    if style.message_class is not None:
        coding |= CLASS_MEANS | style.message_class
    if style.port is not None:
        header += bytes([0x05, 0x04]) + style.port.to_bytes(2, "big") + bytes(2)
    return replace(part, coding=coding, header=header)
