"""The run as a whole: what is to be run, so many at a time, and what is known after each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from scripts.soakkit.crew import Took, choose
from scripts.soakkit.faults import FAULTS, OTHER, fault_of
from scripts.soakkit.one import ROOT, STOP_S, Files, Result, Running
from scripts.soakkit.options import EVERYTHING, Options, read_options
from scripts.soakkit.record import Record, commit
from scripts.soakkit.screen import Screen, spell
from scripts.soakkit.signals import heed_interrupts
from scripts.soakkit.table import name_of

FOLDER = ROOT / ".soak"
INTERRUPTED = 130
UNREAD = 141
LOOK_S = 0.5
ABOUT_US = tuple(f"tests/faults/test_{name}.py" for name in ("report", "crew", "guarantees", "books"))
"""They break nothing: they are about this program, a document, and how it is reckoned."""


class Refusal(Exception):
    """It cannot begin; the message says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = read_options(sys.argv[1:] if arguments is None else arguments)
    heed_interrupts()
    try:
        status = soak(options, FOLDER)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # `… --list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except Refusal as refusal:
        print(f"scripts/soak: {refusal}", file=sys.stderr)
        return 2


def soak(options: Options, folder: Path) -> int:
    """Exit status: 0 all passed, 1 something failed, was done in part or was not run, 130 interrupted."""
    found = collect(options, folder)
    shared = options.long and options.budget_s is not None
    results = [Result(test, long=options.long, shared=shared, seed=options.seed, commit=commit()) for test in found]
    record = Record(folder, options, results)
    screen = Screen(list(found), record.expected, options.jobs, [test for test in found if found[test]])
    if options.list_only:
        _list(found, record.expected)
        return 0
    if options.resume:
        screen.note(f"{record.take_over()} of {len(results)} passed before and are kept")
    try:
        _Crew(options, record, screen, [test for test in found if found[test]]).work()
    except KeyboardInterrupt:
        screen.note("interrupted; `scripts/soak --resume` goes on from here")
        return INTERRUPTED
    finally:
        record.write()
    print((folder / "table.md").read_text())
    return 0 if all(result.outcome in ("passed", "skipped") for result in record.results) else 1


class _Crew:
    """So many at a time, until all are done, the budget is spent, or somebody interrupts."""

    def __init__(self, options: Options, record: Record, screen: Screen, alone: Collection[str]) -> None:
        self._options = options
        self._record = record
        self._screen = screen
        self._alone = alone
        self._results = {result.test: result for result in record.results}
        self._waiting = [result.test for result in record.results if result.outcome != "passed"]
        self._running: list[Running] = []
        self._ends_at = None if options.budget_s is None else time.monotonic() + options.budget_s

    def work(self) -> None:
        """Raises KeyboardInterrupt after those that run were stopped."""
        try:
            while self._running or self._waiting:
                self._begin()
                self._look()
                time.sleep(LOOK_S)
        except KeyboardInterrupt:
            self._stop()
            raise

    def _begin(self) -> None:
        left = None if self._ends_at is None else self._ends_at - time.monotonic()
        if left is not None and left <= 0:
            if self._waiting:
                self._screen.note(f"the budget of {spell(self._options.budget_s or 0)} is spent")
            self._waiting.clear()
        limit_s = min((limit for limit in (left, self._options.each_s) if limit is not None), default=None)
        while test := self._next():
            self._waiting.remove(test)
            self._screen.begins(test)
            result = self._results[test]
            self._running.append(Running(result, self._options.keyword, Files(self._record.folder), limit_s))

    def _next(self) -> str | None:
        running = [one.result.test for one in self._running]
        return choose(self._waiting, running, self._options.jobs, self._alone, self._record.expected)

    def _look(self) -> None:
        for one in [*self._running]:
            if one.over():
                self._running.remove(one)
                self._screen.ended(one.result)
                self._record.write()
        self._screen.runs(self._running, self._waiting)

    def _stop(self) -> None:
        """All are asked at once; a second interrupt kills them."""
        for one in self._running:
            one.stop("interrupted")
        try:
            deadline = time.monotonic() + STOP_S
            while self._running and time.monotonic() < deadline:
                self._look()
                time.sleep(LOOK_S)
        except KeyboardInterrupt:
            pass
        for one in self._running:
            one.kill()
            self._screen.ended(one.result)


def collect(options: Options, folder: Path) -> dict[str, bool]:
    """The test functions, without their parameters, in the order of the table; whether each must be alone.

    Raises Refusal.
    """
    marked = folder / "alone"
    folder.mkdir(parents=True, exist_ok=True)
    marked.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "scripts.soakkit.plugin", *options.tests]
    command += ["-k", options.keyword] if options.keyword else []
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SIMFERRY_SOAK_ALONE": str(marked)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, env=environment)
    lines = [line for line in done.stdout.splitlines() if "::" in line and " " not in line.partition("::")[0]]
    if done.returncode != 0 or not lines:
        tail = (done.stdout + done.stderr).strip().splitlines()[-15:]
        raise Refusal("no test was found:\n" + "\n".join(tail))
    found = dict.fromkeys(line.partition("[")[0] for line in lines)
    if options.tests == EVERYTHING:
        found = dict.fromkeys(test for test in found if not test.startswith(ABOUT_US))
    order = [*FAULTS, OTHER]
    alone = {line.partition("[")[0] for line in marked.read_text().splitlines()}
    return {test: test in alone for test in sorted(found, key=lambda test: order.index(fault_of(test)))}


def _list(found: Mapping[str, bool], expected: Mapping[str, Took]) -> None:
    for test, alone in found.items():
        about = [*([spell(expected[test].seconds)] if test in expected else []), *(["alone"] if alone else [])]
        print(name_of(test) + (f"  ({', '.join(about)})" if about else ""))
