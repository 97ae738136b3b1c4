"""``edge-agent probe`` and ``edge-agent record-transcript``: one modem, without the agent."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent import __version__
from edge_agent.cli.commands import Commands

if TYPE_CHECKING:
    from edge_agent.devices.profiles import Profiles
    from edge_agent.devices.recording import Progress
    from edge_agent.drivers.at_modem.modem import ChooseProfile

_NOT_TOLD = "not told; say it with --source"


def add(commands: Commands) -> None:
    probe = commands.add(
        "probe",
        _probe,
        "ask what modem is on a serial port, what it can do, whether it works, and which profile fits",
        examples="  edge-agent probe /dev/ttyUSB2 --transcript sim7600.txt --source 'SIM7600G-H, firmware LE20B04'",
    )
    _port_options(probe)
    probe.add_argument("--transcript", type=Path, metavar="FILE", help="write what was said there, masked")
    day = commands.add(
        "record-transcript",
        _record,
        "serve one modem for a day and write down what it says, masked",
        more="Messages stay on the SIM and calls are not answered. The agent must not run on this port. Ctrl-C ends.",
        examples="  edge-agent record-transcript /dev/ttyUSB2 --hours 24 --out sim7600.txt",
    )
    _port_options(day)
    day.add_argument("--hours", type=_hours, default=24.0, help="how long (default: %(default)s)")
    day.add_argument("--out", type=Path, required=True, metavar="FILE", help="the transcript; four older ones are kept")
    day.add_argument("--max-mb", type=_megabytes, default=8.0, metavar="MB", help="of one file (default: %(default)s)")


def _port_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("port", metavar="PORT", help="the modem's AT port, such as /dev/ttyUSB2")
    command.add_argument("--baud", type=int, default=115200, help="speed of a real UART (default: %(default)s)")
    command.add_argument("--profiles", type=Path, metavar="DIR", help="a folder with firmware profiles of your own")
    command.add_argument("--profile", metavar="NAME", help="use this profile, whatever the modem says it is")
    command.add_argument("--source", default=_NOT_TOLD, metavar="TEXT", help="where a transcript comes from")


def _probe(options: argparse.Namespace) -> int:
    from edge_agent.drivers.at_modem.probe import probe
    from edge_agent.drivers.at_modem.transcript import Entry, Tap, Transcript

    profiles, choose = _profiles(options)
    entries: list[Entry] = []

    async def run() -> int:
        clock = asyncio.get_running_loop().time
        began = clock()
        report = await probe(
            options.port,
            choose=choose,
            baud=options.baud,
            tap=lambda port: Tap(port, entries.append, lambda: clock() - began),
        )
        header.update(_named(report.identity.manufacturer, report.identity.model, report.identity.revision))
        header["profile"] = report.profile.name
        print("\n".join(report.lines()))
        return 0

    header = _header("probe", options.source)
    try:
        print("\n".join(_usb(options.port, profiles)), end="")
        return asyncio.run(run())
    finally:
        if options.transcript is not None and entries:
            _write(options.transcript, Transcript(header, tuple(entries)).text())


def _record(options: argparse.Namespace) -> int:
    from edge_agent.devices.recording import record
    from edge_agent.drivers.at_modem.modem import ModemSettings
    from edge_agent.drivers.at_modem.transcript_file import TranscriptFile
    from telecore.ids import ChannelId, DeviceId

    _, choose = _profiles(options)
    settings = ModemSettings(DeviceId("recorded"), ChannelId("recorded/recorded"), options.port, baud=options.baud)
    header = _header("record-transcript", options.source)
    file = TranscriptFile(options.out, header, limit_bytes=int(options.max_mb * 1024 * 1024))
    seconds = options.hours * 3600
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(record(settings, choose, file, seconds=seconds, on_progress=lambda now: _tell(now, seconds)))
    print(f"\n{file.entries} entries in {options.out}", file=sys.stderr)
    return 0 if file.entries else 1


def _profiles(options: argparse.Namespace) -> tuple[Profiles, ChooseProfile]:
    from edge_agent.devices.profiles import load_profiles

    profiles = load_profiles(*([options.profiles] if options.profiles else []))
    if options.profile is None:
        return profiles, profiles.choose
    profiles.get(options.profile)
    return profiles, lambda identity: profiles.get(options.profile, identity)


def _usb(port: str, profiles: Profiles) -> list[str]:
    from edge_agent.devices.discovery import list_ports, siblings

    layouts = [layout for profile in profiles for layout in profile.usb]
    found = siblings(port, list_ports(), layouts)
    rows = [f"{'USB':<9} {one.vid}:{one.pid} at {one.plug} {one.product}".rstrip() for one, _ in found[:1]]
    rows += [f"{'has':<9} interface {one.interface}: {purpose}, {one.path}" for one, purpose in found]
    return [*rows, ""] if rows else []


def _header(command: str, source: str) -> dict[str, str]:
    return {"source": source, "made-by": f"edge-agent {command} {__version__}"}


def _named(manufacturer: str, model: str, revision: str) -> Mapping[str, str]:
    return {"manufacturer": manufacturer, "model": model, "revision": revision}


def _write(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    print(f"transcript {path}: look through it before you give it away", file=sys.stderr)


def _tell(now: Progress, seconds: float) -> None:
    dropped = f", {now.dropped} dropped" if now.dropped else ""
    line = f"{_clock(now.elapsed_s)} of {_clock(seconds)}, {now.state}: {now.entries} entries, {now.size // 1024} kB"
    print(f"\r{line}{dropped}", end="\x1b[K" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    return f"{int(seconds // 3600)}:{int(seconds // 60 % 60):02}:{int(seconds % 60):02}"


def _hours(text: str) -> float:
    return _between(text, 0.0001, 24 * 31, "hours")


def _megabytes(text: str) -> float:
    return _between(text, 0.01, 1024, "megabytes")


def _between(text: str, least: float, most: float, unit: str) -> float:
    value = float(text)
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{text} {unit}: must be between {least} and {most}")
    return value
