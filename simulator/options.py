"""The command line of `python -m simulator`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simulator.gateway.plans import FORM, GatewayPlan, PlanError, read_plan
from simulator.modem.profile import PROFILES, VOICE_FIRST, Profile
from simulator.population import OPERATORS

MOST_MODEMS = 200


class OptionError(ValueError):
    """What is wrong with the command line, in one sentence."""


@dataclass(frozen=True, slots=True)
class Tunnel:
    """One edge's way to the cloud through the proxy."""

    edge: str
    listen_port: int
    target_port: int


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that can be chosen."""

    port: int
    device_dir: Path
    profiles: tuple[Profile, ...]
    modems: int
    operators: int
    speed: float
    seed: int
    supervisor_url: str | None
    tunnels: tuple[Tunnel, ...]
    pins: dict[str, str]
    state: Path | None
    gateways: tuple[GatewayPlan, ...]
    log_level: str
    smsc: bool = False


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line; OptionError says what is wrong, SystemExit for --help."""
    read = _parser().parse_args(arguments)
    if not 0 <= read.modems <= MOST_MODEMS:
        raise OptionError(f"--modems must be from 0 to {MOST_MODEMS}")
    if not 0.01 <= read.speed <= 10_000:
        raise OptionError("--speed must be from 0.01 to 10000")
    if not 1 <= read.operators <= len(OPERATORS):
        raise OptionError(f"--operators must be from 1 to {len(OPERATORS)}")
    if not 0 <= read.port <= 65_535:
        raise OptionError("--port must be from 0 to 65535")
    return Options(
        port=read.port,
        device_dir=read.device_dir,
        profiles=tuple(_profile(name) for name in read.families.split(",")),
        modems=read.modems,
        operators=read.operators,
        speed=read.speed,
        seed=read.seed,
        supervisor_url=read.supervisor_url,
        tunnels=tuple(_tunnel(text) for text in read.tunnel_proxy),
        pins=dict(_pin(text, read.modems) for text in read.pin),
        state=read.state,
        gateways=_gateways(read),
        log_level=read.log_level.upper(),
        smsc=read.smsc,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="A mobile network in a box.")
    add = parser.add_argument
    add("--port", type=int, default=0, help="port of the HTTP interface; 0 takes a free one")
    add("--device-dir", type=Path, required=True, help="where the links to the modems' terminals are made")
    add("--modems", type=int, default=4, help="number of AT modems, each with a SIM (default 4)")
    add(
        "--families", "--profile", dest="families", metavar="A,B,…",
        default=",".join(profile.name for profile in VOICE_FIRST),
        help=f"dialects, dealt in turn, of {', '.join(PROFILES)} (default: %(default)s)",
    )  # fmt: skip
    add("--operators", type=int, default=1, help="SIMs of one operator, or of two by turns (default 1)")
    add("--speed", type=float, default=1.0, help="the network's delays are divided by this")
    add("--seed", type=int, default=1, help="of all chance")
    add("--supervisor-url", help="where to ask for the restart of a process")
    add(
        "--tunnel-proxy", action="append", default=[], metavar="EDGE=LISTENPORT:TARGETPORT",
        help="let an edge's tunnel run through a proxy with faults; may be repeated",
    )  # fmt: skip
    add("--pin", action="append", default=[], metavar="MODEM=PIN", help="this modem's SIM asks for a PIN")
    add("--state", type=Path, help="file in which balances and messages survive a restart")
    add("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    add("--gateway", action="append", default=[], metavar=FORM, help="a GSM gateway that speaks SIP; may be repeated")
    add("--gateway-channels", type=int, default=0, metavar="N", help="one gateway, called gateway1, with N lines")
    add("--gateway-family", default="goip", help="its family (default goip)")
    add("--gateway-sip", default="", metavar="HOST:PORT", help="where the agent speaks SIP with it")
    add("--gateway-mode", default="", metavar="register|peer", help="(default: as the family does)")
    add("--gateway-server", default="", metavar="HOST:PORT|URL", help="what its own interface reports to")
    add("--smsc", action="store_true", help="an SMSC with an SMPP port and numbers of its own")
    return parser


def _gateways(read: argparse.Namespace) -> tuple[GatewayPlan, ...]:
    texts = list(read.gateway)
    if read.gateway_channels:
        first = f"gateway1,channels={read.gateway_channels},family={read.gateway_family},sip={read.gateway_sip}"
        given = {"mode": read.gateway_mode, "server": read.gateway_server}
        texts.insert(0, ",".join([first, *(f"{name}={value}" for name, value in given.items() if value)]))
    try:
        plans = tuple(read_plan(text) for text in texts)
    except PlanError as error:
        raise OptionError(f"--gateway: {error}") from error
    if len({plan.name for plan in plans}) < len(plans):
        raise OptionError("--gateway: two gateways have the same name")
    return plans


def _profile(name: str) -> Profile:
    if name not in PROFILES:
        raise OptionError(f"--families: there is no {name!r}; known are {', '.join(PROFILES)}")
    return PROFILES[name]


def _tunnel(text: str) -> Tunnel:
    edge, _, ports = text.partition("=")
    listen, _, target = ports.partition(":")
    if not edge or not listen.isdecimal() or not target.isdecimal() or max(int(listen), int(target)) > 65_535:
        raise OptionError(f"--tunnel-proxy must be EDGE=LISTENPORT:TARGETPORT, not {text!r}")
    return Tunnel(edge, int(listen), int(target))


def _pin(text: str, modems: int) -> tuple[str, str]:
    device, _, pin = text.partition("=")
    if device not in {f"modem{index}" for index in range(1, modems + 1)}:
        raise OptionError(f"--pin: there is no modem {device!r}")
    if not pin.isdecimal() or not 4 <= len(pin) <= 8:
        raise OptionError("--pin must be MODEM=PIN with 4 to 8 digits")
    return device, pin
