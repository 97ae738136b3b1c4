"""All results as one table in Markdown, in the order of the project's own list of faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from scripts.soakkit.faults import FAULTS, OTHER, fault_of
from scripts.soakkit.one import Result

_ABOUT = ("fault", "test", "long", "seed")
_ROWS_TOO_MANY = 200


def table(results: Sequence[Result], about: str = "") -> str:
    """A table per fault of the list, one line for each figure that a test told and for each test that told none."""
    lines = ["# What held when things broke", "", about, "", *_summary(results)]
    for fault in (*FAULTS, OTHER):
        mine = [result for result in results if fault_of(result.test) is fault]
        if mine or fault is not OTHER:
            lines += ["", f"## {fault.name}", "", f"Must hold: {fault.must_hold}.", "", *_group(mine)]
    return "\n".join(lines) + "\n"


def _summary(results: Sequence[Result]) -> list[str]:
    lines = ["| fault | must hold | figures | held |", "|---|---|---|---|"]
    for fault in (*FAULTS, OTHER):
        mine = [result for result in results if fault_of(result.test) is fault]
        if mine or fault is not OTHER:
            told = [f"{row['fault']}: {_figures(row)}" for result in mine for row in result.rows[:_ROWS_TOO_MANY]]
            lines.append(f"| {fault.name} | {fault.must_hold} | {'<br>'.join(map(_cell, told))} | {_held(mine)} |")
    return lines


def _held(results: Sequence[Result]) -> str:
    """``12 of 14 passed, 1 failed, 1 not run``."""
    counts = Counter(result.outcome for result in results)
    if set(counts) <= {"not run"}:
        return "not run"
    others = [
        f"{counts[kind]} {kind}" for kind in ("in part", "failed", "stopped", "skipped", "not run") if counts[kind]
    ]
    return ", ".join([f"{counts['passed']} of {len(results)} passed", *others])


def _group(results: Iterable[Result]) -> list[str]:
    rows = [line for result in results for line in _lines(result)]
    if not rows:
        return ["not run"]
    return ["| what | figures | form | seed | commit | took | outcome |", "|---|---|---|---|---|---|---|", *rows]


def _lines(result: Result) -> list[str]:
    form = "long" if result.long else "short"
    tail = f"{form} | {result.seed} | {result.commit} | {_took(result.seconds)} | {_outcome(result)} |"
    if not result.rows:
        return [f"| {_cell(name_of(result.test))} | | {tail}"]
    return [f"| {_cell(row['fault'])} | {_cell(_figures(row))} | {tail}" for row in result.rows[:_ROWS_TOO_MANY]]


def _figures(row: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_figure(row[name])}" for name in row if name not in _ABOUT)


def _figure(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _outcome(result: Result) -> str:
    first = result.reason.strip().splitlines()[0][:160] if result.reason.strip() else ""
    return f"**{result.outcome}**{': ' + _cell(first) if first else ''}" if first else result.outcome


def _took(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds else ""
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def name_of(test: str) -> str:
    """``tests/faults/test_kill.py::test_the_books_balance`` → ``kill: the books balance``."""
    file, _, function = test.partition("::")
    return f"{file.rpartition('/')[2].removeprefix('test_').removesuffix('.py')}: {_words(function)}"


def _words(function: str) -> str:
    return function.removeprefix("test_").replace("_", " ")
