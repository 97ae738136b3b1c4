"""Numbers and addresses: strict towards networks and customers, lenient towards what devices report."""

from __future__ import annotations

import re

from telecore.errors import InvalidRequest
from telecore.gsm7 import SEPTETS, is_gsm7
from telecore.ids import E164, Address

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SEPARATORS = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]+")
_DIALLED = re.compile(r"\+?[0-9]{1,20}")
_SERVICE_CODE = re.compile(r"\+?[0-9*#]{1,40}")
_SHORT_CODE = re.compile(r"[0-9]{3,6}")

_TRUNK_PREFIXES = {"7": "8", "36": "06", "375": "80", "993": "8"}
"""What is dialled before a national number and dropped abroad, where it is not 0."""
_ZERO_BELONGS = frozenset({"39", "378", "379"})
"""Italy, San Marino and the Vatican keep the 0 in the international form."""

_EMERGENCY = frozenset({"112", "911", "000", "08", "110", "118", "119", "999"})
"""What every phone must treat as emergency calls (22.101 §10.1.1)."""
_EMERGENCY_BY_COUNTRY: dict[str, frozenset[str]] = {
    country: frozenset(codes.split())
    for country, codes in {
        "1": "988",
        "7": "101 102 103 104",
        "20": "122 123 180",
        "27": "10111 10177",
        "30": "100 166 199",
        "33": "15 17 18 114 115 191 196",
        "34": "061 062 080 091 092",
        "39": "113 114 115 117 118",
        "41": "117 118 144 1414",
        "43": "122 133 144",
        "48": "997 998",
        "52": "065 066 068",
        "55": "190 191 192 193",
        "60": "994 995",
        "62": "113 115",
        "63": "117",
        "64": "111",
        "66": "191 199 1669",
        "81": "118",
        "84": "113 114 115",
        "86": "120 122",
        "90": "155 156 158",
        "91": "100 101 102 108",
        "92": "15 16 1122 115",
        "94": "110 117",
        "95": "191 192 199",
        "98": "115 125",
        "212": "15 19 177",
        "213": "14 17 1021",
        "216": "190 197 198",
        "234": "199 767",
        "251": "907 939 991",
        "255": "114 115",
        "380": "101 102 103 104",
        "855": "117 118 119",
        "856": "190 191 195",
        "880": "999",
        "886": "113",
        "966": "911 937 997 998",
        "971": "997 998",
        "972": "100 101 102",
        "977": "100 101 102",
    }.items()
}


def parse_e164(text: str, *, field: str = "To", code: int = 21211) -> E164:
    """``+`` and 7 to 15 digits, nothing else. Raises ``InvalidRequest`` that says what is wrong, for ``field``."""
    if _E164.fullmatch(text) is None:
        raise InvalidRequest(f"{field}: {_complaint(text)}", field=field, code=code)
    return E164(text)


def _complaint(text: str) -> str:
    if not text:
        return "the number is empty"
    shown = repr(text[:40])
    if not text.startswith("+"):
        return f"{shown} must begin with + and the country code"
    stray = next((char for char in text[1:] if char not in "0123456789"), None)
    if stray is not None:
        return f"{shown} has {stray!r} where only digits may be"
    if text[1:2] == "0":
        return f"{shown} has a country code that begins with 0"
    return f"{shown} has {len(text) - 1} digits; 7 to 15 are possible"


def normalise(number: str, country_code: str, *, field: str = "To", code: int = 21211) -> E164:
    """E.164 out of what people write: national (``012 345 678``), ``00…``, ``+…``, with separators.

    ``country_code`` has digits only. Digits that are neither national nor prefixed count as international if they begin
    with the country code and are long enough, else as national. Raises ``InvalidRequest`` as ``parse_e164`` does.
    """
    digits = _SEPARATORS.sub("", number)
    if digits.startswith("00"):
        return parse_e164("+" + digits[2:], field=field, code=code)
    if digits.startswith("+") or not digits.isdecimal():
        return parse_e164(digits, field=field, code=code)
    trunk = _TRUNK_PREFIXES.get(country_code, "0")
    if digits.startswith(trunk) and not (trunk == "0" and country_code in _ZERO_BELONGS):
        digits = country_code + digits.removeprefix(trunk)
    elif not (digits.startswith(country_code) and len(digits) >= len(country_code) + 7):
        digits = country_code + digits
    return parse_e164("+" + digits, field=field, code=code)


def is_e164(text: str) -> bool:
    """Whether ``parse_e164`` would take it."""
    return _E164.fullmatch(text) is not None


def is_short_code(text: str) -> bool:
    """Three to six digits: a service within one country."""
    return _SHORT_CODE.fullmatch(text) is not None


def is_alphanumeric_sender(text: str) -> bool:
    """A name in place of a number: at most 11 septets of the GSM alphabet, a letter among them (23.040 §9.1.2.5)."""
    if not is_gsm7(text) or not any(char.isalpha() for char in text) or text != text.strip():
        return False
    return sum(len(SEPTETS[char]) for char in text) <= 11


def address_of(text: str, *, international: bool = False, country_code: str = "") -> Address:
    """An address as a device reports it, in the best form that can be told without guessing.

    ``international`` is the type of number that came with it (TON 1, ``145``); ``country_code`` is the SIM's home, if
    known, and turns national forms into E.164. Names, short codes and what cannot be read stay; control characters go.
    """
    plain = "".join(char for char in text if char.isprintable()).strip()
    digits = _SEPARATORS.sub("", plain)
    if _DIALLED.fullmatch(digits) is None:
        return Address(plain)
    if is_e164(digits):
        return Address(digits)
    if international and is_e164("+" + digits.removeprefix("00")):
        return Address("+" + digits.removeprefix("00"))
    if digits.startswith("00") and is_e164("+" + digits[2:]):
        return Address("+" + digits[2:])
    trunk = _TRUNK_PREFIXES.get(country_code, "0")
    if country_code and digits.startswith(trunk) and len(digits) > 6:
        national = digits if country_code in _ZERO_BELONGS else digits.removeprefix(trunk)
        if is_e164(f"+{country_code}{national}"):
            return Address(f"+{country_code}{national}")
    return Address(digits)


def is_emergency(number: str, country_code: str = "") -> bool:
    """Whether a call to it would go to police, fire or ambulance: in every network, or in the country's."""
    digits = _SEPARATORS.sub("", number).removeprefix("+")
    local = _EMERGENCY_BY_COUNTRY.get(country_code, frozenset())
    return (
        digits in _EMERGENCY
        or digits in local
        or (bool(country_code) and digits.removeprefix(country_code) in local | _EMERGENCY)
    )


def safe_to_dial(text: str, *, service_codes: bool = False) -> bool:
    """Whether it may stand in an AT command or a SIP URI: digits after an optional ``+``.

    ``service_codes`` also allows ``*`` and ``#``, which can divert calls or lock SIMs, and so only for USSD.
    """
    return (_SERVICE_CODE if service_codes else _DIALLED).fullmatch(text) is not None
