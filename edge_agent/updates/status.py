"""What the updater remembers across a power cut, and tells everybody: ``state.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from edge_agent.updates.layout import Layout, read_json, write_whole
from edge_agent.updates.states import State
from telecore.errors import InvalidRequest
from telecore.schema import dump, read

MOST_STARTS = 5
"""A version on trial that has been started so often without proving itself crash-loops."""


@dataclass(frozen=True, slots=True)
class Result:
    """How the last one ended: ``done``, ``refused`` or ``reverted``, and why. ``release`` is the file's SHA-256."""

    release: str
    what: str
    version: str
    outcome: str
    reason: str = ""
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Status:
    """``previous``: the folder that the link pointed to, empty: none, the installed program. ``trial``: a number that
    only this trial has. ``resumed``: how often the machine was started during the trial."""

    state: State = State.IDLE
    release: str = ""
    attempt: int = 1
    what: str = ""
    version: str = ""
    previous: str = ""
    trial: str = ""
    resumed: int = 0
    reason: str = ""
    results: tuple[Result, ...] = field(default=())


def load(layout: Layout) -> Status:
    """A file that cannot be read is that of nobody: whatever the link points to goes on running."""
    try:
        return read(Status, read_json(layout.state), strict=False)
    except InvalidRequest:
        return Status()


def save(layout: Layout, status: Status) -> None:
    """When it returns, this is what is found after a power cut. Raises OSError."""
    write_whole(layout.state, json.dumps(dump(status)).encode())


def starts(layout: Layout) -> int:
    """How often the version on trial was started."""
    try:
        return layout.starts.stat().st_size
    except OSError:
        return 0
