"""One test in a process of its own: bounded in time, watched while it runs, and told of whatever becomes of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
STOP_S = 45.0
"""After an interrupt a test may take down its processes and tell what it has."""
LOOK_S = 0.5

Watcher = Callable[[float, "Progress | None"], None]
"""Told twice a second: the seconds so far, and how far the test says it is."""


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total``, in the test's own words: kills, seconds, frames."""

    done: float
    total: float
    of: str


@dataclass(slots=True)
class Result:
    """What became of a test. ``outcome``: passed, failed, skipped, stopped (by us), not run."""

    test: str
    outcome: str = "not run"
    reason: str = ""
    seconds: float = 0.0
    long: bool = True
    seed: int = 1
    commit: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Files:
    """Where a run leaves what it learns."""

    folder: Path

    def of(self, test: str, kind: str) -> Path:
        name = "".join(c if c.isalnum() else "_" for c in test.removeprefix("tests/faults/"))
        return self.folder / "logs" / f"{name}.{kind}"


def run(result: Result, keyword: str | None, files: Files, limit_s: float | None, watch: Watcher) -> None:
    """Fill in ``result``. KeyboardInterrupt and the limit stop the test; what it reported until then is kept."""
    paths = {kind: files.of(result.test, kind) for kind in ("log", "rows", "outcomes", "progress")}
    for path in paths.values():
        path.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-v", "--timeout", "0", "-p", "scripts.soakkit.plugin", result.test]
    command += ["-k", keyword] if keyword else []
    began = time.monotonic()
    stopped = ""
    with paths["log"].open("w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=ROOT, env=_environment(result, paths, limit_s), start_new_session=True
        )
        try:
            stopped = _wait(process, began, limit_s, paths["progress"], watch)
        except KeyboardInterrupt:
            stopped = "interrupted"
            raise
        finally:
            _end(process)
            result.seconds = time.monotonic() - began
            _fill(result, paths, process.returncode, stopped)


def _environment(result: Result, paths: Mapping[str, Path], limit_s: float | None) -> dict[str, str]:
    until = {} if limit_s is None else {"SIMFERRY_UNTIL": str(time.time() + limit_s)}
    return {
        **os.environ,
        **until,
        "PYTHONPATH": str(ROOT),
        "SIMFERRY_LONG": "1" if result.long else "0",
        "SIMFERRY_SEED": str(result.seed),
        "SIMFERRY_FAULTS_REPORT": str(paths["rows"]),
        "SIMFERRY_FAULTS_PROGRESS": str(paths["progress"]),
        "SIMFERRY_SOAK_OUTCOMES": str(paths["outcomes"]),
    }


def _wait(process: subprocess.Popen[bytes], began: float, limit_s: float | None, progress: Path, watch: Watcher) -> str:
    """Until it ends by itself, or why it must be stopped."""
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_S)
            return ""
        so_far = time.monotonic() - began
        watch(so_far, read_progress(progress))
        if limit_s is not None and so_far > limit_s:
            return "its time was over"


def _end(process: subprocess.Popen[bytes]) -> None:
    """An interrupt lets the test say what it has; then the whole group is killed, with what it left behind."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.wait(STOP_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def read_progress(path: Path) -> Progress | None:
    """The last word of the test about it; None when it has said nothing, or is about to."""
    try:
        said = json.loads(path.read_text())
        return Progress(float(said["done"]), float(said["total"]), str(said["of"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _fill(result: Result, paths: Mapping[str, Path], code: int, stopped: str) -> None:
    result.rows = read_lines(paths["rows"])
    told = read_lines(paths["outcomes"])
    failed = [line for line in told if line["outcome"] == "failed"]
    if stopped:
        far = read_progress(paths["progress"])
        result.outcome, result.reason = "stopped", stopped + (f", {far_of(far)}" if far else "")
    elif failed:
        result.outcome, result.reason = "failed", str(failed[0]["reason"])
    elif code != 0:
        result.outcome, result.reason = "failed", f"pytest ended with {code}; {paths['log'].name} says why"
    elif told and all(line["outcome"] == "skipped" for line in told):
        result.outcome, result.reason = "skipped", str(told[0]["reason"])
    else:
        result.outcome, result.reason = "passed", ""


def far_of(progress: Progress) -> str:
    return f"{progress.done:,.0f} of {progress.total:,.0f} {progress.of}"


def read_lines(path: Path) -> list[dict[str, Any]]:
    """JSON lines; a last one that was cut off is left out."""
    out = []
    for line in path.read_text().splitlines() if path.exists() else ():
        with contextlib.suppress(ValueError):
            out.append(json.loads(line))
    return out
