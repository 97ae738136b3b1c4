"""What numbering plans tell."""

from __future__ import annotations

from cloud.services.numbering import area_of, country_of, near, operator_of
from telecore.ids import E164

SMART, CELLCARD, LONDON = E164("+85510000001"), E164("+85512000001"), E164("+442071234567")


def test_the_operator_of_a_range() -> None:
    assert operator_of(SMART) == "Smart"
    assert operator_of("+85510000002") == operator_of(SMART) != operator_of(CELLCARD)
    assert [operator_of(odd) for odd in ("12345", "hello", "+999123", "")] == [""] * 4


def test_the_area_and_the_country() -> None:
    assert area_of(LONDON) == "4420"
    assert (country_of(LONDON), country_of(SMART), country_of("1234")) == ("GB", "KH", "")


def test_who_is_near() -> None:
    assert near("+85512999999", [SMART, CELLCARD, LONDON], area=False) == {CELLCARD}
    assert near("+442079999999", [SMART, LONDON], area=True) == {LONDON}
    assert near("+442079999999", [SMART, LONDON], area=False) == frozenset()
    assert near("1234", [SMART, LONDON], area=True) == frozenset()
