"""The gateways of a lab: one at each site that has channels to deal, told to the simulator and to the site's agent."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.labkit.options import Options

LOOPBACK = "127.0.0.1"
REGISTER = ("goip", "portech")
"""The families whose profile has each line register; the others are peers that tell lines by a prefix."""
_RTP_FROM, _RTP_EACH = 33_000, 1_000


@dataclass(frozen=True, slots=True)
class Box:
    """One gateway: of which edge, and where that edge speaks SIP and waits for the box's own tongue."""

    name: str
    edge: str
    channels: int
    sip_port: int
    server_port: int


def boxes(options: Options, edges: list[str], ports: dict[str, int]) -> list[Box]:
    """The channels dealt among the edges."""
    each, more = divmod(options.gateway_channels, len(edges))
    counts = [each + (n < more) for n in range(len(edges))]
    return [
        Box(f"gateway{n}", edge, count, ports[f"sip-{edge}"], ports[f"server-{edge}"])
        for n, (edge, count) in enumerate(zip(edges, counts, strict=True), 1)
        if count
    ]


def arguments(options: Options, of: list[Box]) -> list[str]:
    """For the simulator's command line."""
    out: list[str] = []
    for box in of:
        said = f"{box.name},channels={box.channels},family={options.gateway_family},sip={LOOPBACK}:{box.sip_port}"
        said += f",mode={'register' if options.gateway_family in REGISTER else 'peer'}"
        server = f"{LOOPBACK}:{box.server_port}"
        out += ["--gateway", f"{said},server={server if options.gateway_family == 'goip' else f'http://{server}'}"]
    return out


def sip_section(number: int, port: int) -> dict[str, Any]:
    """Of agent.yaml; the RTP ports of each site are its own."""
    first = _RTP_FROM + number * _RTP_EACH
    return {"listen": LOOPBACK, "port": port, "rtp_ports": f"{first}-{first + _RTP_EACH - 1}"}


def device(said: dict[str, Any], server_port: int, folder: Path) -> dict[str, Any]:
    """A gateway of the simulator's announcement as agent.yaml has it; its passwords go into files beside that."""
    management = said["management"] or {}
    folder.mkdir(parents=True, exist_ok=True)
    passwords = {line["user"]: line["password"] for line in said["lines"]}
    names = [str(line["name"]) for line in management.get("lines", ())] or management.get("ports", [])
    _keep(folder / f"{said['name']}-lines.yaml", yaml.safe_dump(passwords))
    out: dict[str, Any] = {
        "id": said["name"],
        "driver": "gateway",
        "host": LOOPBACK,
        "profile": f"simferry/{said['family']}",
        "passwords_file": f"{said['name']}-lines.yaml",
        "lines": [
            {"user": line["user"], "number": line["number"]} | ({"name": names[n]} if names else {})
            for n, line in enumerate(said["lines"])
        ],
        "sip": {"registers": "with_us" if said["mode"] == "register" else "nobody"},
        "management": {"listen_port": server_port}
        | {key: management[key] for key in ("port", "url") if management.get(key)},
    }
    if said["sip"].get("port"):
        out["sip"]["port"] = said["sip"]["port"]
    if "user" in management:
        _keep(folder / f"{said['name']}.password", str(management.get("password", said["password"])) + "\n")
        out |= {"user": management["user"], "password_file": f"{said['name']}.password"}
    return out


def smsc(said: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The SMPP link of the simulator's announcement as agent.yaml has it."""
    folder.mkdir(parents=True, exist_ok=True)
    _keep(folder / "smsc.password", said["password"] + "\n")
    return {
        "id": "smsc",
        "driver": "smpp",
        "host": said["host"],
        "port": said["port"],
        "user": said["system_id"],
        "password_file": "smsc.password",
        "numbers": said["numbers"],
    }


def _keep(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
