"""One test in a process of its own: bounded in time, watched while it runs, and told of whatever becomes of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
STOP_S = 45.0
"""After an interrupt a test may take down its processes and tell what it has."""


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total``, in the test's own words: kills, seconds, frames."""

    done: float
    total: float
    of: str


@dataclass(slots=True)
class Result:
    """What became of a test. ``outcome``: passed, in part (it held, and did less than it should for want of time),
    failed, skipped, stopped (by us), not run.

    ``cpu_s``: of the processors, with its children; ``shared``: fuzzers of one subject share its ten minutes.
    """

    test: str
    outcome: str = "not run"
    reason: str = ""
    seconds: float = 0.0
    cpu_s: float = 0.0
    long: bool = True
    shared: bool = False
    seed: int = 1
    commit: str = ""
    began: str = ""
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


class Running:
    """A test while it runs. Whoever started it looks at it now and then, until it is over."""

    def __init__(self, result: Result, keyword: str | None, files: Files, limit_s: float | None) -> None:
        self.result = result
        self._paths = {kind: files.of(result.test, kind) for kind in ("log", "rows", "outcomes", "progress", "short")}
        for path in self._paths.values():
            path.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-v", "--timeout", "0", "-p", "scripts.soakkit.plugin", result.test]
        command += ["-k", keyword] if keyword else []
        self._limit_s = limit_s
        self._stopped = ""
        self._stopping_at = 0.0
        self._began = time.monotonic()
        result.began = datetime.now(UTC).isoformat(timespec="seconds")
        with self._paths["log"].open("w") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=_environment(result, self._paths, limit_s),
                start_new_session=True,
            )

    @property
    def so_far_s(self) -> float:
        return time.monotonic() - self._began

    @property
    def progress(self) -> Progress | None:
        return read_progress(self._paths["progress"])

    def stop(self, why: str) -> None:
        """An interrupt lets the test say what it has; it is over a while later, or is killed."""
        if not self._stopped:
            self._stopped, self._stopping_at = why, time.monotonic()
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGINT)

    def over(self) -> bool:
        """Whether it has ended; its result is then filled in."""
        if self._limit_s is not None and self.so_far_s > self._limit_s:
            self.stop("its time was over")
        if self._stopped and time.monotonic() - self._stopping_at > STOP_S:
            self._kill()
        return self._ended(os.WNOHANG)

    def kill(self) -> None:
        """At once, with what it has begun."""
        self._stopped = self._stopped or "interrupted"
        self._kill()
        self._ended(0)

    def _ended(self, options: int) -> bool:
        """As Popen.wait, but what it and its children took of the processors is told as well."""
        if self._process.returncode is None:
            pid, status, used = os.wait4(self._process.pid, options)
            if not pid:
                return False
            self._process.returncode = os.waitstatus_to_exitcode(status)
            self.result.cpu_s = used.ru_utime + used.ru_stime
            self.result.seconds = self.so_far_s
            self._kill()
            _fill(self.result, self._paths, self._process.returncode, self._stopped)
        return True

    def _kill(self) -> None:
        """The whole group, with what it left behind."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _environment(result: Result, paths: Mapping[str, Path], limit_s: float | None) -> dict[str, str]:
    until = {} if limit_s is None else {"SIMFERRY_UNTIL": str(time.time() + limit_s)}
    return {
        **os.environ,
        **until,
        "PYTHONPATH": str(ROOT),
        "SIMFERRY_LONG": "1" if result.long else "0",
        "SIMFERRY_FUZZ_SHARED": "1" if result.shared else "0",
        "SIMFERRY_SEED": str(result.seed),
        "SIMFERRY_FAULTS_REPORT": str(paths["rows"]),
        "SIMFERRY_FAULTS_PROGRESS": str(paths["progress"]),
        "SIMFERRY_FAULTS_SHORT": str(paths["short"]),
        "SIMFERRY_SOAK_OUTCOMES": str(paths["outcomes"]),
    }


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
    far = read_progress(paths["progress"])
    if stopped:
        result.outcome, result.reason = "stopped", stopped + (f", {far_of(far)}" if far else "")
    elif failed:
        result.outcome, result.reason = "failed", str(failed[0]["reason"])
    elif code != 0:
        result.outcome, result.reason = "failed", f"pytest ended with {code}; {paths['log'].name} says why"
    elif told and all(line["outcome"] == "skipped" for line in told):
        result.outcome, result.reason = "skipped", str(told[0]["reason"])
    elif paths["short"].exists():
        result.outcome, result.reason = "in part", f"its time was over at {far_of(far)}" if far else "its time was over"
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
