"""The table of scripts/soak."""

from __future__ import annotations

from scripts.soakkit.table import table


def test_each_row_is_a_line_with_its_figures() -> None:
    row = {"fault": "kill -9", "test": "x", "long": True, "seed": 3, "tried": 1000, "lost": 0}
    assert table([row]).splitlines()[2] == "| kill -9 | tried 1000, lost 0 | long | 3 |"
