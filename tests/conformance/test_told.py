"""Every endpoint of Twilio's that is served is told by some file of stories. No lab is needed here."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.table import ELSEWHERE, TOLD
from tests.conformance.told import twilios


def test_each_endpoint_is_told_or_has_a_reason() -> None:
    named = frozenset().union(*TOLD.values())
    assert sorted(twilios() - named - ELSEWHERE.keys()) == []
    assert sorted((named | ELSEWHERE.keys()) - twilios()) == [], "of endpoints that are not served"
    assert sorted(named & ELSEWHERE.keys()) == []


def test_each_file_of_the_table_is_there() -> None:
    there = {file.stem for file in Path(__file__).parent.glob("test_*.py")}
    assert TOLD.keys() <= there
