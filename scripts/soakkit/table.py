"""The rows that tests/faults reported, as one table in Markdown: ``python -m scripts.soakkit.table rows.jsonl``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_ABOUT = ("fault", "test", "long", "seed")


def table(rows: Iterable[dict[str, Any]]) -> str:
    """One line per row: the fault, then its figures as they were told."""
    lines = ["| fault | figures | form | seed |", "|---|---|---|---|"]
    for row in rows:
        figures = ", ".join(f"{name.replace('_', ' ')} {row[name]}" for name in row if name not in _ABOUT)
        lines.append(f"| {row['fault']} | {figures} | {'long' if row['long'] else 'short'} | {row['seed']} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table of a file of rows."""
    rows = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    print(table(rows) if rows else "no figures: nothing was run")


if __name__ == "__main__":
    main()
