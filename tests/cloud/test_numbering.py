"""What numbering plans tell."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cloud import numbering
from cloud.numbering import Numbered
from telecore.ids import E164


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


@pytest.mark.parametrize("number", ["+881612345678", "+870773111632", "+882161234567", "+80012345678"])
def test_satellites_and_networks_are_of_no_country(number: str) -> None:
    assert numbering.look_up(number).country == ""
    assert numbering.country_of(number) == ""


def test_countries() -> None:
    assert numbering.country_of("+233244123456") == "GH"
    assert numbering.country_of("+999123") == ""
    assert numbering.is_country("LA")
    assert numbering.name_of("KH") == "Cambodia"
    assert not numbering.is_country("XX")


def test_the_towns_of_the_world_stay_on_the_disk() -> None:
    ask = (
        "from cloud import numbering; import sys; print(numbering.name_of('KH'), 'phonenumbers.geodata' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True)
    assert told.stdout == "Cambodia False\n"


SMART, CELLCARD, LONDON = E164("+85510000001"), E164("+85512000001"), E164("+442071234567")


def test_the_operator_of_a_range() -> None:
    assert numbering.operator_of(SMART) == "Smart"
    assert numbering.operator_of("+85510000002") == numbering.operator_of(SMART) != numbering.operator_of(CELLCARD)
    assert [numbering.operator_of(odd) for odd in ("12345", "hello", "+999123", "")] == [""] * 4


def test_the_area_and_the_country() -> None:
    assert numbering.area_of(LONDON) == "4420"
    assert (numbering.country_of(LONDON), numbering.country_of(SMART), numbering.country_of("1234")) == ("GB", "KH", "")


def test_who_is_near() -> None:
    assert numbering.near("+85512999999", [SMART, CELLCARD, LONDON], area=False) == {CELLCARD}
    assert numbering.near("+442079999999", [SMART, LONDON], area=True) == {LONDON}
    assert numbering.near("+442079999999", [SMART, LONDON], area=False) == frozenset()
    assert numbering.near("1234", [SMART, LONDON], area=True) == frozenset()
