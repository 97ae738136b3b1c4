"""A short simulated day: the agent beside modems of six families, with every kind of trouble, and all accounted for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def day(folder: Path, *options: str) -> dict[str, object]:
    """Run one; its report. The first line of a broken promise is the failure."""
    done = subprocess.run(
        [sys.executable, "-m", "scripts.daykit", "--report", str(folder), *options],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"},
        capture_output=True, text=True, timeout=115, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return dict(json.loads((folder / "report.json").read_text()))


@pytest.mark.flow
def test_two_hours_of_sixteen_modems_with_every_fault_end_with_all_accounted_for(tmp_path: Path) -> None:
    report = day(tmp_path, "--hours", "2", "--seed", "7", "--fault-every", "60")
    counts = report["counts"]
    assert isinstance(counts, dict)
    assert report["passed"] is True
    assert counts["inbound SMS"] > 80
    assert counts["outbound SMS delivered"] > 100
    assert "<svg" in (tmp_path / "day.svg").read_text()


@pytest.mark.flow
def test_the_same_seed_gives_the_same_day(tmp_path: Path) -> None:
    options = ("--hours", "0.5", "--modems", "6", "--seed", "3", "--fault-every", "60")
    one, two = (day(tmp_path / name, *options) for name in ("one", "two"))
    assert one == two
