import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.gsm7 import SEPTETS
from telecore.ussd import UssdState, alphabet_of, clean, decode_hex, pack_text, state_of, unpack_text


def test_states_of_cusd():
    assert [state_of(m) for m in range(7)] == [
        UssdState.DONE,
        UssdState.REPLY_WANTED,
        UssdState.RELEASED,
        UssdState.RELEASED,
        UssdState.NOT_SUPPORTED,
        UssdState.TIMEOUT,
        UssdState.RELEASED,
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Balance: 2.50\r\n1 More\r2 Back\r", "Balance: 2.50\n1 More\n2 Back"),
        ("a  \n b \0\0", "a\n b"),
        ("\n\nmenu\n\n1 ok\n", "menu\n\n1 ok"),
        ("", ""),
    ],
)
def test_text_is_cleaned(text: str, shown: str):
    assert clean(text) == shown


@pytest.mark.parametrize(
    ("dcs", "alphabet"),
    [
        (0x00, "gsm7"),
        (0x0F, "gsm7"),
        (0x11, "ucs2"),
        (0x44, "octets"),
        (0x48, "ucs2"),
        (0x40, "gsm7"),
        (0x58, "ucs2"),
        (0x94, "octets"),
        (0xF0, "gsm7"),
        (0xF4, "octets"),
    ],
)
def test_data_coding_schemes(dcs: int, alphabet: str):
    assert alphabet_of(dcs) == alphabet


def test_huawei_speaks_packed_hex():
    assert pack_text("*100#").hex().upper() == "AA180C3602"
    assert decode_hex("AA180C3602", 15) == "*100#"


@pytest.mark.parametrize(
    ("text", "dcs", "shown"),
    [
        ("0042006F006E00200031", 0x48, "Bon 1"),
        ("1796", 0x48, "\u1796"),
        ("48E9", 0x44, "Hé"),
        ("Balance 100", 15, "Balance 100"),
        ("SPRING OFFER", 15, "SPRING OFFER"),
        ("D83D", 0x48, "\ufffd"),
    ],
)
def test_answers_in_hex_and_in_plain(text: str, dcs: int, shown: str):
    assert decode_hex(text, dcs) == shown


@given(st.text(st.sampled_from(sorted(SEPTETS)), max_size=182))
def test_packed_text_comes_back(text: str):
    # A CR at an octet boundary is padding by definition; pack_text doubles it so that one stays.
    assert unpack_text(pack_text(text)) in (text, text + "\r")


@pytest.mark.parametrize("text", ["1234567", "*101#\r", "1234567\r", "1234567@", "12345678"])
def test_spare_bits_are_no_at_sign(text: str):
    assert unpack_text(pack_text(text)).rstrip("\r") == text.rstrip("\r")
    assert len(pack_text("1234567")) == 7
