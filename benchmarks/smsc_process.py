"""The SMSC of ``smpp_sink`` as a process on the first core."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).parent.parent


class Sink:
    """``count`` tells what it took."""

    def __init__(self, stack: ExitStack) -> None:
        self._process = subprocess.Popen(
            ["taskset", "-c", "0", sys.executable, "-m", "benchmarks.smpp_sink", "serve"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        stack.callback(self._process.wait)
        stack.callback(self._process.kill)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def count(self) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("?\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())
