"""Numbering plans: what a number's digits tell, and no more. The only user of phonenumbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import phonenumbers
from phonenumbers import (
    NumberParseException,
    PhoneMetadata,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
    carrier,
    shortnumberinfo,
)

from telecore.ids import E164

LOCAL, MOBILE, TOLL_FREE = "local", "mobile", "toll-free"

_KINDS = {
    PhoneNumberType.FIXED_LINE: LOCAL,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: LOCAL,
    PhoneNumberType.TOLL_FREE: TOLL_FREE,
}
"""As Twilio sorts what it sells: where a plan does not tell both apart, numbers are local. All others are mobile."""

_LINES = {
    PhoneNumberType.FIXED_LINE: "landline",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.TOLL_FREE: "tollFree",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.SHARED_COST: "sharedCost",
    PhoneNumberType.VOIP: "nonFixedVoip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.VOICEMAIL: "voicemail",
}
_REASONS = {
    ValidationResult.INVALID_COUNTRY_CODE: "INVALID_COUNTRY_CODE",
    ValidationResult.TOO_SHORT: "TOO_SHORT",
    ValidationResult.TOO_LONG: "TOO_LONG",
    ValidationResult.INVALID_LENGTH: "INVALID_LENGTH",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "TOO_SHORT",
}
_UNREADABLE = {
    NumberParseException.INVALID_COUNTRY_CODE: "INVALID_COUNTRY_CODE",
    NumberParseException.NOT_A_NUMBER: "NOT_A_NUMBER",
    NumberParseException.TOO_SHORT_AFTER_IDD: "TOO_SHORT",
    NumberParseException.TOO_SHORT_NSN: "TOO_SHORT",
    NumberParseException.TOO_LONG: "TOO_LONG",
}
_SPECIAL = {PhoneNumberType.PREMIUM_RATE: "premium", PhoneNumberType.SHARED_COST: "shared-cost"}
_NO_COUNTRYS = {
    **dict.fromkeys(("870", "871", "872", "873", "874", "881"), "satellite"),
    **dict.fromkeys(("878", "882", "883", "888"), "international network's"),
    **{"808": "shared-cost", "979": "premium"},
}
"""Calling codes that are no country's (E.164.1, annex to the ITU's bulletin 1114); 800, which is free, is left out."""
_LONGEST = 40
"""Characters of what may be a number as a person writes it."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """What is known of a number. ``faults``: Twilio's words for why it is none; empty for a valid one.

    ``e164`` is what was asked where that cannot be read; ``country`` is ISO 3166; ``line`` Twilio's word for the type,
    empty where the plan does not tell.
    """

    e164: str
    country: str = ""
    calling_code: str = ""
    national: str = ""
    line: str = ""
    faults: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        return not self.faults


def look_up(text: str, country: str = "") -> Numbered:
    """``country``: whose national numbers are meant when there is no ``+``."""
    number = _read(text, country)
    if isinstance(number, str):
        return Numbered(text[:_LONGEST], faults=(number,))
    reason = phonenumbers.is_possible_number_with_reason(number)
    faults = (_REASONS[reason],) if reason in _REASONS else ()
    if not faults and not phonenumbers.is_valid_number(number):
        faults = ("INVALID_BUT_POSSIBLE",)
    code = number.country_code or 0
    return Numbered(
        e164=phonenumbers.format_number(number, PhoneNumberFormat.E164),
        country=_of_a_country(phonenumbers.region_code_for_number(number)) or _main_country(code),
        calling_code=str(code),
        national=phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL),
        line=_LINES.get(phonenumbers.number_type(number), ""),
        faults=faults,
    )


def kind_of(number: str) -> str:
    """``local``, ``mobile`` or ``toll-free``. What no plan knows is a SIM's, and mobile."""
    read = _read(number, "")
    return MOBILE if isinstance(read, str) else _KINDS.get(phonenumbers.number_type(read), MOBILE)


