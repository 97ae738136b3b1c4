import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.alphabet import (
    BASIC,
    EXTENSION,
    from_septets,
    is_gsm,
    pack,
    pack_ussd,
    to_septets,
    unpack,
    unpack_ussd,
)

CHARACTERS = "".join(BASIC.replace("\x1b", "")) + "".join(EXTENSION.values())
texts = st.text(st.sampled_from(CHARACTERS), max_size=160)


@pytest.mark.parametrize(
    ("text", "octets"),
    [("hellohello", "E8329BFD4697D9EC37"), ("*100#", "AA180C3602"), ("€", "9B32"), ("", "")],
)
def test_packs_as_the_standard_does(text: str, octets: str) -> None:
    assert pack(to_septets(text)).hex().upper() == octets


@given(texts, st.integers(0, 6))
def test_what_is_packed_is_unpacked(text: str, fill: int) -> None:
    septets = to_septets(text)
    assert from_septets(unpack(pack(septets, fill_bits=fill), len(septets), fill_bits=fill)) == text


@given(texts.filter(lambda text: not text.endswith("\r")))
def test_a_ussd_string_of_any_length_survives(text: str) -> None:
    assert unpack_ussd(pack_ussd(text)) == text


def test_other_characters_are_refused_by_name() -> None:
    assert not is_gsm("ខ")
    with pytest.raises(ValueError, match="'ខ'"):
        to_septets("aខ")


def test_too_few_octets_are_refused() -> None:
    with pytest.raises(ValueError, match="9 septets"):
        unpack(b"1234567", 9)
