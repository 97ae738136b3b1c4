"""The run as a whole: what is to be run, one after the other, and what is known after each."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.soakkit.faults import FAULTS, OTHER, fault_of
from scripts.soakkit.one import ROOT, Files, Result, run
from scripts.soakkit.options import EVERYTHING, Options, read_options
from scripts.soakkit.screen import Screen, spell
from scripts.soakkit.table import name_of, table

FOLDER = ROOT / ".soak"
INTERRUPTED = 130
ABOUT_US = tuple(f"tests/faults/test_{name}.py" for name in ("report", "guarantees", "books"))
"""They break nothing: they are about this program, a document, and how it is reckoned."""


class Refusal(Exception):
    """It cannot begin; the message says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = read_options(sys.argv[1:] if arguments is None else arguments)
    try:
        return soak(options, FOLDER)
    except Refusal as refusal:
        print(f"scripts/soak: {refusal}", file=sys.stderr)
        return 2


def soak(options: Options, folder: Path) -> int:
    """Exit status: 0 all passed, 1 something failed, 130 interrupted."""
    results = [Result(test, long=options.long, seed=options.seed, commit=_commit()) for test in collect(options)]
    record = Record(folder, options, results)
    screen = Screen([result.test for result in results], record.expected)
    if options.list_only:
        _list(results, record.expected)
        return 0
    if options.resume:
        screen.note(f"{record.take_over()} of {len(results)} passed before and are kept")
    ends_at = None if options.budget_s is None else time.monotonic() + options.budget_s
    try:
        for number, result in enumerate(results):
            if result.outcome == "passed":
                continue
            left = None if ends_at is None else ends_at - time.monotonic()
            if left is not None and left <= 0:
                screen.note(f"the budget of {spell(options.budget_s or 0)} is spent")
                break
            _one(options, record, screen, number, left)
    except KeyboardInterrupt:
        record.write()
        screen.note("interrupted; `scripts/soak --resume` goes on from here")
        return INTERRUPTED
    record.write()
    print((folder / "table.md").read_text())
    return 1 if any(result.outcome == "failed" for result in results) else 0


def _one(options: Options, record: Record, screen: Screen, number: int, left: float | None) -> None:
    result = record.results[number]
    limits = [limit for limit in (left, options.each_s) if limit is not None]
    screen.begins(number)
    try:
        run(
            result,
            options.keyword,
            Files(record.folder),
            min(limits, default=None),
            lambda so_far, progress: screen.runs(number, so_far, progress),
        )
    finally:
        screen.ended(result)
        record.write()


def collect(options: Options) -> list[str]:
    """The test functions, without their parameters, in the order of the table. Raises Refusal."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *options.tests]
    command += ["-k", options.keyword] if options.keyword else []
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, env=environment)
    lines = [line for line in done.stdout.splitlines() if "::" in line and " " not in line.partition("::")[0]]
    if done.returncode != 0 or not lines:
        tail = (done.stdout + done.stderr).strip().splitlines()[-15:]
        raise Refusal("no test was found:\n" + "\n".join(tail))
    found = dict.fromkeys(line.partition("[")[0] for line in lines)
    if options.tests == EVERYTHING:
        found = dict.fromkeys(test for test in found if not test.startswith(ABOUT_US))
    order = [*FAULTS, OTHER]
    return sorted(found, key=lambda test: order.index(fault_of(test)))


class Record:
    """What is on disk: the table twice, and every result with its figures, written anew after each test."""

    def __init__(self, folder: Path, options: Options, results: list[Result]) -> None:
        self.folder = folder
        self.results = results
        self._options = options
        self._began = datetime.now(UTC)
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        self._before = _read(folder / "table.json")
        self._durations: dict[str, float] = _read(folder / "durations.json")

    @property
    def expected(self) -> dict[str, float]:
        """Seconds that each test took, in this form."""
        return {test: self._durations[key] for test in self._tests() if (key := self._key(test)) in self._durations}

    def take_over(self) -> int:
        """How many passed before, in the same form and with the same seed: they need not be run again."""
        mine = {result.test: result for result in self.results}
        taken = 0
        for old in self._before.get("results", ()):
            here = mine.get(old["test"])
            if here and old["outcome"] == "passed" and (old["long"], old["seed"]) == (here.long, here.seed):
                self.results[self.results.index(here)] = Result(
                    **{key: value for key, value in old.items() if key != "group"}
                )
                taken += 1
        return taken

    def write(self) -> None:
        """Both files are replaced in one step each, so that whoever reads them finds whole ones."""
        for result in self.results:
            if result.outcome == "passed":
                self._durations[self._key(result.test)] = result.seconds
        whole = {
            "began": self._began.isoformat(timespec="seconds"),
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": _commit(),
            "machine": _machine(),
            "results": [{"group": fault_of(r.test).name, **r.as_json()} for r in self.results],
        }
        _write(self.folder / "durations.json", json.dumps(self._durations, indent=1))
        _write(self.folder / "table.json", json.dumps(whole, indent=1))
        _write(self.folder / "table.md", table(self.results, self._about()))

    def _about(self) -> str:
        commits = {result.commit[:10] for result in self.results if result.outcome != "not run"}
        form = "long" if self._options.long else "short"
        return (
            f"Begun {self._began:%Y-%m-%d %H:%M} UTC; {form} form, seed {self._options.seed}; "
            f"commit {', '.join(sorted(commits)) or 'none'}; {_machine()}."
        )

    def _tests(self) -> list[str]:
        return [result.test for result in self.results]

    def _key(self, test: str) -> str:
        return f"{'long' if self._options.long else 'short'} {test}"


def _list(results: Sequence[Result], expected: dict[str, float]) -> None:
    for result in results:
        known = expected.get(result.test)
        print(f"{name_of(result.test)}{f'  ({spell(known)})' if known else ''}")


def _read(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty when there is none, or it was damaged."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, text: str) -> None:
    fresh = path.with_suffix(path.suffix + ".new")
    fresh.write_text(text)
    fresh.replace(path)


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], check=False, capture_output=True, text=True, cwd=ROOT
    )
    return done.stdout.strip() or "unknown"


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"