def special_of(number: str, country: str = "") -> str:
    """What makes it dear beyond its country: premium, shared-cost, satellite, international network's; else empty.

    ``country``: whose short codes are meant. What a plan does not tell is not known here.
    """
    if not number.startswith("+"):
        return _short(number, country) if country else ""
    code = next((number[1:end] for end in (4, 3, 2) if number[1:end] in _CODES), "")
    if code in _NO_COUNTRYS:
        return _NO_COUNTRYS[code]
    suspected = _suspected(code) if code else None
    if suspected is None or not suspected.fullmatch(number[1 + len(code) :]):
        return ""
    read = _read(number, "")
    return "" if isinstance(read, str) else _SPECIAL.get(phonenumbers.number_type(read), "")


_CODES = frozenset(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE)) | _NO_COUNTRYS.keys()


@cache
def _suspected(code: str) -> re.Pattern[str] | None:
    """What of a calling code's numbers may be special: to ask that of each by ``number_type`` takes 90 µs."""
    found = []
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)]:
        if region == "001":
            plan = PhoneMetadata.metadata_for_nongeo_region(int(code), None)
        else:
            plan = PhoneMetadata.metadata_for_region(region, None)
        kinds = (plan.premium_rate, plan.shared_cost) if plan is not None else ()
        found += [kind.national_number_pattern for kind in kinds if kind is not None and kind.national_number_pattern]
    return re.compile("|".join(f"(?:{pattern})" for pattern in found)) if found else None


def _short(number: str, country: str) -> str:
    read = _read(number, country)
    if isinstance(read, str):
        return ""
    dear = shortnumberinfo.expected_cost_for_region(read, country) == shortnumberinfo.ShortNumberCost.PREMIUM_RATE
    return "premium" if dear else ""


def country_of(number: str) -> str:
    """ISO 3166, empty where no plan tells."""
    return look_up(number).country


def is_country(code: str) -> bool:
    """Whether there is a numbering plan of this country."""
    return code in phonenumbers.SUPPORTED_REGIONS


def name_of(country: str) -> str:
    """The country's name in English; its code where it has none."""
    names = _names().get(country, {})
    name = str(names.get("en", ""))
    if name.startswith("*"):  # the same as in that other language
        name = str(names.get(name[1:], ""))
    return name or country


@cache
def _names() -> Mapping[str, Mapping[str, str]]:
    """By country, then by language. Their file alone: its package reads the towns of all prefixes too, 100 MB."""
    file = Path(phonenumbers.__file__).parent / "geodata" / "locale.py"
    spec = spec_from_file_location("phonenumbers.names.locale", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    names: Mapping[str, Mapping[str, str]] = module.LOCALE_DATA
    return names


def operator_of(number: str) -> str:
    """The operator that the range was given to, who may have lost the number since; empty when nobody knows."""
    read = _read(number, "")
    return "" if isinstance(read, str) else str(carrier.name_for_number(read, "en"))


def area_of(number: str) -> str:
    """Country and national destination code, digits only; empty when the plan has none."""
    read = _read(number, "")
    if isinstance(read, str) or not (length := phonenumbers.length_of_national_destination_code(read)):
        return ""
    return f"{read.country_code}{read.national_number}"[: len(str(read.country_code)) + length]


def near(recipient: str, numbers: Iterable[E164], *, area: bool) -> frozenset[E164]:
    """Those of the recipient's own operator; with ``area`` also those of his area code."""
    operator, code = operator_of(recipient), area_of(recipient) if area else ""
    return frozenset(
        number
        for number in numbers
        if (operator and operator_of(number) == operator) or (code and area_of(number) == code)
    )


def _read(text: str, country: str) -> PhoneNumber | str:
    """The number, or why it is none."""
    if len(text) > _LONGEST:
        return "TOO_LONG"
    try:
        return phonenumbers.parse(text, country or None)
    except NumberParseException as error:
        return _UNREADABLE[error.error_type]


def _main_country(calling_code: int) -> str:
    return _of_a_country(phonenumbers.region_code_for_country_code(calling_code))


def _of_a_country(region: str | None) -> str:
    """ISO 3166; empty for numbers of no country, as satellites' and networks' are."""
    return "" if region in (None, "ZZ", "001") else str(region)
