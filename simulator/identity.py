"""Numbers, IMSI, ICCID and IMEI of the lab's SIMs and modems, with valid check digits."""

from __future__ import annotations

COUNTRY = "855"
PLMN = "45691"
TEST_TAC = "35000000"


def luhn_digit(digits: str) -> str:
    """The check digit that makes `digits` + it valid (ISO/IEC 7812-1 annex B; 23.003 annex B)."""
    total = 0
    for position, char in enumerate(reversed(digits)):
        value = int(char) * (2 if position % 2 == 0 else 1)
        total += value // 10 + value % 10
    return str(-total % 10)


def sim_number(index: int) -> str:
    """+8551000000N, N from 1."""
    return f"+{COUNTRY}1{index:07d}"


def imsi(index: int, plmn: str = PLMN) -> str:
    """15 digits: the home network and the subscriber."""
    return f"{plmn}{index:010d}"


def iccid(index: int, plmn: str = PLMN) -> str:
    """19 digits, the last a check digit."""
    body = f"89{COUNTRY}{plmn[3:]}{index:011d}"
    return body + luhn_digit(body)


def imei(index: int) -> str:
    """15 digits, the last a check digit."""
    body = f"{TEST_TAC}{index:06d}"
    return body + luhn_digit(body)


def dialled(number: str) -> str:
    """What a dialled string means in this network's country: 012… and 0012… and +12… become E.164."""
    digits = "".join(char for char in number if char.isdigit() or char in "+*#")
    if digits.startswith("+") or not digits:
        return digits
    if digits.startswith("00"):
        return "+" + digits[2:]
    if digits.startswith("0") and len(digits) > 6:
        return f"+{COUNTRY}{digits[1:]}"
    return digits
