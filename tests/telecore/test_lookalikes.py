import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.gsm7 import SEPTETS, is_gsm7
from telecore.lookalikes import _REPLACEMENTS, smart_encode


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("“It’s 5 – 6 o’clock…”", "\"It's 5 - 6 o'clock...\""),
        ("a\u00a0b\u200bc", "a bc"),
        ("ＡＢＣ１２３！", "ABC123!"),
        ("`code`", "'code'"),
        ("«¼»", '"1/4"'),
        ("ça va", "ça va"),
        ("😀 “x”", '😀 "x"'),
    ],
)
def test_typography_becomes_plain(text: str, plain: str):
    assert smart_encode(text) == plain


def test_every_replacement_is_in_the_gsm_alphabet_and_was_needed():
    for code, plain in _REPLACEMENTS.items():
        assert is_gsm7(plain)
        assert not is_gsm7(chr(code)), unicodedata.name(chr(code), hex(code))


@given(st.text(st.sampled_from(sorted(SEPTETS))))
def test_gsm_text_is_left_alone(text: str):
    assert smart_encode(text) == text


@given(st.text())
def test_once_is_enough(text: str):
    assert smart_encode(smart_encode(text)) == smart_encode(text)
