"""Whether a locked package has a known hole, by pip-audit: once a day for each lock, where its data can be reached.

Exit status 1: one has. 0 with a sentence: it cannot be told here.
"""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from scripts.releasekit.distributions import LOCK, ROOT

SOURCE = "https://pypi.org/pypi/pip/json"
REACHED_WITHIN_S = 3.0
ANSWERED_WITHIN_S = 120.0
_STAMP = ROOT / ".venv" / ".audited"


def main() -> int:
    today = f"{time.strftime('%Y-%m-%d')} {hash_of(LOCK)}"
    if _STAMP.exists() and _STAMP.read_text() == today:
        return 0
    if (why := unreachable()) is not None:
        print(f"simferry: known holes of packages are not looked up: {why}", file=sys.stderr)
        return 0
    command = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "-f", "json", "-r", str(LOCK)]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", *command],
            capture_output=True,
            text=True,
            timeout=ANSWERED_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"simferry: known holes were not told within {ANSWERED_WITHIN_S:.0f} s", file=sys.stderr)
        return 0
    try:
        found = holes(done.stdout)
    except (ValueError, KeyError):
        print(f"simferry: pip-audit did not work: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return 0
    for line in found:
        print(line)
    if not found:
        _STAMP.write_text(today)
    return bool(found)


def holes(report: str) -> list[str]:
    """A line for each hole of pip-audit's JSON. Raises ValueError, KeyError for what is no report."""
    return [
        f"{package['name']} {package['version']}: {hole['id']}, mended by {', '.join(hole['fix_versions']) or 'none'}"
        for package in json.loads(report)["dependencies"]
        for hole in package.get("vulns", ())
    ]


def unreachable() -> str | None:
    """Why the data cannot be had, or None. Takes no longer than REACHED_WITHIN_S, twice."""
    try:
        with urllib.request.urlopen(SOURCE, timeout=REACHED_WITHIN_S) as answer:
            answer.read(1)
    except (OSError, ValueError, socket.gaierror) as error:
        return str(getattr(error, "reason", error))
    return None


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
