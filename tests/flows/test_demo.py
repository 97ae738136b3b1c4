"""The newcomer's command."""

from __future__ import annotations

import subprocess
import sys

from tests.flows.conftest import ROOT


def test_once_shows_everything_and_ends_well() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.labkit.demo", "--once"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("the call is answered", "Digits=1", "heard", "-> delivered", "All of it arrived"):
        assert words in done.stdout
