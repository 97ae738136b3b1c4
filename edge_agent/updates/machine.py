"""The work of the updater's states. Each may be cut off anywhere and done again."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from edge_agent.updates.bundle import MOST_BYTES, Bundle, open_bundle, unpack
from edge_agent.updates.layout import Layout, read_json, remove, sync_folder
from edge_agent.updates.signing import trusted
from edge_agent.updates.states import TABLE, State, Step
from edge_agent.updates.status import MOST_STARTS, Result, Status, load, save, starts
from telecore.errors import InvalidRequest, Refused
from telecore.releases import KINDS, MANIFEST, PROFILES, PROGRAM, Here, parse_version, refusal

log = logging.getLogger(__name__)

_RESULTS_KEPT = 8
_MOST_RESUMED = 3


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds. ``trial``: how long a version has to prove itself; ``stop``: how long the agent has to end by itself."""

    trial: float
    stop: float
    poll: float


class Machine:
    """``here`` tells of the installed program, ``keys`` is a folder, ``processes`` lists the agent's."""

    def __init__(self, layout: Layout, here: Callable[[], Here], keys: Path, processes: Path, times: Times) -> None:
        self._layout = layout
        self._here = here
        self._keys = keys
        self._processes = processes
        self._times = times
        self._work: dict[State, Callable[[Status], tuple[Step, Status]]] = {
            State.IDLE: self._look,
            State.STAGING: self._stage,
            State.SWITCHING: self._switch,
            State.TRIAL: self._judge,
            State.COMMITTING: self._commit,
            State.REVERTING: self._revert,
        }

    def run(self) -> None:
        """Go on from where the disk says that it was, until nothing is wanted any more. Raises OSError."""
        status = load(self._layout)
        if status.state is State.TRIAL:
            status = replace(status, resumed=status.resumed + 1)
            save(self._layout, status)
        while status.state is not State.IDLE or self._layout.wanted.exists():
            state = status.state
            step, status = self._work[state](status)
            status = replace(status, state=TABLE[state, step])
            save(self._layout, status)
            log.info("%s %s: %s, now %s", status.what, status.version, step, status.state)

    def _look(self, status: Status) -> tuple[Step, Status]:
        wanted = read_json(self._layout.wanted)
        attempt = wanted.get("attempt", 1)
        release = str(wanted.get("release", ""))[:64]
        return Step.WANTED, Status(
            release=release,
            attempt=attempt if isinstance(attempt, int) else 1,
            results=status.results,
        )

    def _stage(self, status: Status) -> tuple[Step, Status]:
        try:
            bundle = open_bundle(_read_strangers_file(self._layout.release), trusted(self._keys))
            status = replace(status, what=bundle.release.what, version=bundle.release.version)
            status = self._unpack(status, bundle)
        except (Refused, OSError) as error:
            why = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            remove(self._layout.wanted)
            self._sweep()
            return Step.REFUSED, self._ended(status, "refused", why)
        return Step.STAGED, status

    def _unpack(self, status: Status, bundle: Bundle) -> Status:
        """Put it beside what runs. Raises Refused, OSError."""
        layout, release = self._layout, bundle.release
        if (why := refusal(release, self._running())) is not None:
            raise InvalidRequest(why)
        link = layout.link(release.what)
        previous = link.readlink().name if link.is_symlink() else ""
        layout.versions.mkdir(exist_ok=True, mode=0o755)
        self._sweep()
        # A folder of its own each time: nothing that runs, or may be gone back to, is written over.
        target = layout.version(release.what, f"{release.version}-{secrets.token_hex(4)}")
        unfinished = layout.versions / f".{target.name}"
        unpack(bundle, unfinished)
        unfinished.rename(target)
        sync_folder(layout.versions)
        return replace(status, previous=previous, trial=target.name, resumed=0)

    def _running(self) -> Here:
        """The installed program, and over it what the links point to."""
        here = self._here()
        program = self._linked(PROGRAM) or here.program
        profiles = max(self._linked(PROFILES) or program, program, key=parse_version)
        return replace(here, program=program, profiles=profiles)

    def _linked(self, what: str) -> str:
        version = read_json(self._layout.link(what) / MANIFEST).get("version")
        return version if isinstance(version, str) else ""

    def _switch(self, status: Status) -> tuple[Step, Status]:
        layout = self._layout
        if not (layout.versions / status.trial).is_dir():
            return Step.FAILED, replace(status, reason="the unpacked release is gone")
        remove(layout.confirmed)
        remove(layout.starts)
        remove(layout.wanted)
        self._point(status.what, status.trial)
        self._restart_agent()
        return Step.SWITCHED, status

    def _judge(self, status: Status) -> tuple[Step, Status]:
        if status.resumed > _MOST_RESUMED:
            return Step.FAILED, replace(status, reason="the machine was started again and again during the trial")
        deadline = time.monotonic() + self._times.trial
        while time.monotonic() < deadline:
            if read_json(self._layout.confirmed).get("trial") == status.trial:
                return Step.CONFIRMED, status
            if starts(self._layout) >= MOST_STARTS:
                return Step.FAILED, replace(status, reason=f"it ended by itself {MOST_STARTS} times")
            time.sleep(self._times.poll)
        reason = str(read_json(self._layout.inbox / "doubts.json").get("reason", ""))[:200]
        why = f"it did not prove itself within {self._times.trial:g} s{f': {reason}' if reason else ''}"
        return Step.FAILED, replace(status, reason=why)

    def _commit(self, status: Status) -> tuple[Step, Status]:
        self._sweep()
        self._tidy_inbox()
        return Step.COMMITTED, self._ended(status, "done", "")

    def _revert(self, status: Status) -> tuple[Step, Status]:
        self._point(status.what, status.previous)
        self._restart_agent()
        self._sweep()
        self._tidy_inbox()
        return Step.REVERTED, self._ended(status, "reverted", status.reason)

    def _point(self, what: str, version: str) -> None:
        """Let the link name this version, or nothing where there was none."""
        link = self._layout.link(what)
        if version:
            made = link.with_name(f".{what}.new")
            remove(made)
            made.symlink_to(self._layout.versions / version)
            made.replace(link)
        else:
            remove(link)
        sync_folder(self._layout.root)

    def _restart_agent(self) -> None:
        """End the agent's processes; the service manager starts it again, and the launcher follows the link."""
        running = self._agents()
        for pid in running:
            _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + self._times.stop
        while running & self._agents() and time.monotonic() < deadline:
            time.sleep(min(0.1, self._times.poll))
        for pid in running & self._agents():
            _signal(pid, signal.SIGKILL)

    def _agents(self) -> set[int]:
        try:
            return {int(pid) for pid in self._processes.read_text().split()} - {0, 1, os.getpid()}
        except (OSError, ValueError):
            return set()

    def _sweep(self) -> None:
        """Remove every version that no link names."""
        named = {link.readlink().name for what in KINDS if (link := self._layout.link(what)).is_symlink()}
        if self._layout.versions.is_dir():
            for folder in self._layout.versions.iterdir():
                if folder.name not in named:
                    shutil.rmtree(folder, ignore_errors=True)

    def _tidy_inbox(self) -> None:
        for path in (
            self._layout.release,
            self._layout.confirmed,
            self._layout.starts,
            self._layout.inbox / "doubts.json",
        ):
            remove(path)

    def _ended(self, status: Status, outcome: str, reason: str) -> Status:
        result = Result(status.release, status.what, status.version, outcome, reason[:300], status.attempt)
        if outcome != "done":
            log.warning("release %s %s is %s: %s", status.what, status.version, outcome, reason)
        return Status(results=(*status.results, result)[-_RESULTS_KEPT:])


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _read_strangers_file(path: Path) -> bytes:
    """The agent is not trusted: no link is followed, nothing but a plain file is read, and no more than it may have."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        return file.read(MOST_BYTES + 1)
