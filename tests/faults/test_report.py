"""scripts/soak: what it runs, what it keeps, what it tells."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.soakkit.crew import Took
from scripts.soakkit.faults import FAULTS, OTHER, fault_of
from scripts.soakkit.one import ROOT, Files, Progress, Result, Running
from scripts.soakkit.options import Options, read_options, seconds
from scripts.soakkit.record import Record, commit, machine
from scripts.soakkit.screen import Screen, left_s, spell
from scripts.soakkit.table import table

KILLED = {"fault": "kill -9", "test": "x", "long": True, "seed": 3, "tried": 1000, "lost": 0}


def test_each_figure_is_a_line_under_its_fault() -> None:
    result = Result(
        "tests/faults/test_kill.py::test_books", "passed", seconds=61.0, seed=3, commit="4738145abc", rows=[KILLED]
    )
    lines = table([result]).splitlines()
    line = lines.index("| kill -9 | tried 1000, lost 0 | long | 3 | 4738145abc | 61 s | passed |")
    assert f"## {FAULTS[0].name}" in lines[:line]
    assert f"## {FAULTS[1].name}" in lines[line:]


def test_what_was_not_run_or_failed_has_a_line_too() -> None:
    text = table(
        [
            Result("tests/faults/test_disk.py::test_full_disk", seconds=0.0),
            Result("tests/faults/test_clock.py::test_jump", "failed", "assert 1 == 2\nwhere"),
        ]
    )
    assert "| disk: full disk | | long | 1 |  |  | not run |" in text
    assert "| clock: jump | | long | 1 |  |  | **failed**: assert 1 == 2 |" in text
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
    assert read_options(["--any-commit"]).resume
    with pytest.raises(SystemExit):
        read_options(["--jobs", "0"])


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
def test_short(report, progress, monkeypatch):
    from conftest import is_up
    monkeypatch.setenv("SIMFERRY_UNTIL", "1")
    progress(3, 1000, "kills")
    assert is_up(10)
    report("short", tried=3)
"""


def _run(result: Result, folder: Path, stop_when: Callable[[Running], bool] = lambda one: False) -> None:
    one = Running(result, None, Files(folder), None)
    while not one.over():
        if stop_when(one):
            one.stop("interrupted")
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("name", "outcome", "reason", "rows"),
    [
        ("bad", "failed", "lost one", 1),
        ("gone", "failed", "pytest ended with -9", 0),
        ("long", "stopped", "interrupted, 7 of 1,000 kills", 1),
        ("short", "in part", "its time was over at 3 of 1,000 kills", 1),
    ],
)
def test_whatever_becomes_of_a_test_is_told(tmp_path: Path, name: str, outcome: str, reason: str, rows: int) -> None:
    (tmp_path / "conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text())
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    (tmp_path / "logs").mkdir()
    result = Result(f"{tmp_path}/test_sample.py::test_{name}")
    _run(result, tmp_path, lambda one: name == "long" and one.progress is not None)
    assert result.outcome == outcome
    assert reason in result.reason
    assert len(result.rows) == rows
    assert 0 < result.cpu_s < 60


DONE = (
    Result("tests/faults/test_kill.py::test_a", "passed", seconds=70, cpu_s=9, commit="aaa", rows=[KILLED]),
    Result("t::b", "failed", "x", commit="aaa"),
    Result("t::c", "passed", commit="aaa-dirty"),
)


@pytest.mark.parametrize(
    ("commit_now", "options", "shared", "kept"),
    [
        ("aaa", Options(), False, 1),
        ("aaa", Options(), True, 1),
        ("aaa", Options(seed=2), False, 0),
        ("aaa", Options(long=False), False, 0),
        ("bbb", Options(), False, 0),
        ("aaa-dirty", Options(), False, 0),
        ("bbb", Options(any_commit=True), False, 2),
    ],
)
def test_what_passed_is_kept_for_a_run_that_goes_on(
    tmp_path: Path, commit_now: str, options: Options, shared: bool, kept: int
) -> None:
    Record(tmp_path, Options(), [*DONE]).write()
    fresh = [
        Result(result.test, long=options.long, shared=shared, seed=options.seed, commit=commit_now) for result in DONE
    ]
    again = Record(tmp_path, options, fresh)
    assert again.take_over() == kept
    assert sum(result.outcome == "passed" for result in again.results) == kept
    assert (again.results[0].rows == [KILLED]) == (kept > 0)
    assert again.results[1].outcome == "not run"
    again.write()
    text = (tmp_path / "table.md").read_text()
    assert ("were kept from a run at another commit: aaa" in text) == (kept > 0)  # none of them is of this one
    assert commit() in text
    assert machine() in text


def test_how_long_each_took_is_known_to_the_next_run(tmp_path: Path) -> None:
    Record(tmp_path, Options(), [*DONE]).write()
    again = Record(tmp_path, Options(), [Result(result.test) for result in DONE])
    assert again.expected == {DONE[0].test: Took(70, 9), DONE[2].test: Took(0)}
    assert Record(tmp_path, Options(), [Result(DONE[0].test, shared=True)]).expected == {DONE[0].test: Took(70, 9)}
    assert Record(tmp_path, Options(long=False), [Result(DONE[0].test, long=False)]).expected == {}


def test_durations_of_an_earlier_format_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "durations.json").write_text('{"long t::c": 71.5, "long t::b": [3, 2]}')
    assert Record(tmp_path, Options(), [Result("t::c"), Result("t::b")]).expected == {"t::b": Took(3, 2)}


def test_the_screen_tells_of_each_and_of_all() -> None:
    tests = [f"tests/faults/test_x.py::test_{name}" for name in "abcd"]
    screen = Screen(tests, {tests[1]: Took(100), tests[2]: Took(50), tests[3]: Took(30)}, 2, [tests[3]])
    lines = screen.state([(tests[0], 60, Progress(1, 4, "kills")), (tests[1], 90, None)], tests[2:])
    assert lines == [
        "    x: a: 1:00 min, 1 of 4 kills, about 3:00 min left",
        "    x: b: 1:30 min, about 10 s left",
        "    2 wait; all: about 3:30 min",
    ]
    assert screen.state([(tests[0], 60, None)], tests[1:2])[-1].endswith("1:40 min and 1 test of unknown length")


def test_it_says_what_it_can_do() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.soakkit", "--help"], check=True, capture_output=True, text=True, cwd=ROOT
    )
    for word in ("--budget", "--resume", "--seed", "--short", "--each", "--jobs", ".soak/table.md"):
        assert word in done.stdout
