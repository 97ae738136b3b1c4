"""What numbering plans tell of a number. The only user of phonenumbers in the services."""

from __future__ import annotations

from collections.abc import Iterable

from phonenumbers import (
    NumberParseException,
    PhoneNumber,
    carrier,
    length_of_national_destination_code,
    parse,
    region_code_for_number,
)

from telecore.ids import E164


def operator_of(number: str) -> str:
    """The operator that the range was given to, who may have lost the number since; empty when nobody knows."""
    parsed = _parsed(number)
    return "" if parsed is None else str(carrier.name_for_number(parsed, "en"))


def area_of(number: str) -> str:
    """Country and national destination code, digits only; empty when the plan has none."""
    parsed = _parsed(number)
    if parsed is None or not (length := length_of_national_destination_code(parsed)):
        return ""
    return f"{parsed.country_code}{parsed.national_number}"[: len(str(parsed.country_code)) + length]


def country_of(number: str) -> str:
    """Two letters (ISO 3166-1); empty when the number is of none."""
    parsed = _parsed(number)
    return "" if parsed is None else region_code_for_number(parsed) or ""


def near(recipient: str, numbers: Iterable[E164], *, area: bool) -> frozenset[E164]:
    """Those of the recipient's own operator; with ``area`` also those of his area code."""
    operator, code = operator_of(recipient), area_of(recipient) if area else ""
    return frozenset(
        number
        for number in numbers
        if (operator and operator_of(number) == operator) or (code and area_of(number) == code)
    )


def _parsed(number: str) -> PhoneNumber | None:
    try:
        return parse(number)
    except NumberParseException:
        return None
