"""An installed edge in a folder: its environment, its updater, its launcher, and somebody who starts it again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import venv
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge_agent.updates.layout import Layout, read_json
from edge_agent.updates.status import Status, load
from edge_agent.updates.trial import hand_over
from scripts.releasekit.distributions import EDGE, packages_hash
from scripts.releasekit.wheel import build_wheel

PROVES_ITSELF = b"""
import pathlib, os, sys, time
import edge_agent
from edge_agent.updates import status, trial
from edge_agent.updates.layout import Layout
layout = Layout(pathlib.Path(os.environ["SIMFERRY_UPDATES"]))
mark = layout.root.parent / "running"
while True:
    if not mark.exists() or mark.read_text() != edge_agent.__version__:
        mark.write_text(edge_agent.__version__)
    now = status.load(layout)
    if trial.is_ours(layout, now):
        trial.confirm(layout, now)
    time.sleep(0.02)
"""
"""A program in the agent's place, for tests of the updater alone: it says at once that it works."""
CRASHES = b"import sys; sys.exit('this version cannot start')\n"
NEVER_PROVES = PROVES_ITSELF.replace(b"trial.is_ours(layout, now)", b"False")


def install_base(folder: Path, instead: dict[str, bytes] | None = None) -> Path:
    """An environment as scripts/install-edge makes it, but with the packages of this one; its Python."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    (site,) = folder.glob("lib/python*/site-packages")
    others = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "others.pth").write_text(f"{others}\n")
    with zipfile.ZipFile(build_wheel(EDGE, folder, instead=instead)) as wheel:
        wheel.extractall(site)
    (folder / "packages").write_text(packages_hash(("edge",)))
    return folder / "bin" / "python"


class UpdateSite:
    """``python`` is of the installed environment, ``keys`` the folder of trusted keys; ``arguments`` for the agent."""

    def __init__(self, folder: Path, python: Path, keys: Path, arguments: Sequence[str] = ()) -> None:
        self.folder = folder
        self.layout = Layout(folder / "updates")
        self.layout.inbox.mkdir(parents=True)
        self.processes = folder / "processes"
        self.log = folder / "agent.log"
        self.python = python
        self._keys = keys
        self._arguments = list(arguments)
        self._stopping = threading.Event()
        self.starts = 0

    def updater(self, trial: float = 10.0) -> list[str]:
        """The command of simferry-update.service."""
        where = ["--root", str(self.layout.root), "--keys", str(self._keys), "--processes", str(self.processes)]
        times = ["--trial", str(trial), "--poll", "0.02", "--stop", "5"]
        return [str(self.python), "-I", "-m", "edge_agent.updates.updater", *where, *times]

    def update(self, trial: float = 10.0, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Run the updater once."""
        command = [*prefix, *self.updater(trial)]
        return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)

    def want(self, file: Path, attempt: int = 1) -> str:
        """As the agent does it."""
        release = hashlib.sha256(file.read_bytes()).hexdigest()
        hand_over(self.layout, file, release, attempt)
        return release

    @property
    def status(self) -> Status:
        return load(self.layout)

    @property
    def running(self) -> str:
        """The version that said last that it runs."""
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / "running").read_text()
        return ""

    def linked(self, what: str = "program") -> str:
        """The version that the link points to, empty for the installed one."""
        return str(read_json(self.layout.link(what) / "release.json").get("version", ""))

    @contextlib.contextmanager
    def supervised(self) -> Iterator[None]:
        """The agent's service with Restart=always: whatever ends is started again by the launcher."""
        self._stopping.clear()
        thread = threading.Thread(target=self._supervise, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join(20)

    def _supervise(self) -> None:
        command = [str(self.python), "-I", "-m", "edge_agent.updates.launch", *self._arguments]
        environment = {**os.environ, "SIMFERRY_UPDATES": str(self.layout.root)}
        with self.log.open("ab") as log:
            while not self._stopping.is_set():
                self.starts += 1
                agent = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
                self.processes.write_text(f"{agent.pid}\n")
                while agent.poll() is None and not self._stopping.is_set():
                    time.sleep(0.01)
                if agent.poll() is None:
                    agent.send_signal(signal.SIGTERM)
                    try:
                        agent.wait(10)
                    except subprocess.TimeoutExpired:
                        agent.kill()
                        agent.wait()
                self.processes.write_text("")
                time.sleep(0.05)


def until(what: object, seconds: float = 15.0) -> None:
    """Wait until ``what()`` is true."""
    assert callable(what)
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def outcomes(status: Status) -> list[tuple[str, str]]:
    return [(result.version, result.outcome) for result in status.results]


def as_text(status: Status) -> str:
    return json.dumps([(r.version, r.outcome, r.reason) for r in status.results])
