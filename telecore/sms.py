"""From text to segments and back: which encoding, how many parts, what goes into each (23.038, 23.040).

The alphabet is in ``gsm7``, the header in ``udh``, the way back in ``reassembly``; all is to be had from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from telecore.errors import InvalidRequest, RemoteProtocolError
from telecore.gsm7 import EXTENSION, SEPTETS, decode_gsm7, encode_gsm7, fill_bits, is_gsm7, pack, unpack
from telecore.lookalikes import smart_encode
from telecore.reassembly import (
    PART_LIFETIME_S,
    ConcatKey,
    Partial,
    Reassembler,
    heal_surrogates,
    join_parts,
)
from telecore.udh import Concat, Udh

__all__ = [
    "PART_LIFETIME_S",
    "Concat",
    "ConcatKey",
    "Partial",
    "Reassembler",
    "Segment",
    "SegmentInfo",
    "SmsEncoding",
    "Udh",
    "count_segments",
    "decode_gsm7",
    "decode_ucs2",
    "decode_user_data",
    "encode_gsm7",
    "encode_ucs2",
    "fill_bits",
    "heal_surrogates",
    "is_gsm7",
    "join_parts",
    "needs_ucs2",
    "pack",
    "smart_encode",
    "split",
    "unpack",
]

MAX_SEGMENTS = 255


class SmsEncoding(StrEnum):
    """Twilio's names."""

    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


_OCTETS = 140
_CONCAT_OCTETS, _PORT_OCTETS = 5, 6
"""What each element takes in the header, beside its length octet (23.040 §9.2.3.24.1, §9.2.3.24.4)."""
_CLASS_0 = 0x10


class SegmentInfo(NamedTuple):
    """``units`` are septets or UTF-16 code units, headers not counted."""

    encoding: SmsEncoding
    segments: int
    units: int


@dataclass(frozen=True, slots=True)
class Segment:
    """One part to be sent, and all that a PDU encoder needs of it.

    ``flash``: class 0, shown at once and not kept. ``port``: of the application it is for.
    """

    encoding: SmsEncoding
    text: str
    concat: Concat | None = None
    flash: bool = False
    port: int | None = None

    @property
    def dcs(self) -> int:
        """TP-DCS (23.038 §4): no compression, and no class but for a flash message."""
        return (0x08 if self.encoding is SmsEncoding.UCS2 else 0x00) | (_CLASS_0 if self.flash else 0)

    @property
    def udh(self) -> bytes:
        """The header with its length octet; empty (and TP-UDHI 0) when there is nothing to say."""
        if self.concat is None and self.port is None:
            return b""
        return Udh(self.concat, self.port).build()

    @property
    def units(self) -> int:
        """Septets or UTF-16 code units of the text."""
        return _units(self.text, self.encoding)

    @property
    def udl(self) -> int:
        """TP-UDL: septets with the header rounded up to whole ones, or octets (23.040 §9.2.3.16)."""
        header = len(self.udh)
        if self.encoding is SmsEncoding.UCS2:
            return header + 2 * self.units
        return (8 * header + fill_bits(header)) // 7 + self.units

    @property
    def user_data(self) -> bytes:
        """TP-UD: header, fill bits, text; at most 140 octets."""
        header = self.udh
        if self.encoding is SmsEncoding.UCS2:
            return header + encode_ucs2(self.text)
        return header + pack(encode_gsm7(self.text), fill_bits(len(header)))


def needs_ucs2(text: str) -> bool:
    """Whether some character is outside the GSM alphabet: the whole message then goes as UCS-2."""
    return not is_gsm7(text)


def count_segments(text: str, *, port: int | None = None) -> SegmentInfo:
    """What Twilio would count and charge: GSM-7 160 or 153 to a part, UCS-2 70 or 67; empty text is one segment.

    The address of an application takes room in each.
    """
    encoding = _encoding_of(text)
    units = _units(text, encoding)
    if units <= _room(encoding, port, long=False):
        return SegmentInfo(encoding, 1, units)
    return SegmentInfo(encoding, sum(1 for _ in _parts(text, encoding, port)), units)


def utf16_units(text: str) -> int:
    """As Twilio counts the characters of a body."""
    return _units(text, SmsEncoding.UCS2)


