"""A text cut into SMS parts, as a handset does it, and parts joined to a text, as a handset shows it."""

from __future__ import annotations

from typing import Any

from simulator.alphabet import is_gsm, to_septets
from simulator.pdu import Concat, UserData

GSM7, UCS2 = 0x00, 0x08
_Key = tuple[str, int, int, bool]


def split_text(text: str, reference: int, *, wide: bool = False, room: int = 0) -> list[UserData]:
    """One part, or parts of 153 septets or 67 UTF-16 units; escapes and surrogate pairs stay whole.

    `wide`: 16-bit references, with one unit less; `room`: octets kept free for another element of the header.
    """
    gsm = is_gsm(text)
    coding, single, part = (GSM7, 160, 153) if gsm else (UCS2, 70, 67)
    if room:
        single -= 8 if gsm else 4
    taken = room + wide
    part -= -(-taken * 8 // 7) if gsm else -(-taken // 2)
    if sum(_units(char, gsm=gsm) for char in text) <= single:
        return [UserData(coding, text)]
    pieces = _cut(text, part, gsm=gsm)
    if len(pieces) > 255:
        raise ValueError("a message has at most 255 parts")
    return [
        UserData(coding, piece, header=_concat(reference, len(pieces), number, wide=wide))
        for number, piece in enumerate(pieces, 1)
    ]


def _concat(reference: int, total: int, number: int, *, wide: bool) -> bytes:
    if wide:
        return bytes([0x08, 0x04]) + (reference & 0xFFFF).to_bytes(2, "big") + bytes([total, number])
    return bytes([0x00, 0x03, reference & 0xFF, total, number])


def _units(char: str, *, gsm: bool) -> int:
    return len(to_septets(char)) if gsm else len(char.encode("utf-16-be", errors="surrogatepass")) // 2


def _cut(text: str, size: int, *, gsm: bool) -> list[str]:
    pieces: list[str] = []
    piece, used = "", 0
    for char in text:
        units = _units(char, gsm=gsm)
        if used + units > size:
            pieces.append(piece)
            piece, used = "", 0
        piece += char
        used += units
    return [*pieces, piece]


class Reassembly:
    """Joins the parts of long messages at the receiver; bounded to the `limit` newest unfinished ones."""

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._parts: dict[_Key, dict[int, str]] = {}

    def add(self, sender: str, concat: Concat | None, text: str) -> tuple[str, int] | None:
        """(whole text, number of parts) when this part completes a message, else None."""
        if concat is None or not 1 <= concat.number <= concat.total:
            return _repaired(text), 1
        key = _key(sender, concat)
        parts = self._parts.setdefault(key, {})
        parts[concat.number] = text
        if len(parts) < concat.total:
            while len(self._parts) > self._limit:
                del self._parts[next(iter(self._parts))]
            return None
        del self._parts[key]
        return _repaired("".join(parts[number] for number in sorted(parts))), len(parts)

    def snapshot(self) -> list[object]:
        """The unfinished messages as JSON values."""
        return [[list(key), list(parts.items())] for key, parts in self._parts.items()]

    def restore(self, values: list[Any]) -> None:
        """Put a snapshot back."""
        self._parts = {tuple(key): dict(map(tuple, parts)) for key, parts in values}


def _key(sender: str, concat: Concat) -> _Key:
    return sender, concat.reference, concat.total, concat.wide


def _repaired(text: str) -> str:
    """A surrogate pair cut by a careless sender is whole again when joined; a lone half shows as U+FFFD."""
    return text.encode("utf-16-be", errors="surrogatepass").decode("utf-16-be", errors="replace")
