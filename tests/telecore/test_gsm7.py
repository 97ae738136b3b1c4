import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.errors import InvalidRequest
from telecore.gsm7 import BASIC, EXTENSION, SEPTETS, decode_gsm7, encode_gsm7, fill_bits, is_gsm7, pack, unpack

gsm_text = st.text(st.sampled_from(sorted(SEPTETS)), max_size=200)


def test_the_alphabet_is_whole():
    assert (len(BASIC), len(set(BASIC)), len(EXTENSION)) == (128, 128, 10)
    # Where GSM and ASCII agree, by §6.2.1.
    for char in "\n\r !\"#%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz":
        assert BASIC[ord(char)] == char


@pytest.mark.parametrize(
    ("septet", "name"),
    [
        (0x00, "COMMERCIAL AT"),
        (0x02, "DOLLAR SIGN"),
        (0x09, "LATIN CAPITAL LETTER C WITH CEDILLA"),
        (0x10, "GREEK CAPITAL LETTER DELTA"),
        (0x11, "LOW LINE"),
        (0x15, "GREEK CAPITAL LETTER OMEGA"),
        (0x1A, "GREEK CAPITAL LETTER XI"),
        (0x1E, "LATIN SMALL LETTER SHARP S"),
        (0x24, "CURRENCY SIGN"),
        (0x40, "INVERTED EXCLAMATION MARK"),
        (0x5F, "SECTION SIGN"),
        (0x60, "INVERTED QUESTION MARK"),
        (0x7F, "LATIN SMALL LETTER A WITH GRAVE"),
    ],
)
def test_where_gsm_differs_from_ascii(septet: int, name: str):
    assert unicodedata.name(decode_gsm7(bytes([septet]))) == name


def test_extension_characters_take_two_septets():
    assert encode_gsm7("€[\f") == bytes.fromhex("1b651b3c1b0a")
    assert decode_gsm7(bytes.fromhex("1b651b3c1b0a")) == "€[\f"


@pytest.mark.parametrize(
    ("septets", "text"),
    [("1b41", "A"), ("1b1b", " "), ("411b", "A"), ("1b", ""), ("1b1b41", " A"), ("1b00", "@"), ("c1", "A")],
)
def test_unknown_escapes_show_the_basic_character(septets: str, text: str):
    assert decode_gsm7(bytes.fromhex(septets)) == text


@pytest.mark.parametrize("char", ["ç", "`", "Á", "ê", "\t", "’", "ខ", "😀", "\x1b", "\u00a0"])
def test_what_is_not_in_the_alphabet(char: str):
    assert not is_gsm7(f"abc{char}")
    with pytest.raises(InvalidRequest) as caught:
        encode_gsm7(f"abc{char}")
    assert repr(char) in str(caught.value)


@given(gsm_text)
def test_text_comes_back(text: str):
    assert is_gsm7(text)
    assert decode_gsm7(encode_gsm7(text)) == text


@given(st.binary(max_size=200).map(lambda data: bytes(byte & 0x7F for byte in data)), st.integers(0, 6))
def test_septets_come_back(septets: bytes, fill: int):
    packed = pack(septets, fill)
    assert len(packed) == -(-(7 * len(septets) + fill) // 8)
    assert unpack(packed, len(septets), fill) == septets


def test_packing_by_the_published_example():
    assert pack(encode_gsm7("hellohello")) == bytes.fromhex("e8329bfd4697d9ec37")


@pytest.mark.parametrize("length", range(1, 25))
def test_at_signs_at_any_octet_boundary(length: int):
    text = "@" * length
    assert decode_gsm7(unpack(pack(encode_gsm7(text)), length)) == text


def test_fewer_octets_than_the_count_promises():
    assert unpack(pack(b"abcdefgh")[:4], 8) == b"abcd"
    assert unpack(b"", 8) == b""
    assert unpack(b"\x01", 3, fill=6) == b""


@pytest.mark.parametrize(("header", "fill"), [(0, 0), (6, 1), (7, 0), (5, 2), (12, 2)])
def test_fill_bits_bring_the_text_to_a_septet_boundary(header: int, fill: int):
    assert fill_bits(header) == fill
    assert (8 * header + fill) % 7 == 0
