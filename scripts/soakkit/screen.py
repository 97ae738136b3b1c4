"""What a person sees while it runs: which tests, how far, and how long it may still take."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from typing import TextIO

from scripts.soakkit.crew import Took, rest_s
from scripts.soakkit.one import Progress, Result, Running, far_of
from scripts.soakkit.table import name_of

SELDOM_S = 60.0
"""How often lines are written where nothing can be written over: a file, a log of CI."""


class Screen:
    """``expected``: how long each test took the last time it was run in this form."""

    def __init__(
        self,
        tests: Sequence[str],
        expected: Mapping[str, Took],
        jobs: int = 1,
        alone: Collection[str] = (),
        out: TextIO = sys.stderr,
    ) -> None:
        self._numbers = {test: number for number, test in enumerate(tests, 1)}
        self._expected = expected
        self._jobs = jobs
        self._alone = alone
        self._out = out
        self._lively = out.isatty()
        self._wrote = time.monotonic()
        self._in_place = 0

    def begins(self, test: str) -> None:
        known = self._expected.get(test)
        forecast = f" (took {spell(known.seconds)} the last time)" if known else ""
        self.note(f"[{self._numbers[test]}/{len(self._numbers)}] {name_of(test)}{forecast}")

    def runs(self, running: Sequence[Running], waiting: Sequence[str]) -> None:
        """Told often; shown in place on a terminal, else once a minute."""
        now = time.monotonic()
        if not self._lively and now - self._wrote < SELDOM_S:
            return
        self._wrote = now
        lines = self.state([(one.result.test, one.so_far_s, one.progress) for one in running], waiting)
        if not self._lively:
            self.note("\n".join(lines))
            return
        width = shutil.get_terminal_size().columns - 1
        self._wipe()
        self._out.write("\n".join(line[:width] for line in lines) + "\n")
        self._out.flush()
        self._in_place = len(lines)

    def state(self, running: Sequence[tuple[str, float, Progress | None]], waiting: Sequence[str]) -> list[str]:
        """A line for each that runs, and one for all: how far, how long still."""
        lines: list[str] = []
        lefts: list[Took] = []
        strangers = sum(test not in self._expected for test in waiting)
        for test, so_far_s, progress in running:
            known = self._expected.get(test)
            left = left_s(so_far_s, progress, known.seconds if known else None)
            far = f", {far_of(progress)}" if progress else ""
            more = f", about {spell(left)} left" if left is not None else ""
            lines.append(f"    {name_of(test)}: {spell(so_far_s)}{far}{more}")
            if left is None:
                strangers += 1
            else:
                busy = known.cpu_s / known.seconds if known and known.seconds else 0.0
                lefts.append(Took(left, left * busy))
        return [*lines, f"    {len(waiting)} wait; all: {self._all_left(lefts, waiting, strangers)}"]

    def _all_left(self, lefts: Sequence[Took], waiting: Sequence[str], strangers: int) -> str:
        known = [test for test in waiting if test in self._expected]
        beside = [self._expected[test] for test in known if test not in self._alone]
        alone = [self._expected[test] for test in known if test in self._alone]
        rest = rest_s(lefts, beside, alone, self._jobs, os.cpu_count() or 1)
        unknown = f"{strangers} test{'s' if strangers > 1 else ''} of unknown length" if strangers else ""
        return " and ".join([*([f"about {spell(rest)}"] if lefts or known else []), *([unknown] if unknown else [])])

    def ended(self, result: Result) -> None:
        figures = "; ".join(
            ", ".join(f"{k} {v}" for k, v in row.items() if k not in ("test", "long", "seed", "fault"))
            for row in result.rows[:4]
        )
        said = f"{result.outcome} in {spell(result.seconds)}{': ' + figures if figures else ''}"
        self.note(f"    {name_of(result.test)}: {said}" if self._jobs > 1 else f"    {said}")
        if result.outcome in ("failed", "stopped"):
            self.note("    " + (result.reason.strip().splitlines() or ["no reason was told"])[0][:300])

    def note(self, text: str) -> None:
        self._wipe()
        self._out.write(text + "\n")
        self._out.flush()

    def _wipe(self) -> None:
        """What was shown in place goes."""
        if self._in_place:
            self._out.write(f"\x1b[{self._in_place}F\x1b[J")
            self._in_place = 0


def left_s(so_far_s: float, progress: Progress | None, expected_s: float | None) -> float | None:
    """Judged by how far it is; before it says so, by how long it took the last time."""
    if progress is not None and progress.done > 0 and progress.total > 0:
        return max(0.0, so_far_s * (progress.total - progress.done) / progress.done)
    return max(0.0, expected_s - so_far_s) if expected_s is not None else None


def spell(seconds: float) -> str:
    """``75`` → ``1:15 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d} h" if hours else f"{minutes}:{rest:02d} min"
