"""Small JSON files that a lab finds again on its next start."""

from __future__ import annotations

import json
import os
from pathlib import Path


def keep(path: Path, value: object) -> None:
    """Replace the file in one step, so that a lab which is killed leaves no half of it; only its owner can read it."""
    fresh = path.with_name(f"{path.name}.new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(value, file)
    fresh.replace(path)
