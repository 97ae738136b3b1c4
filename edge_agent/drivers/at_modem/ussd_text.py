"""USSD strings as modems write them: plain, UTF-16 in hex, packed septets in hex."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edge_agent.drivers.at_modem.profile import UssdEncoding
from telecore.errors import InvalidRequest
from telecore.sms import decode_ucs2, encode_ucs2
from telecore.ussd import alphabet_of, clean, decode_hex, pack_text

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_DIGITS = re.compile(r"\d+")
_SCRIPTS = frozenset({0x00, 0x01, 0x03, 0x04, 0x06, 0x09, 0x0E, 0x10, 0x12, 0x17, 0x20})
"""First octets of UTF-16 text in the scripts that operators write: Latin to Arabic, Devanagari, Thai, Lao, Khmer, …"""
_GSM7_DCS, _UCS2_DCS = 0x0F, 0x48


def encode_text(text: str, encoding: UssdEncoding) -> str:
    """What goes between the quotes of AT+CUSD=1,"…". Raises InvalidRequest for what this encoding cannot say."""
    match encoding:
        case UssdEncoding.UCS2:
            return encode_ucs2(text).hex().upper()
        case UssdEncoding.PACKED:
            return pack_text(text).hex().upper()
        case _:
            if not text.isascii():
                raise InvalidRequest("not in ASCII")
            return text


def decode_text(text: str, dcs: int | None, encodings: Sequence[UssdEncoding]) -> str:
    """The text of a +CUSD. ``dcs`` (23.038 §5) and what the modem speaks decide; an odd case stays as it is."""
    flat = text.strip()
    if not _HEX.fullmatch(flat):
        return clean(text)
    whole_units = len(flat) % 4 == 0
    if dcs is not None and alphabet_of(dcs) == "ucs2" and whole_units:
        return decode_hex(flat, _UCS2_DCS)
    if encodings[:1] == [UssdEncoding.PACKED]:
        return decode_hex(flat, _GSM7_DCS)
    # With CSCS="UCS2" a modem may write UTF-16 whatever the dcs says; digits alone may be a plain answer.
    if UssdEncoding.UCS2 in encodings and whole_units and _reads_well(bytes.fromhex(flat)):
        return decode_hex(flat, _UCS2_DCS)
    if UssdEncoding.PACKED in encodings and not _DIGITS.fullmatch(flat):
        return decode_hex(flat, _GSM7_DCS)
    return clean(text)


def _reads_well(octets: bytes) -> bool:
    if len(octets) < 4 or any(octet not in _SCRIPTS for octet in octets[::2]):
        return False
    return "\ufffd" not in decode_ucs2(octets)
