"""``scripts/day``: 24 hours of a site with 16 modems of five families, in minutes."""

from __future__ import annotations

import argparse
import asyncio
import datetime
import logging
import sys
import tempfile
import time
from pathlib import Path

START = datetime.datetime(2026, 3, 1, 6, tzinfo=datetime.UTC).timestamp()
DRAIN_S = 3600.0


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/day",
        description="Runs the agent beside simulated modems for a simulated day of mixed traffic and random faults, "
        "and accounts for every SMS and call. Exits 0 when all is accounted for.",
    )
    parser.add_argument("--hours", type=float, default=24.0, help="simulated hours of traffic (default: %(default)s)")
    parser.add_argument("--modems", type=int, default=16, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same day (default: %(default)s)")
    parser.add_argument("--fault-every", type=float, default=400.0, metavar="S", help="mean seconds between two faults")
    parser.add_argument("--families", metavar="A,B", help="dialects, dealt in turn (default: all)")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write report.txt, report.json and day.svg there")
    parser.add_argument("--log", type=Path, metavar="FILE", help="the agent's log")
    return parser.parse_args()


def main() -> int:
    given = options()
    from scripts.daykit.virtual_time import VirtualLoop, install, real_monotonic

    clock = install(START)
    logging.basicConfig(
        level=logging.DEBUG if given.log else logging.CRITICAL,
        filename=given.log,
        filemode="w",
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.Formatter.converter = time.gmtime
    from scripts.daykit.day import Day, Plan

    began = real_monotonic()
    plan = Plan(
        hours=given.hours,
        modems=given.modems,
        seed=given.seed,
        fault_every_s=given.fault_every,
        families=tuple(given.families.split(",")) if given.families else (),
    )

    def progress(text: str) -> None:
        print(f"{real_monotonic() - began:7.1f} s  {text}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        report = runner.run(Day(plan, clock, Path(folder), progress).run())
    report.took_s = real_monotonic() - began
    print(report.text())
    if given.report:
        report.write(given.report)
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
