"""Sentences of verifications."""

from __future__ import annotations

import pytest

from telecore.sms import count_segments
from telecore.verify_texts import BY_COUNTRY, TEXTS, known_locale, locale_of, sms_body


@pytest.mark.parametrize("locale", TEXTS)
def test_each_locale_says_name_and_code_in_two_segments_at_most(locale: str) -> None:
    body = sms_body(locale, "Clinic", "123456", warning=True)
    assert "Clinic" in body
    assert "123456" in body
    assert "{" not in body
    assert count_segments(body).segments <= 2
    assert count_segments(sms_body(locale, "Clinic", "123456", warning=False)).segments == 1
    assert TEXTS[locale].press
    assert "123456" not in sms_body(locale, "Clinic", "******", warning=True)


def test_a_locale_is_known_by_its_language() -> None:
    assert [known_locale(text) for text in ("pt-br", "PT_BR", "fr-CA", "km", "en-US", "xx", "")] == [
        "pt-BR", "pt-BR", "fr", "km", "en", None, None,
    ]  # fmt: skip


def test_a_country_has_a_locale() -> None:
    assert set(BY_COUNTRY.values()) <= set(TEXTS)
    assert (locale_of("KH"), locale_of("US"), locale_of("")) == ("km", "en", "en")


def test_a_payment_comes_first() -> None:
    assert sms_body("en", "Bank", "1234", warning=False, payment="Shop: 5 EUR") == (
        "Shop: 5 EUR. Your Bank verification code is: 1234"
    )
