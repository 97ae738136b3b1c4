"""The options of `scripts/lab` (docs/lab.md)."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MAX_MODEMS = 64
MAX_EDGES = 16
MAX_CHANNELS = 128
PARTS = ("cloud", "edge")
FAMILIES = ("goip", "dinstar", "yeastar", "openvox", "synway", "portech", "plain")


@dataclass(frozen=True, slots=True)
class Options:
    modems: int = 4
    families: str | None = None
    operators: int = 1
    edges: int = 1
    speed: float = 1.0
    seed: int = 1
    tunnel_proxy: bool = False
    gateway_channels: int = 0
    gateway_family: str = "goip"
    smsc: bool = False
    data: Path | None = None
    log_dir: Path | None = None
    config: Path | None = None
    code: Mapping[str, Path] = field(default_factory=dict)
    """``cloud`` or ``edge`` → the checkout that runs it."""


class Refusal(Exception):
    """The lab cannot start; the message is one sentence."""


def read_options(arguments: Sequence[str]) -> Options:
    given = parser().parse_args(arguments)
    if not 0 <= given.gateway_channels <= MAX_CHANNELS:
        raise Refusal(f"--gateway-channels must be from 0 to {MAX_CHANNELS}")
    if given.gateway_family not in FAMILIES:
        raise Refusal(f"--gateway-family must be one of {', '.join(FAMILIES)}")
    channels = given.modems + given.gateway_channels
    if not (0 if given.gateway_channels else 1) <= given.modems <= MAX_MODEMS:
        raise Refusal(f"--modems must be from 1 to {MAX_MODEMS}, or 0 beside a gateway")
    if not 1 <= given.operators <= 2:
        raise Refusal("--operators must be 1 or 2")
    if not 1 <= given.edges <= min(channels, MAX_EDGES):
        raise Refusal(f"--edges must be from 1 to {min(channels, MAX_EDGES)} (no more than there are channels)")
    if not 0.01 <= given.speed <= 1000:
        raise Refusal("--speed must be from 0.01 to 1000")
    if given.config is not None and not given.config.is_file():
        raise Refusal(f"--config {given.config}: there is no such file")
    return Options(
        modems=given.modems,
        families=given.families,
        operators=given.operators,
        edges=given.edges,
        speed=given.speed,
        seed=given.seed,
        tunnel_proxy=given.tunnel_proxy,
        gateway_channels=given.gateway_channels,
        gateway_family=given.gateway_family,
        smsc=given.smsc,
        data=given.data,
        log_dir=given.log_dir,
        config=given.config,
        code=dict(_code(one) for one in given.code),
    )


def _code(given: str) -> tuple[str, Path]:
    part, _, folder = given.partition("=")
    if part not in PARTS or not (Path(folder) / "telecore").is_dir():
        raise Refusal(f"--code {given}: must be cloud=DIR or edge=DIR, with a checkout of Simferry in DIR")
    return part, Path(folder).absolute()


def parser() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser(
        prog="scripts/lab",
        description="A phone network in a box: simulator, edge agents and cloud on loopback. "
        "Prints one line of JSON when a call can be placed, and runs until Ctrl-C.",
    )
    add = out.add_argument
    add("--modems", type=int, default=4, metavar="N", help="AT modems, each with a SIM (default 4)")
    add(
        "--families",
        metavar="A,B,…",
        help="dialects of the modems, dealt in turn (default: four with sound first)",
    )
    add("--operators", type=int, default=1, metavar="N", help="the SIMs are of so many operators by turns: 1 or 2")
    add("--edges", type=int, default=1, metavar="N", help="sites, the channels dealt among them (default 1)")
    add("--speed", type=float, default=1.0, metavar="X", help="network delays times 1/X; audio stays real time")
    add("--seed", type=int, default=1, metavar="K", help="seed of the network's randomness")
    add("--tunnel-proxy", action="store_true", help="the tunnel runs through a proxy with faults of its own")
    add(
        "--data",
        type=Path,
        metavar="DIR",
        help="keep all data here; it survives restarts (default: a temporary folder)",
    )
    add("--log-dir", type=Path, metavar="DIR", help="one log file per process here (default: standard error)")
    add("--config", type=Path, metavar="FILE", help="YAML merged over the files the lab writes: cloud: {…}, edge: {…}")
    add(
        "--code",
        action="append",
        default=[],
        metavar="PART=DIR",
        help="run cloud or edge from another checkout; DIR may be a link, which is looked at whenever it is started",
    )
    add("--gateway-channels", type=int, default=0, metavar="N", help="lines of GSM gateways that speak SIP (default 0)")
    add("--gateway-family", default="goip", metavar="F", help=f"of {', '.join(FAMILIES)} (default goip)")
    add("--smsc", action="store_true", help="an SMPP link to a message centre, at the first site")
    return out
