"""What numbering plans tell."""

from __future__ import annotations

import pytest

from cloud import numbering
from cloud.numbering import Numbered


def test_a_mobile_number_of_cambodia() -> None:
    assert numbering.look_up("+85512000001") == Numbered("+85512000001", "KH", "855", "012 000 001", "mobile")


def test_a_national_number_needs_its_country() -> None:
    assert numbering.look_up("012 000 001", "KH").e164 == "+85512000001"
    assert numbering.look_up("012 000 001").faults == ("INVALID_COUNTRY_CODE",)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("+85599", "TOO_SHORT"),
        ("+8559", "TOO_SHORT"),
        ("+1415555010012345", "TOO_LONG"),
        ("+999123", "INVALID_COUNTRY_CODE"),
        ("abc", "NOT_A_NUMBER"),
        ("", "NOT_A_NUMBER"),
        ("9" * 1_000_000, "TOO_LONG"),
        ("+12005550100", "INVALID_BUT_POSSIBLE"),
        ("\x00", "NOT_A_NUMBER"),
    ],
)
def test_why_it_is_no_number(text: str, fault: str) -> None:
    found = numbering.look_up(text)
    assert (found.faults, found.valid) == ((fault,), False)
    assert len(found.e164) <= 40


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("+85512000001", "mobile"),
        ("+493012345678", "local"),
        ("+14155550100", "local"),
        ("+18005551234", "toll-free"),
        ("+999123", "mobile"),
        ("12345", "mobile"),
    ],
)
def test_kinds(number: str, kind: str) -> None:
    assert numbering.kind_of(number) == kind


def test_countries() -> None:
    assert numbering.country_of("+233244123456") == "GH"
    assert numbering.country_of("+999123") == ""
    assert numbering.is_country("LA")
    assert numbering.name_of("KH") == "Cambodia"
    assert not numbering.is_country("XX")
