"""What fails once in a whole run is tried alone: docs/decisions/0017."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COUNTED = """
import pathlib, pytest

@pytest.mark.parametrize("name", {names})
def test_it(name):
    runs = pathlib.Path({folder!r}, "runs")
    runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
    assert len(runs.read_text()) not in {fails}
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Within the repository, as tests are: pytest names others in a way that it does not find again."""
    (ROOT / ".pytest_cache").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / ".pytest_cache") as made:
        yield Path(made)


def whole_run(folder: Path, *, fails: set[int], names: tuple[str, ...] = ("a [b] ::c",)) -> Path:
    """A run of tests of which those fail that come at these places, counted from 1; the cache that it leaves."""
    test, cache = folder / "test_counted.py", folder / "cache"
    test.write_text(COUNTED.format(names=names, folder=str(folder), fails=fails))
    argv = [sys.executable, "-m", "pytest", "-q", "-o", f"cache_dir={cache}", str(test)]
    assert subprocess.run(argv, check=False, cwd=ROOT, capture_output=True, timeout=60).returncode == 1
    return cache


def tried_alone(*caches: Path) -> subprocess.CompletedProcess[str]:
    argv = [str(ROOT / "scripts" / "tried-alone"), *map(str, caches)]
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=100)


def runs(folder: Path) -> int:
    return len((folder / "runs").read_text())


def test_what_failed_once_passes_and_is_named(folder: Path) -> None:
    cache = whole_run(folder, fails={2}, names=("one", "a [b] ::c"))
    told = tried_alone(folder / "of a run in which none failed", cache)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "FAILED beside others" in told.stderr
    assert "test_counted.py::test_it[a [b] ::c]" in told.stderr.splitlines()[-1]
    assert runs(folder) == 2 + 2


@pytest.mark.parametrize("again", [2, 3])
def test_what_fails_again_has_failed(folder: Path, again: int) -> None:
    told = tried_alone(whole_run(folder, fails={1, again}))
    assert told.returncode == 1
    assert "FAILED beside others" not in told.stderr
    assert runs(folder) == again


def test_many_are_not_tried(folder: Path) -> None:
    told = tried_alone(whole_run(folder, fails=set(range(1, 8)), names=tuple("abcdefg")))
    assert told.returncode == 1
    assert "7 tests failed" in told.stderr
    assert runs(folder) == 7


def test_a_run_that_failed_without_a_test_has_failed(folder: Path) -> None:
    told = tried_alone(folder)
    assert told.returncode == 1
    assert "none of these caches" in told.stderr
