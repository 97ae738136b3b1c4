"""What is on disk of a run: the table twice, how long each test took, and what an earlier run left."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import time
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.soakkit.crew import Took
from scripts.soakkit.faults import fault_of
from scripts.soakkit.one import ROOT, Result
from scripts.soakkit.options import Options
from scripts.soakkit.screen import spell
from scripts.soakkit.table import table

MEASURED = Path(__file__).parent / "durations.json"
"""Seconds, and seconds of the processors where they were counted, of tests on a machine with two, much else on it."""


class Record:
    """Every result with its figures, written anew after each test."""

    def __init__(self, folder: Path, options: Options, results: list[Result]) -> None:
        self.folder = folder
        self.results = results
        self._options = options
        self._began = datetime.now(UTC)
        self._clock = time.monotonic()
        self._commit = commit()
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        self._before = _read(folder / "table.json")
        known = _read(MEASURED) | _read(folder / "durations.json")
        self._durations: dict[str, list[float]] = {key: took for key, took in known.items() if isinstance(took, list)}

    @property
    def expected(self) -> dict[str, Took]:
        """How long each test took in this form: here, or else where it was measured last."""
        found = {}
        for result in self.results:
            took = self._durations.get(_key(result)) or self._durations.get(_key(replace(result, shared=False)))
            if took is not None:
                found[result.test] = Took(*took)
        return found

    def take_over(self) -> int:
        """How many passed before, in the same form, with the same seed, at this very commit unless others are asked
        for too: they need not be run again. Uncommitted changes make a commit unlike itself."""
        mine = {result.test: result for result in self.results}
        known = {field.name for field in fields(Result)}
        taken = 0
        for old in self._before.get("results", ()):
            here = mine.get(old["test"])
            past = Result(**{key: value for key, value in old.items() if key in known})
            if here is not None and past.outcome == "passed" and self._is_as_good(past, here):
                self.results[self.results.index(here)] = past
                taken += 1
        return taken

    def _is_as_good(self, past: Result, here: Result) -> bool:
        same = past.commit == here.commit and not past.commit.endswith("-dirty")
        form = (past.long, past.seed) == (here.long, here.seed) and past.shared <= here.shared
        return form and (same or self._options.any_commit)

    def write(self) -> None:
        """The files are replaced in one step each, so that whoever reads them finds whole ones."""
        for result in self.results:
            if result.outcome == "passed":
                self._durations[_key(result)] = [round(result.seconds, 1), round(result.cpu_s, 1)]
        whole = {
            "began": self._began.isoformat(timespec="seconds"),
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": self._commit,
            "machine": machine(),
            "jobs": self._options.jobs,
            "results": [{"group": fault_of(r.test).name, **r.as_json()} for r in self.results],
        }
        lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(took)}" for key, took in sorted(self._durations.items()))
        _write(self.folder / "durations.json", f"{{\n{lines}\n}}\n")
        _write(self.folder / "table.json", json.dumps(whole, indent=1))
        _write(self.folder / "table.md", table(self.results, self._about()))

    def _about(self) -> str:
        form = "long" if self._options.long else "short"
        shared = ", fuzzers of one subject share its time" if any(result.shared for result in self.results) else ""
        kept = [r for r in self.results if r.commit != self._commit and r.outcome != "not run"]
        others = ", ".join(sorted({result.commit for result in kept}))
        return (
            f"Commit {self._commit}. Begun {self._began:%Y-%m-%d %H:%M} UTC, went on for "
            f"{spell(time.monotonic() - self._clock)}, {self._options.jobs} at a time; {form} form{shared}, "
            f"seed {self._options.seed}. {machine()}."
            + (f" **{len(kept)} of them were kept from a run at another commit: {others}.**" if kept else "")
        )


def _key(result: Result) -> str:
    """Of its duration."""
    return f"{'short' if not result.long else 'shared' if result.shared else 'long'} {result.test}"


def commit() -> str:
    """Where the code stands; ``…-dirty`` with changes that are not committed."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return done.stdout.strip() or "unknown"


def machine() -> str:
    """``Linux 6.12 x86_64, 2 CPUs (…), 23 GB, Python 3.11.2``."""
    name = re.search(r"model name\s*: (.+)", _text("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", _text("/proc/meminfo"))
    return ", ".join(
        [
            f"{platform.system()} {platform.release().partition('-')[0]} {platform.machine()}",
            f"{os.cpu_count()} CPUs" + (f" ({name[1].strip()})" if name else ""),
            *([f"{int(memory[1]) / 1e6:.0f} GB"] if memory else []),
            f"Python {platform.python_version()}",
        ]
    )


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


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
