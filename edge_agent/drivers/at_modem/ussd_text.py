"""USSD strings as modems write them: plain, UTF-16 in hex, packed septets in hex."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edge_agent.drivers.at_modem.pdu import encoding_of
from edge_agent.drivers.at_modem.profile import UssdEncoding
from telecore.errors import RemoteProtocolError
from telecore.sms import SmsEncoding, decode_gsm7, decode_ucs2, encode_gsm7, encode_ucs2, pack, unpack

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_DIGITS = re.compile(r"\d+")


def encode_text(text: str, encoding: UssdEncoding) -> str:
    """What goes between the quotes of AT+CUSD=1,"…"."""
    match encoding:
        case UssdEncoding.UCS2:
            return encode_ucs2(text).hex().upper()
        case UssdEncoding.PACKED:
            septets = encode_gsm7(text)
            # 23.038 §6.1.2.3.1: seven spare bits would read as "@"; CR fills them
            return pack(septets + b"\r" if len(septets) % 8 == 7 else septets, 0).hex().upper()
        case _:
            return text


def decode_text(text: str, dcs: int | None, encodings: Sequence[UssdEncoding]) -> str:
    """The text of a +CUSD. ``dcs`` (23.038 §5) and what the profile speaks decide; an odd case stays as it is."""
    flat = text.strip()
    if not _HEX.fullmatch(flat):
        return text
    octets = bytes.fromhex(flat)
    coding = _coding(dcs)
    if coding is SmsEncoding.UCS2 and len(octets) % 2 == 0:
        return decode_ucs2(octets)
    if encodings[:1] == [UssdEncoding.PACKED] or (UssdEncoding.PACKED in encodings and not _DIGITS.fullmatch(flat)):
        return _unpacked(octets)
    if UssdEncoding.UCS2 in encodings and len(octets) % 2 == 0 and _reads_well(octets):
        return decode_ucs2(octets)
    return text


def _unpacked(octets: bytes) -> str:
    text = decode_gsm7(unpack(octets, len(octets) * 8 // 7, 0))
    return text[:-1] if len(text) % 8 == 0 and text.endswith(("\r", "@")) else text


def _reads_well(octets: bytes) -> bool:
    """Whether the octets are UTF-16 text rather than a plain number that happens to be even in length."""
    text = decode_ucs2(octets)
    return len(octets) >= 4 and octets[0] in (0x00, 0x04, 0x06, 0x0E, 0x10, 0x17) and "\ufffd" not in text


def _coding(dcs: int | None) -> SmsEncoding | None:
    if dcs is None:
        return None
    if dcs == 0x11:  # 23.038 §5: UCS-2, preceded by a language
        return SmsEncoding.UCS2
    if dcs < 0x40:
        return SmsEncoding.GSM7
    try:
        return encoding_of(dcs & 0x3F if dcs < 0x80 else dcs)
    except RemoteProtocolError:
        return None
