"""USSD: what ``+CUSD`` says about the session, and its text made readable."""

from __future__ import annotations

import re
from enum import StrEnum

from telecore.gsm7 import decode_gsm7, encode_gsm7, pack, unpack


class UssdState(StrEnum):
    """How a session stands after what the network said."""

    DONE = "done"
    REPLY_WANTED = "reply_wanted"
    RELEASED = "released"
    NOT_SUPPORTED = "not_supported"
    TIMEOUT = "timeout"


CUSD_STATES = {
    0: UssdState.DONE,
    1: UssdState.REPLY_WANTED,
    2: UssdState.RELEASED,
    3: UssdState.RELEASED,
    4: UssdState.NOT_SUPPORTED,
    5: UssdState.TIMEOUT,
}
"""``m`` of ``+CUSD`` (27.007 §7.15); 3 is "another client answered", which ends the session for us."""

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_CR = 0x0D


def state_of(m: int) -> UssdState:
    """The state for an ``m`` of ``+CUSD``; values that are not specified end the session."""
    return CUSD_STATES.get(m, UssdState.RELEASED)


def clean(text: str) -> str:
    """Lines end in LF and carry no trailing space; other control characters and the padding are gone."""
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n"))
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


def alphabet_of(dcs: int) -> str:
    """``gsm7``, ``octets`` or ``ucs2`` by the CBS data coding scheme (23.038 §5)."""
    if dcs == 0x11:
        return "ucs2"
    if dcs & 0xC0 == 0x40 or dcs & 0xF0 == 0x90:
        return ("gsm7", "octets", "ucs2", "gsm7")[dcs >> 2 & 3]
    return "octets" if dcs & 0xF4 == 0xF4 else "gsm7"


def decode_hex(text: str, dcs: int) -> str:
    """The octets of a modem that answers in hex, decoded by ``dcs`` and cleaned; text that is no hex is only cleaned.

    GSM 7-bit is packed. Octets of no known alphabet are read as Latin-1.
    """
    if _HEX.fullmatch(text) is None:
        return clean(text)
    octets = bytes.fromhex(text)
    alphabet = alphabet_of(dcs)
    if alphabet == "ucs2":
        return clean(octets.decode("utf-16-be", "replace"))
    return clean(unpack_text(octets) if alphabet == "gsm7" else octets.decode("latin-1"))


def pack_text(text: str) -> bytes:
    """Text → packed septets; seven spare bits are filled by CR, lest they read as ``@`` (23.038 §6.1.2.3.1)."""
    septets = encode_gsm7(text)
    if len(septets) % 8 == 7 or (len(septets) % 8 == 0 and septets[-1:] == bytes([_CR])):
        septets += bytes([_CR])
    return pack(septets)


def unpack_text(octets: bytes) -> str:
    """Packed septets → text, without the CR that fills seven spare bits."""
    septets = unpack(octets, 8 * len(octets) // 7)
    if len(septets) % 8 == 0 and septets[-1:] == bytes([_CR]):
        septets = septets[:-1]
    return decode_gsm7(septets)
