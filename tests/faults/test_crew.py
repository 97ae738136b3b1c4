"""scripts/soak --jobs: which test is next, how long all may take, and several that run and are interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.soakkit.crew import Took, choose, rest_s
from scripts.soakkit.one import ROOT
from scripts.soakkit.options import Options
from scripts.soakkit.soak import collect

LONGEST_FIRST = {"a": Took(5), "b": Took(50), "c": Took(20), "time": Took(300), "day": Took(1600)}


@pytest.mark.parametrize(
    ("waiting", "running", "jobs", "next_one"),
    [
        (["a", "b", "time"], [], 1, "a"),
        (["a", "b", "time"], ["c"], 1, None),
        (["time", "a", "b"], [], 2, "b"),
        (["time", "a", "stranger", "b"], ["c"], 2, "stranger"),
        (["a", "stranger", "day"], ["c"], 2, "day"),
        (["time", "a"], ["b", "c"], 2, None),
        (["time"], ["b"], 2, None),
        (["time"], [], 2, "time"),
        (["a"], ["time"], 2, None),
        ([], [], 2, None),
    ],
)
def test_the_longest_go_first_and_what_measures_time_alone_at_the_end(
    waiting: list[str], running: list[str], jobs: int, next_one: str | None
) -> None:
    assert choose(waiting, running, jobs, {"time"}, LONGEST_FIRST) == next_one


def _took(*seconds: float) -> list[Took]:
    return [Took(length) for length in seconds]


def test_how_long_all_may_take() -> None:
    assert rest_s([], [], [], 2, 2) == 0
    assert rest_s(_took(10), _took(5, 50, 20), _took(300), 1, 2) == 385
    assert rest_s(_took(10, 10), _took(5, 50, 20), _took(300), 2, 2) == 360
    assert rest_s(_took(100, 10), _took(5, 20), [], 2, 2) == 100
    assert rest_s([Took(20, 20)], [Took(30, 30)] * 3, _took(10), 4, 2) == 55 + 10


SAMPLE = """
import time, pathlib, pytest
here = pathlib.Path(__file__).parent
@pytest.mark.parametrize("half", [1, 2])
def test_one(half): meet("one", "two") if half == 1 else None
def test_two(): meet("two", "one")
@pytest.mark.alone
def test_alone(report):
    assert not list(here.glob("*.runs"))
    report("alone", tried=1)
def test_hangs(report):
    try: time.sleep(60)
    finally: report("hangs", tried=7)
def meet(mine, other):
    (here / f"{mine}.runs").touch()
    while not (here / f"{other}.met").exists() and not (here / f"{other}.runs").exists(): time.sleep(0.05)
    (here / f"{mine}.met").touch()
    time.sleep(0.3)
    (here / f"{mine}.runs").unlink()
"""
PROGRAM = """
import sys; from pathlib import Path
from scripts.soakkit import soak
folder, *names = sys.argv[1:4]
soak.FOLDER = Path(folder) / "kept"
names = names[0].split(",")
soak.collect = lambda options, kept: {f"{folder}/test_sample.py::test_{name}": name == "alone" for name in names}
sys.exit(soak.main(sys.argv[3:]))
"""


def _soak(folder: Path, names: str, *options: str) -> subprocess.Popen[str]:
    (folder / "conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text())
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    alone: measures time\n")
    (folder / "test_sample.py").write_text(SAMPLE)
    program = [sys.executable, "-c", PROGRAM, str(folder), names, *options, "--short"]
    command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *program]  # as a shell begins it with &
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def test_two_run_beside_each_other_and_the_one_that_measures_time_alone(tmp_path: Path) -> None:
    with _soak(tmp_path, "alone,one,two", "--jobs", "2") as soak:
        told, said = soak.communicate(timeout=60)
    assert soak.returncode == 0, said
    assert "3 of 3 passed" in told
    assert "2 at a time; short form" in told
    assert said.index("] sample: alone") > said.index("sample: two: passed")


def test_ctrl_c_keeps_what_each_has(tmp_path: Path) -> None:
    with _soak(tmp_path, "hangs,two", "--jobs", "3") as soak:
        begun = tmp_path / "kept" / "logs"
        deadline = time.monotonic() + 30
        while sum("collected 1 item" in path.read_text() for path in begun.glob("*.log")) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.5)
        soak.send_signal(signal.SIGINT)
        told, said = soak.communicate(timeout=60)
    assert soak.returncode == 130
    assert "goes on from here" in said
    table = (tmp_path / "kept" / "table.md").read_text()
    assert "| hangs | tried 7 | short |" in table
    assert table.count("**stopped**: interrupted |") == 2
    assert not told


def test_what_must_be_alone_says_so(tmp_path: Path) -> None:
    file = "tests/faults/test_reconnect.py"
    assert collect(Options(tests=(file,)), tmp_path) == {f"{file}::test_a_fleet_comes_back": True}
