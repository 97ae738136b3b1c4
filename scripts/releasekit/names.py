"""``python -m scripts.releasekit.names``: writes scripts/packages/*.txt from what is installed in .venv.

``--check`` writes nothing, and fails when a file is not what it would be.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import requires

from packaging.requirements import Requirement

from scripts.releasekit.distributions import NAMES, project

EXTRAS = ("edge", "cloud", "gateways", "fast", "recognition")
_PYTHONS = ("3.11", "3.12", "3.13")
_NOT_LOCKED = {"pip"}
"""Comes with every environment; sqlite-utils names it for a command that we never call."""


def closure(extra: str) -> list[str]:
    """All that an extra needs on any Python and Linux machine that is supported."""
    todo = [Requirement(line) for line in project()["optional-dependencies"][extra]]
    seen: dict[str, set[str]] = {}
    while todo:
        wanted = todo.pop()
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if name in _NOT_LOCKED or (name in seen and wanted.extras <= seen[name]):
            continue
        seen.setdefault(name, set()).update(wanted.extras)
        todo += [need for line in requires(name) or () if _applies(need := Requirement(line), wanted.extras)]
    return sorted(seen)


def _applies(need: Requirement, extras: set[str]) -> bool:
    marker = need.marker
    return marker is None or any(
        marker.evaluate({"extra": extra, "python_version": python, "python_full_version": f"{python}.0"})
        for extra in (extras or {""})
        for python in _PYTHONS
    )


def main() -> int:
    stale = []
    for extra in EXTRAS:
        path, text = NAMES / f"{extra}.txt", "\n".join(closure(extra)) + "\n"
        if not path.exists() or path.read_text() != text:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(text)
    if stale and "--check" in sys.argv:
        print(f"{', '.join(stale)} stale: python -m scripts.releasekit.names", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
