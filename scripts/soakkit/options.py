"""The options of `scripts/soak`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass

EVERYTHING = ("tests/faults",)

_UNITS = {"": 60.0, "s": 1.0, "m": 60.0, "h": 3600.0}

_ABOUT = """\
Breaks things on purpose, with real processes on real links, and tells in one table what held.

Each test of tests/faults runs in a process of its own: one that fails, hangs or is killed leaves the others alone.
What is found is kept as it is found: .soak/table.md and .soak/table.json are written after every test, .soak/logs
has what each test said. Ctrl-C, or the end of the budget, stops what runs; its rows tell how far it was."""
_EXAMPLES = """\
examples:
  scripts/soak                              everything, in its long form: hours
  scripts/soak --jobs 3 --budget 90m        what can be done in that time, three at a time
  scripts/soak --resume                     go on where the last one was interrupted, or what failed again
  scripts/soak tests/faults/test_disk.py -k full
  scripts/soak --short                      the short form, as scripts/test runs it: minutes
  scripts/soak --list                       what there is, and how long it took the last time
"""


@dataclass(frozen=True, slots=True)
class Options:
    """``tests`` and ``keyword`` choose as pytest does; times in seconds, None: no end."""

    tests: tuple[str, ...] = EVERYTHING
    keyword: str | None = None
    long: bool = True
    seed: int = 1
    budget_s: float | None = None
    each_s: float | None = None
    jobs: int = 1
    resume: bool = False
    any_commit: bool = False
    list_only: bool = False


def seconds(text: str) -> float:
    """``90m``, ``2h``, ``45s``; a bare number is minutes. Raises ArgumentTypeError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if found is None or float(found[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time like 45s, 90m or 2h")
    return float(found[1]) * _UNITS[found[2]]


def read_options(arguments: Sequence[str]) -> Options:
    """Exits with a sentence when they make no sense."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.jobs < 1:
        parser.error("--jobs: one at least")
    return Options(
        tests=tuple(given.tests) or EVERYTHING,
        keyword=given.keyword,
        long=not given.short,
        seed=given.seed,
        budget_s=given.budget,
        each_s=given.each,
        jobs=given.jobs,
        resume=given.resume or given.any_commit,
        any_commit=given.any_commit,
        list_only=given.list_only,
    )


def _parser() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser(
        prog="scripts/soak",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = out.add_argument
    add("tests", nargs="*", metavar="TEST", help="files or tests; everything in tests/faults when left out")
    add("-k", dest="keyword", metavar="WORDS", help="only tests whose name matches, as in pytest")
    add("--short", action="store_true", help="the short form of each test, a few seconds each")
    add("--seed", type=int, default=1, metavar="N", help="another run of chance (default 1)")
    add(
        "--budget",
        type=seconds,
        metavar="TIME",
        help="end after this time, 90m or 2h; what is left is told as not run; fuzzers share ten minutes by subject",
    )
    add("--each", type=seconds, metavar="TIME", help="no test longer than this")
    add("--jobs", type=int, default=1, metavar="N", help="so many at a time; what measures time runs alone (default 1)")
    add(
        "--resume",
        action="store_true",
        help="keep what passed the last time at this commit, in this form, with this seed",
    )
    add(
        "--any-commit",
        action="store_true",
        help="as --resume, and keep what passed at other commits; the table says which",
    )
    add("--list", dest="list_only", action="store_true", help="only tell what would be run")
    return out
