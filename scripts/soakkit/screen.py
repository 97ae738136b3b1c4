"""What a person sees while it runs: which fault, how far, and how long it may still take."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

from scripts.soakkit.one import Progress, Result, far_of
from scripts.soakkit.table import name_of

SELDOM_S = 60.0
"""How often a line is written where nothing can be written over: a file, a log of CI."""


class Screen:
    """``expected``: how long each test took the last time it was run in this form, seconds."""

    def __init__(self, tests: list[str], expected: dict[str, float], out: TextIO = sys.stderr) -> None:
        self._tests = tests
        self._expected = expected
        self._out = out
        self._lively = out.isatty()
        self._wrote = time.monotonic()

    def begins(self, number: int) -> None:
        self._say(f"[{number + 1}/{len(self._tests)}] {name_of(self._tests[number])}{self._forecast(number)}")

    def runs(self, number: int, so_far_s: float, progress: Progress | None) -> None:
        """Told often; shown in place on a terminal, else once a minute."""
        now = time.monotonic()
        if not self._lively and now - self._wrote < SELDOM_S:
            return
        self._wrote = now
        far = f", {far_of(progress)}" if progress else ""
        left = left_s(so_far_s, progress, self._expected.get(self._tests[number]))
        more = f", about {spell(left)} left" if left is not None else ""
        text = f"    {spell(so_far_s)}{far}{more}{self._all_left(number, left)}"
        if self._lively:
            width = shutil.get_terminal_size().columns - 1
            self._out.write("\r\x1b[K" + text[:width])
            self._out.flush()
        else:
            self._say(text)

    def ended(self, result: Result) -> None:
        figures = "; ".join(
            ", ".join(f"{k} {v}" for k, v in row.items() if k not in ("test", "long", "seed", "fault"))
            for row in result.rows[:4]
        )
        if self._lively:
            self._out.write("\r\x1b[K")
        self._say(f"    {result.outcome} in {spell(result.seconds)}{': ' + figures if figures else ''}")
        if result.outcome in ("failed", "stopped"):
            self._say("    " + (result.reason.strip().splitlines() or ["no reason was told"])[0][:300])

    def note(self, text: str) -> None:
        self._say(text)

    def _forecast(self, number: int) -> str:
        known = self._expected.get(self._tests[number])
        return f" (took {spell(known)} the last time)" if known else ""

    def _all_left(self, number: int, left: float | None) -> str:
        rest = self._tests[number + 1 :]
        known = [self._expected[test] for test in rest if test in self._expected]
        if left is None or not rest:
            return ""
        strangers = len(rest) - len(known)
        return f"; all: {spell(left + sum(known))}" + (f" and {strangers} tests of unknown length" if strangers else "")

    def _say(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()


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
