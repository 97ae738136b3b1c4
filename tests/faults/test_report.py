"""scripts/soak: what it runs, what it keeps, what it tells."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from scripts.soakkit.faults import FAULTS, OTHER, fault_of
from scripts.soakkit.one import ROOT, Files, Progress, Result, run
from scripts.soakkit.options import Options, read_options, seconds
from scripts.soakkit.screen import left_s, spell
from scripts.soakkit.soak import Record
from scripts.soakkit.table import table

KILLED = {"fault": "kill -9", "test": "x", "long": True, "seed": 3, "tried": 1000, "lost": 0}


def test_each_figure_is_a_line_under_its_fault() -> None:
    result = Result("tests/faults/test_kill.py::test_books", "passed", seconds=61.0, seed=3, rows=[KILLED])
    lines = table([result]).splitlines()
    line = lines.index("| kill -9 | tried 1000, lost 0 | long | 3 | 61 s | passed |")
    assert f"## {FAULTS[0].name}" in lines[:line]
    assert f"## {FAULTS[1].name}" in lines[line:]


def test_what_was_not_run_or_failed_has_a_line_too() -> None:
    text = table(
        [
            Result("tests/faults/test_disk.py::test_full_disk", seconds=0.0),
            Result("tests/faults/test_clock.py::test_jump", "failed", "assert 1 == 2\nwhere"),
        ]
    )
    assert "| disk: full disk | | long | 1 |  | not run |" in text
    assert "| clock: jump | | long | 1 |  | **failed**: assert 1 == 2 |" in text
    assert text.count("\nnot run\n") == len(FAULTS) - 2
    assert f"| {FAULTS[4].name} | {FAULTS[4].must_hold} |  | 0 of 1 passed, 1 failed |" in text
    assert f"| {FAULTS[0].name} | {FAULTS[0].must_hold} |  | not run |" in text


@pytest.mark.parametrize(
    ("name", "place"),
    [("kill", 0), ("power_cut", 1), ("uplink_slow", 2), ("disk", 3), ("clock", 4), ("modem", 5), ("webhooks", 6)]
    + [("reconnect_storm", 7), ("fuzz_sip", 8), ("tunnel_attacks", 9), ("soak", 10)],
)
def test_a_file_belongs_to_the_fault_that_its_name_tells(name: str, place: int) -> None:
    assert fault_of(f"tests/faults/test_{name}.py::test_x") is FAULTS[place]
    assert fault_of("tests/faults/test_zebra.py::test_x") is OTHER


def test_times_are_read_and_spelt() -> None:
    assert [seconds(text) for text in ("45s", "90m", "2h", "1.5h", "3")] == [45, 5400, 7200, 5400, 180]
    for text in ("", "0m", "soon", "-1m"):
        with pytest.raises(argparse.ArgumentTypeError):
            seconds(text)
    assert [spell(s) for s in (5, 75, 3700)] == ["5 s", "1:15 min", "1:01 h"]
    assert read_options(["--budget", "2h", "-k", "x", "tests/faults/test_kill.py"]).budget_s == 7200
    assert read_options([]).tests == ("tests/faults",)


def test_the_time_left_is_judged_by_how_far_it_is() -> None:
    assert left_s(60, Progress(250, 1000, "kills"), 10) == 180
    assert left_s(60, None, 100) == 40
    assert left_s(60, None, None) is None


SAMPLE = """
import time, pytest
def test_bad(report):
    report("bad", tried=1)
    assert 1 == 2, "lost one"
def test_gone(): import os; os.kill(os.getpid(), 9)
def test_long(report, progress):
    progress(7, 1000, "kills")
    try: time.sleep(60)
    finally: report("long", tried=7)
"""


def _stop_what_has_begun(so_far_s: float, progress: Progress | None) -> None:
    if progress is not None:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("name", "outcome", "reason", "rows"),
    [
        ("bad", "failed", "lost one", 1),
        ("gone", "failed", "pytest ended with -9", 0),
        ("long", "stopped", "interrupted, 7 of 1,000 kills", 1),
    ],
)
def test_whatever_becomes_of_a_test_is_told(tmp_path: Path, name: str, outcome: str, reason: str, rows: int) -> None:
    (tmp_path / "conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text())
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    (tmp_path / "logs").mkdir()
    result = Result(f"{tmp_path}/test_sample.py::test_{name}")
    with suppress(KeyboardInterrupt):
        run(result, None, Files(tmp_path), None, _stop_what_has_begun)
    assert result.outcome == outcome
    assert reason in result.reason
    assert len(result.rows) == rows


def test_what_passed_is_kept_for_a_run_that_goes_on(tmp_path: Path) -> None:
    done = [Result("tests/faults/test_kill.py::test_a", "passed", rows=[KILLED]), Result("t::b", "failed", "x")]
    Record(tmp_path, Options(), done).write()
    again = Record(tmp_path, Options(), [Result(result.test) for result in done])
    assert again.take_over() == 1
    assert [result.outcome for result in again.results] == ["passed", "not run"]
    assert again.results[0].rows == [KILLED]
    other_seed = Record(tmp_path, Options(seed=2), [Result(result.test, seed=2) for result in done])
    assert other_seed.take_over() == 0
    assert json.loads((tmp_path / "table.json").read_text())["results"][0]["group"] == FAULTS[0].name


def test_it_says_what_it_can_do() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.soakkit", "--help"], check=True, capture_output=True, text=True, cwd=ROOT
    )
    for word in ("--budget", "--resume", "--seed", "--short", "--each", ".soak/table.md"):
        assert word in done.stdout