def split(
    text: str,
    reference: int = 0,
    *,
    flash: bool = False,
    port: int | None = None,
    encoding: SmsEncoding | None = None,
) -> tuple[Segment, ...]:
    """The segments in order; ``reference`` (0…255) ties them together and should differ from message to message.

    ``encoding``: UCS-2 even for a text that does not need it.

    Neither an escape sequence nor a surrogate pair is cut. Raises ``InvalidRequest`` beyond 255 segments, and for a
    port that does not fit in 16 bits.
    """
    if port is not None and not 0 <= port <= 0xFFFF:
        raise InvalidRequest(f"there is no port {port}", field="Port")
    encoding = encoding or _encoding_of(text)
    if _units(text, encoding) <= _room(encoding, port, long=False):
        return (Segment(encoding, heal_surrogates(text), None, flash, port),)
    parts = list(_parts(heal_surrogates(text), encoding, port))
    if len(parts) > MAX_SEGMENTS:
        raise InvalidRequest(f"{len(parts)} segments; {MAX_SEGMENTS} are possible", field="Body", code=21617)
    return tuple(
        Segment(encoding, part, Concat(reference & 0xFF, len(parts), number), flash, port)
        for number, part in enumerate(parts, 1)
    )


def decode_user_data(encoding: SmsEncoding, user_data: bytes, udl: int, *, has_header: bool) -> tuple[str, Udh]:
    """TP-UD as received → its text, and its header if TP-UDHI is set.

    ``udl`` is TP-UDL. Half a surrogate pair at the end of a part stays as it is, for ``join_parts`` to make whole.
    Raises ``RemoteProtocolError`` if the header is longer than the data.
    """
    udh, header = Udh.parse(user_data) if has_header else (Udh(), 0)
    if encoding is SmsEncoding.UCS2:
        return decode_ucs2(user_data[header:udl], keep_halves=udh.concat is not None), udh
    fill = fill_bits(header)
    count = udl - (8 * header + fill) // 7
    if count < 0:
        raise RemoteProtocolError(f"TP-UDL {udl} is less than its header of {header} octets")
    return decode_gsm7(unpack(user_data[header:], count, fill)), udh


def encode_ucs2(text: str) -> bytes:
    """UTF-16 big-endian, as every handset reads "UCS-2"; half a surrogate pair becomes U+FFFD."""
    return heal_surrogates(text).encode("utf-16-be")


def decode_ucs2(octets: bytes, *, keep_halves: bool = False) -> str:
    """Octets → text. Half a surrogate pair and an odd last octet become U+FFFD.

    With ``keep_halves`` a half stays in the text, which then must pass through ``join_parts`` before it is stored.
    """
    if not keep_halves:
        return octets.decode("utf-16-be", "replace")
    whole = len(octets) // 2 * 2
    return octets[:whole].decode("utf-16-be", "surrogatepass") + "\ufffd" * (len(octets) - whole)


def _encoding_of(text: str) -> SmsEncoding:
    return SmsEncoding.GSM7 if is_gsm7(text) else SmsEncoding.UCS2


def _units(text: str, encoding: SmsEncoding) -> int:
    """The costs of all characters, without looking at each."""
    if encoding is SmsEncoding.GSM7:
        return len(text) + sum(map(text.count, EXTENSION.values()))
    return len(text.encode("utf-16-be", "surrogatepass")) // 2


def _cost(char: str, encoding: SmsEncoding) -> int:
    if encoding is SmsEncoding.GSM7:
        return len(SEPTETS[char])
    return 2 if char > "\uffff" else 1


def _room(encoding: SmsEncoding, port: int | None, *, long: bool) -> int:
    """Units that fit beside the header: 160 and 70, in a part of a long message 153 and 67."""
    elements = (_CONCAT_OCTETS if long else 0) + (_PORT_OCTETS if port is not None else 0)
    octets = _OCTETS - (elements + 1 if elements else 0)
    return octets * 8 // 7 if encoding is SmsEncoding.GSM7 else octets // 2


def _parts(text: str, encoding: SmsEncoding, port: int | None) -> Iterator[str]:
    whole = _room(encoding, port, long=True)
    room, start = whole, 0
    for at, char in enumerate(text):
        cost = _cost(char, encoding)
        if cost > room:
            yield text[start:at]
            room, start = whole, at
        room -= cost
    yield text[start:]
