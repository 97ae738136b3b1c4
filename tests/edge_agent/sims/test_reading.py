"""Amounts, currencies and dates in an operator's words; what cannot be read is unknown, never zero."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sims.reading import read_amount, read_balance, read_date, read_top_up, safe
from edge_agent.sims.recipe import BalanceRecipe, TopUpRecipe

TODAY = date(2026, 1, 15)


@pytest.mark.parametrize(
    ("text", "decimal", "amount", "sign"),
    [
        ("1,234.50", ".", "1234.50", ""),
        ("1.234,50", ",", "1234.50", ""),
        ("1 234,50", ",", "1234.50", ""),
        ("1\u00a0234.50", ".", "1234.50", ""),
        ("1'234.50", ".", "1234.50", ""),
        ("12,34,567.89", ".", "1234567.89", ""),
        ("K12.50", ".", "12.50", "K"),
        ("$0.35", ".", "0.35", "$"),
        (".35", ".", "0.35", ""),
        ("៛1000", ".", "1000", "៛"),
        ("1000៛", ".", "1000", "៛"),
        ("5.00 USD.", ".", "5.00", "USD"),
        ("-0.50", ".", "-0.50", ""),
        ("\u22120,50", ",", "-0.50", ""),
        ("០.៣៥", ".", "0.35", ""),  # Khmer
        ("໑໒,໐໐໐", ".", "12000", ""),  # Lao
        ("١٢٫٥", ".", "12.5", ""),  # Arabic, with its own decimal mark
        ("0", ".", "0", ""),
        ("0.00", ".", "0.00", ""),
    ],
)
def test_amounts(text, decimal, amount, sign):
    assert read_amount(text, decimal) == (Decimal(amount), sign)


@pytest.mark.parametrize("text", ["", "USD", "-", "1.2.3", "1,23", "12,3456", "1,234,56", ".", "1-2", "1.234,50", "²"])
def test_what_is_no_amount_is_unknown(text):
    assert read_amount(text, ".")[0] is None


@given(st.text(max_size=40), st.sampled_from(".,"))
def test_any_text_is_an_amount_or_unknown(text, decimal):
    amount, _ = read_amount(text, decimal)
    assert amount is None or amount.is_finite()


@pytest.mark.parametrize(
    ("text", "formats", "found"),
    [
        ("31.12.2026", ["%d.%m.%Y"], date(2026, 12, 31)),
        ("31/12/26", ["%d-%m-%y", "%d/%m/%y"], date(2026, 12, 31)),
        ("01/01/70", ["%d/%m/%y"], date(2070, 1, 1)),  # strptime says 1970
        ("5 Mar 2026", ["%d %b %Y"], date(2026, 3, 5)),
        ("៣១/១២/២០២៦", ["%d/%m/%Y"], date(2026, 12, 31)),
        ("2026-02-30", ["%Y-%m-%d"], None),
        ("soon", ["%d.%m.%Y"], None),
        ("29/02/27", ["%d/%m/%y"], None),
    ],
)
def test_dates(text, formats, found):
    assert read_date(text, formats, TODAY) == found


def recipe(**changes):
    match = (r"balance (?P<amount>[^ ;]+)(?: (?P<currency>\w+))?", r"until (?P<expiry>\S+)", r"for (?P<days>\d+) days")
    return BalanceRecipe(**{"steps": ("*1#",), "match": match, "dates": ("%d.%m.%y",), **changes})


def test_the_groups_come_from_whatever_expression_has_them():
    reading = read_balance(recipe(), ["balance 1,000.50 USD until 31.12.26"], TODAY)
    assert (reading.amount, reading.currency, reading.expires_on) == (Decimal("1000.50"), "USD", date(2026, 12, 31))
    assert reading.note == ""


def test_days_count_from_today():
    assert read_balance(recipe(), ["balance 1.00 USD for 30 days"], TODAY).expires_on == date(2026, 2, 14)


def test_an_advertisement_before_or_after_does_not_hide_the_balance():
    texts = ["balance 2.00 USD", "Win a car! Dial *55#"]
    assert read_balance(recipe(), texts, TODAY).amount == Decimal("2.00")
    assert read_balance(recipe(), texts[::-1], TODAY).amount == Decimal("2.00")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("call +85512345678 for help", "not understood; the operator said: call +8551***678"),
        ("balance none USD", "'none' is no amount"),
        ("", "not understood"),
    ],
)
def test_unknown_is_never_zero_and_says_why(text, note):
    reading = read_balance(recipe(), [text], TODAY)
    assert reading.amount is None
    assert note.split("+", maxsplit=1)[0] in reading.note
    assert "12345678" not in reading.note


def test_a_date_that_cannot_be_read_leaves_the_amount():
    reading = read_balance(recipe(), ["balance 1.00 USD until tomorrow"], TODAY)
    assert (reading.amount, reading.expires_on) == (Decimal("1.00"), None)
    assert "'tomorrow' is no date" in reading.note


@pytest.mark.parametrize(
    ("text", "own", "currency"),
    [
        ("balance K12.50", {"symbols": {"K": "ZMW"}}, "ZMW"),
        ("balance ៛1000", {}, "KHR"),
        ("balance 5.00 USD", {"currency": "KHR"}, "USD"),
        ("balance 5.00 riel", {"currency": "KHR"}, "KHR"),
        ("balance 5.00", {"currency": "KHR"}, "KHR"),
        ("balance $5.00", {}, "$"),
    ],
)
def test_currencies(text, own, currency):
    assert read_balance(recipe(**own), [text], TODAY).currency == currency


def test_a_top_up_that_is_neither_done_nor_refused_is_unknown():
    top_up = TopUpRecipe(code="*1*{pin}#", done="(?i)success", refused="(?i)unsuccessful|invalid")
    assert [read_top_up(top_up, text) for text in ("Success!", "Unsuccessful", "Please wait", "")] == [
        "done", "refused", "unknown", "unknown",
    ]  # fmt: skip


def test_what_an_operator_said_is_kept_without_secrets_and_numbers():
    assert safe("Voucher 1234 5678-90 is ១២៣៤៥៦៧៨៩០.", "1234567890") == "Voucher *** is ***."
    said = safe("Voucher 1234567890\nused by +85512345678 " + "x" * 500, "1234567890")
    assert "1234567890" not in said
    assert "12345678" not in said
    assert len(said) < 200
