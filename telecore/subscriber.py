"""IMSI, IMEI and ICCID: check digits, the network in them, and what a log may show of them."""

from __future__ import annotations

import re

from telecore.errors import RemoteProtocolError
from telecore.ids import Iccid, Plmn

_DIGITS = re.compile(r"[0-9]+")

_THREE_DIGIT_MNC = frozenset(
    map(str, (302, *range(310, 317), 330, 334, 338, *range(342, 361, 2), 365, 366, 376, 708, 722, 732, 750))
)
"""MCCs whose networks have three-digit MNCs (E.212 and its bulletins)."""


def luhn_digit(digits: str) -> str:
    """The check digit that belongs after ``digits`` (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others."""
    return _DIGITS.fullmatch(digits) is not None and len(digits) > 1 and luhn_digit(digits[:-1]) == digits[-1]


def is_imei(text: str) -> bool:
    """15 digits, the last one a check digit (23.003 §6.2.1)."""
    return len(text) == 15 and passes_luhn(text)


def is_imsi(text: str) -> bool:
    """Up to 15 digits: MCC, MNC and at least one of the subscriber (23.003 §2.2)."""
    return 6 <= len(text) <= 15 and _DIGITS.fullmatch(text) is not None


def is_iccid(text: str) -> bool:
    """89 and 16 or 17 digits, 19 in all with a check digit (E.118). The 20 digits of some issuers carry none."""
    if len(text) not in (18, 19, 20) or _DIGITS.fullmatch(text) is None or not text.startswith("89"):
        return False
    return len(text) != 19 or passes_luhn(text)


def plmn_of(imsi: str, mnc_digits: int | None = None) -> Plmn:
    """MCC and MNC at the head of an IMSI. ``mnc_digits`` comes from EF-AD where the SIM tells it; else by the MCC."""
    if mnc_digits not in (2, 3):
        mnc_digits = 3 if imsi[:3] in _THREE_DIGIT_MNC else 2
    return Plmn(imsi[: 3 + mnc_digits])


def iccid_from_ef(content: str) -> Iccid:
    """EF-ICCID as ``AT+CRSM=176,12258,0,0,10`` reads it: hex, nibbles swapped, padded by F (31.102, 102.221 §13.2).

    Raises ``RemoteProtocolError`` if that is not what it is.
    """
    digits = "".join(content[at + 1 : at + 2] + content[at] for at in range(0, len(content), 2)).rstrip("Ff")
    if not 18 <= len(digits) <= 20 or _DIGITS.fullmatch(digits) is None:
        raise RemoteProtocolError(f"EF-ICCID is not an ICCID: {len(content)} characters")
    return Iccid(digits)


def mask(identity: str) -> str:
    """The issuer or model in front, four digits at the end: ``89855020***1234``."""
    if len(identity) < 14:
        return "***"
    return f"{identity[:6]}***{identity[-4:]}"
