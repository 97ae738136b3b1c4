"""How a version on trial proves itself: the cloud greets it, and the channels that were registered are so again."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import edge_agent
import firmware_profiles
from edge_agent.updates.layout import Layout, read_json, write_whole
from edge_agent.updates.states import State
from edge_agent.updates.status import Status

CHANNELS = "channels.json"
_READABLE = 0o640
"""By the updater, whose group the inbox has."""


def is_ours(layout: Layout, status: Status) -> bool:
    """Whether this very process runs what is on trial."""
    if status.state not in (State.TRIAL, State.SWITCHING) or not status.trial:
        return False
    folder = (layout.versions / status.trial).resolve()
    places = (*edge_agent.__path__, *firmware_profiles.__path__)
    return any(folder in Path(place).resolve().parents for place in places)


def doubt(layout: Layout, connected: bool, registered: Collection[str]) -> str:
    """What is still wrong, in a sentence; empty: nothing."""
    if not connected:
        return "it cannot reach the cloud"
    before = read_json(layout.inbox / CHANNELS).get("registered")
    wanted = {str(channel) for channel in before} if isinstance(before, list) else set()
    missing = sorted(wanted - set(registered))
    return f"not registered as before: {', '.join(missing[:5])}" if missing else ""


def remember_channels(layout: Layout, registered: Collection[str]) -> None:
    """Before the change. Raises OSError."""
    write_whole(layout.inbox / CHANNELS, json.dumps({"registered": sorted(registered)}).encode())


def confirm(layout: Layout, status: Status) -> None:
    """It works. Raises OSError."""
    write_whole(layout.confirmed, json.dumps({"trial": status.trial}).encode(), mode=_READABLE)


def tell_doubt(layout: Layout, reason: str) -> None:
    """For the updater's report, should the time run out. Raises OSError."""
    write_whole(layout.inbox / "doubts.json", json.dumps({"reason": reason}).encode(), mode=_READABLE)


def hand_over(layout: Layout, file: Path, release: str, attempt: int) -> None:
    """Lay a release file into the inbox and say that it is wanted. Raises OSError; blocks."""
    write_whole(layout.release, file.read_bytes(), mode=_READABLE)
    wanted = {"release": release, "attempt": attempt}
    write_whole(layout.wanted, json.dumps(wanted).encode(), mode=_READABLE)
