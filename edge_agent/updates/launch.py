"""The command of edge-agent.service: ``python -I -m edge_agent.updates.launch run --config …``.

Starts the version that the links name, or the installed one. It belongs to the installed program, so whatever comes by
an update cannot take it away; a version on trial that crash-loops is left by it even when no updater runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from edge_agent import __version__
from edge_agent.updates.layout import ROOT, Layout, read_json
from edge_agent.updates.states import State
from edge_agent.updates.status import MOST_STARTS, Status, load, starts
from telecore.errors import InvalidRequest
from telecore.releases import MANIFEST, PROFILES, PROGRAM, parse_version

ON_TRIAL = (State.SWITCHING, State.TRIAL)
FOLDER = "SIMFERRY_UPDATES"
"""Names the folder of updates to the agent; one that was not started by the launcher takes no releases."""


def chosen(layout: Layout, status: Status, started: int) -> tuple[Path, ...]:
    """The folders to import from before the installed program's."""
    program, profiles = (_linked(layout, what, status, started) for what in (PROGRAM, PROFILES))
    # Profiles are numbered as programs are: a newer program brings newer ones of its own.
    newer = profiles is not None and parse_version(_version(profiles)) > parse_version(_version(program))
    return tuple(folder for folder in (profiles if newer else None, program) if folder is not None)


def _linked(layout: Layout, what: str, status: Status, started: int) -> Path | None:
    link = layout.link(what)
    name = link.readlink().name if link.is_symlink() else ""
    if name and status.state in ON_TRIAL and name == status.trial and started >= MOST_STARTS:
        name = status.previous
    folder = layout.versions / name
    return folder if name and (folder / MANIFEST).is_file() else None


def _version(folder: Path | None) -> str:
    return str(read_json(folder / MANIFEST).get("version")) if folder else __version__


def environment(environ: Mapping[str, str], layout: Layout, folders: tuple[Path, ...]) -> dict[str, str]:
    """That of the agent's process."""
    kept = {name: value for name, value in environ.items() if not name.startswith("PYTHON")}
    kept.update({name: environ[name] for name in ("PYTHONDONTWRITEBYTECODE",) if name in environ})
    path = {"PYTHONPATH": os.pathsep.join(map(str, folders))} if folders else {}
    return {**kept, **path, "PYTHONSAFEPATH": "1", FOLDER: str(layout.root)}


def main() -> None:
    """Become the agent."""
    layout = Layout(Path(os.environ.get(FOLDER, ROOT)))
    try:
        status = load(layout)
        folders = chosen(layout, status, starts(layout))
        if status.state in ON_TRIAL:
            _count_start(layout)
    except (OSError, InvalidRequest) as error:
        print(f"edge-agent: starting as installed: {error}", file=sys.stderr)
        folders = ()
    command = [sys.executable, "-m", "edge_agent", *sys.argv[1:]]
    os.execve(sys.executable, command, environment(os.environ, layout, folders))


def _count_start(layout: Layout) -> None:
    try:
        descriptor = os.open(layout.starts, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        return
    try:
        os.write(descriptor, b".")
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    main()
