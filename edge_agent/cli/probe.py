"""``edge-agent probe``."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from edge_agent.cli.commands import Commands


def add(commands: Commands) -> None:
    probe = commands.add(
        "probe", _probe, "ask what modem is on a serial port, whether it works, and which profile fits"
    )
    probe.add_argument("port", metavar="PORT", help="the modem's AT port, such as /dev/ttyUSB2")
    probe.add_argument("--baud", type=int, default=115200, help="speed of a real UART (default: %(default)s)")
    probe.add_argument("--profiles", type=Path, metavar="DIR", help="a folder with firmware profiles of your own")


def _probe(options: argparse.Namespace) -> int:
    from edge_agent.devices.profiles import load_profiles
    from edge_agent.drivers.at_modem.probe import probe

    profiles = load_profiles(*([options.profiles] if options.profiles else []))
    report = asyncio.run(probe(options.port, choose=profiles.choose, baud=options.baud))
    print("\n".join(report.lines()))
    return 0
