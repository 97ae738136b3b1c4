"""Whether a locked package has a known hole, by pip-audit: once a day for each lock, where its data can be reached.

Exit status 1: one has. 0 with a sentence: it cannot be told here.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

from scripts.releasekit.distributions import LOCK, ROOT

REACHED_WITHIN_S = 3
ANSWERED_WITHIN_S = 120.0
_STAMP = ROOT / ".venv" / ".audited"


def main() -> int:
    today = f"{time.strftime('%Y-%m-%d')} {hash_of(LOCK)}"
    if _STAMP.exists() and _STAMP.read_text() == today:
        return 0
    try:
        done = asked()
    except subprocess.TimeoutExpired:
        print(f"simferry: known holes were not told within {ANSWERED_WITHIN_S:.0f} s", file=sys.stderr)
        return 0
    try:
        found = holes(done.stdout)
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        print(f"simferry: known holes of packages cannot be looked up here: {last[:300]}", file=sys.stderr)
        return 0
    for line in found:
        print(line)
    if unknown := skipped(done.stdout):
        print(f"simferry: {unknown} packages are not known where holes are looked up", file=sys.stderr)
    elif not found:
        _STAMP.write_text(today)
    return bool(found)


def holes(report: str) -> list[str]:
    """A line for each hole of pip-audit's JSON. Raises ValueError, KeyError for what is no report."""
    return [
        f"{package['name']} {package['version']}: {hole['id']}, mended by {', '.join(hole['fix_versions']) or 'none'}"
        for package in json.loads(report)["dependencies"]
        for hole in package.get("vulns", ())
    ]


def skipped(report: str) -> int:
    """How many packages pip-audit could not look up."""
    return sum("skip_reason" in package for package in json.loads(report)["dependencies"])


def asked() -> subprocess.CompletedProcess[str]:
    """What pip-audit says; nothing in its output when its data cannot be reached. Raises TimeoutExpired."""
    how = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--timeout", str(REACHED_WITHIN_S)]
    return subprocess.run(
        [sys.executable, "-m", "pip_audit", *how, "-f", "json", "-r", str(LOCK)],
        capture_output=True,
        text=True,
        timeout=ANSWERED_WITHIN_S,
        check=False,
    )


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
