"""error_words.py: errors in digits and in words."""

from __future__ import annotations

import pytest

from edge_agent.drivers.at_modem.error_words import error_code


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        ("cms", "38", 38),
        ("cms", "Memory full", 322),
        ("cme", "SIM not inserted", 10),
        ("cme", "incorrect password", 16),
        ("cme", "never heard", None),
        ("cme", "9" * 4999, None),
    ],
)
def test_error_code(kind, text, code):
    assert error_code(kind, text) == code
