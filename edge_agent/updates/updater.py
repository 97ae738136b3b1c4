"""The command of simferry-update.service: ``python -I -m edge_agent.updates.updater``.

It runs as a user of its own from the installed program, never from one that came by an update.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import platform
import sys
from pathlib import Path

from edge_agent import __version__
from edge_agent.updates.layout import KEYS, PACKAGES, PROCESSES, ROOT, Layout
from edge_agent.updates.machine import Machine, Times
from telecore.releases import Here

PRODUCT = "simferry-edge"


def main() -> int:
    """Do what is under way or wanted, then end. Exit status 1: the disk does not take it; to be tried again."""
    asked = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    os.umask(0o022)
    layout = Layout(asked.root)
    try:
        layout.root.mkdir(parents=True, exist_ok=True, mode=0o755)
        with open(layout.root / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            times = Times(asked.trial, asked.stop, asked.poll)
            Machine(layout, lambda: here(layout, asked.channel), asked.keys, asked.processes, times).run()
    except OSError as error:
        print(f"simferry-update: {error.strerror or error}: {error.filename or layout.root}", file=sys.stderr)
        return 1
    return 0


def here(layout: Layout, channel: str) -> Here:
    """This machine, and the program as it was installed."""
    try:
        disk = os.statvfs(layout.root)
        free = disk.f_bavail * disk.f_frsize
    except OSError:
        free = 0
    try:
        packages = (Path(sys.prefix) / PACKAGES).read_text().strip()
    except OSError:
        packages = "unknown"
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Here(PRODUCT, __version__, "", channel, python, platform.machine(), packages, free)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simferry-update", description="Puts a signed release in place.")
    parser.add_argument("--root", type=Path, default=ROOT, metavar="FOLDER", help="versions and inbox (%(default)s)")
    parser.add_argument("--keys", type=Path, default=KEYS, metavar="FOLDER", help="trusted keys (%(default)s)")
    parser.add_argument("--channel", default="stable", help="which releases are taken (default: %(default)s)")
    parser.add_argument(
        "--processes", type=Path, default=PROCESSES, metavar="FILE", help="process ids of the agent (%(default)s)"
    )
    parser.add_argument("--trial", type=float, default=240.0, metavar="SECONDS", help="time to prove itself")
    parser.add_argument("--stop", type=float, default=30.0, metavar="SECONDS", help="time to end by itself")
    parser.add_argument("--poll", type=float, default=1.0, metavar="SECONDS", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
