"""Stand-ins for numbers, texts and PDUs: of the same shape, so that a parser takes them, and saying nothing."""

from __future__ import annotations

import re

from telecore.errors import RemoteProtocolError
from telecore.gsm7 import encode_gsm7, fill_bits, pack
from telecore.udh import Udh

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_LETTER = re.compile(r"[^\W\d_]")
_DIGIT = re.compile(r"\d")
_ALPHANUMERIC = 0x50
_NO_PDU = "0003"
"""No service centre, and a reserved TP-MTI: as undecodable as what it stands for."""


class Pseudonyms:
    """The same number gets the same stand-in as long as this object lives; nobody can go back from it.

    Numbers become those of country code 999, which nobody has; an IMSI is in the test network 001-01.
    """

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def number(self, digits: str) -> str:
        """For a telephone number without its ``+``; ``*``, ``#`` and other signs stay."""
        return self._after("999", digits)

    def imsi(self, digits: str) -> str:
        return self._after("00101", digits)

    def imei(self, digits: str) -> str:
        return self._after("00000000", digits)

    def iccid(self, digits: str) -> str:
        return self._after("8999", digits)

    def swapped_iccid(self, octets: str) -> str:
        """EF_ICCID as +CRSM shows it, nibbles swapped (31.102 §4.2.2)."""
        plain = _swapped(octets.upper())
        digits = plain.rstrip("F")
        return _swapped(self.iccid(digits) + plain[len(digits) :])

    def pdu(self, text: str, *, outgoing: bool) -> str:
        """An SMS PDU in hex with its service centre (23.040 §9.2.2); what is none stays one that cannot be decoded."""
        try:
            return _Tpdu(bytes.fromhex(text), self, outgoing=outgoing).masked().hex().upper()
        except (ValueError, IndexError, RemoteProtocolError):
            return _NO_PDU[: len(text)].ljust(len(text), "0")

    def semi_octets(self, octets: bytes) -> bytes:
        """A number as 23.040 §9.1.2.3 writes it."""
        nibbles = _swapped(octets.hex().upper())
        digits = nibbles.rstrip("F")
        return bytes.fromhex(_swapped(self.number(digits) + nibbles[len(digits) :]))

    def _after(self, prefix: str, digits: str) -> str:
        """``prefix``, zeros, and at the end which one it is. Only digits are replaced, and counted."""
        plain = "".join(_DIGIT.findall(digits))
        which = str(self._known.setdefault(plain, len(self._known) + 1))
        body = prefix if len(plain) > len(prefix) + len(which) else ""
        stand_in = body + which[-len(plain) :].rjust(len(plain) - len(body), "0") if plain else ""
        signs = iter(stand_in)
        return _DIGIT.sub(lambda _: next(signs), digits)


def masked_text(text: str) -> str:
    """Letters become ``x``, digits ``0``; blanks, signs and line ends stay, so a menu still looks like one."""
    return _DIGIT.sub("0", _LETTER.sub("x", text))


def masked_ussd(text: str) -> str:
    """The string of a +CUSD, plain, in UTF-16 hex or in packed hex."""
    flat = text.strip()
    if not _HEX.fullmatch(flat) or len(flat) < 4 or flat.isdigit() and len(flat) < 12:
        return masked_text(text)
    octets = bytes.fromhex(flat)
    if len(octets) % 2 == 0 and octets[0] == 0:
        return "0078" * (len(octets) // 2)
    return _packed(len(octets) * 8 // 7).hex().upper()[: len(flat)]


def _packed(septets: int, fill: int = 0) -> bytes:
    return pack(encode_gsm7("x") * septets, fill)


def _swapped(nibbles: str) -> str:
    return "".join(b + a for a, b in zip(nibbles[::2], nibbles[1::2], strict=True))


class _Tpdu:
    """Walks through one PDU; an IndexError or ValueError says that it is cut short or none."""

    def __init__(self, octets: bytes, names: Pseudonyms, *, outgoing: bool) -> None:
        self._octets, self._names, self._outgoing = octets, names, outgoing
        self._at = 0
        self._out = bytearray()

    def masked(self) -> bytes:
        self._service_centre()
        first = self._keep(1)[0]
        match first & 0x03:
            case 0:
                self._address()
                self._keep(1)
                dcs = self._keep(1)[0]
                self._keep(7)
                self._user_data(dcs, has_header=bool(first & 0x40))
            case 1:
                self._keep(1)
                self._address()
                self._keep(1)
                dcs = self._keep(1)[0]
                self._keep({0: 0, 2: 1}.get(first >> 3 & 0x03, 7))
                self._user_data(dcs, has_header=bool(first & 0x40))
            case 2 if not self._outgoing:
                self._keep(1)
                self._address()
                self._keep(15)
                self._out += bytes(len(self._octets) - self._at)
            case _:
                raise ValueError("no SMS")
        return bytes(self._out)

    def _take(self, count: int) -> bytes:
        piece = self._octets[self._at : self._at + count]
        if len(piece) < count:
            raise IndexError(count)
        self._at += count
        return piece

    def _keep(self, count: int) -> bytes:
        piece = self._take(count)
        self._out += piece
        return piece

    def _service_centre(self) -> None:
        length = self._keep(1)[0]
        if length:
            self._keep(1)
            self._out += self._names.semi_octets(self._take(length - 1))

    def _address(self) -> None:
        digits, kind = self._keep(2)
        value = self._take((digits + 1) // 2)
        if kind & 0x70 == _ALPHANUMERIC:
            self._out += _packed(digits * 4 // 7).ljust(len(value), b"\0")[: len(value)]
        else:
            self._out += self._names.semi_octets(value)

    def _user_data(self, dcs: int, *, has_header: bool) -> None:
        length = self._keep(1)[0]
        septets = _has_septets(dcs)
        data = self._take((length * 7 + 7) // 8 if septets else length)
        header = data[: data[0] + 1] if has_header and data else b""
        if header:
            udh, _ = Udh.parse(data)
            if udh.others or udh.build() != header:
                raise ValueError("a header that may hold anything")
        self._out += header
        rest = len(data) - len(header)
        if septets:
            fill = fill_bits(len(header)) if header else 0
            count = length - (len(header) * 8 + fill) // 7
            self._out += _packed(count, fill)[:rest].ljust(rest, b"\0")
        elif dcs & 0x0C == 0x08 or dcs >> 4 == 0x0E:
            self._out += (b"\0x" * (rest // 2 + 1))[:rest]
        else:
            self._out += bytes(rest)


def _has_septets(dcs: int) -> bool:
    """23.038 §4; what is compressed or reserved is taken for octets."""
    if dcs < 0x80:
        return not dcs & 0x20 and dcs >> 2 & 0x03 in (0, 3)
    return dcs >> 4 != 0x0E and not (dcs >> 4 == 0x0F and dcs & 0x04)
