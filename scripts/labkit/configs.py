"""The configuration files that a lab writes for its processes, as a person would write them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.labkit import gateways
from scripts.labkit.kept import keep
from scripts.labkit.options import Options, Refusal


def cloud_path(data: Path) -> Path:
    return data / "cloud" / "cloud.yaml"


def identity_path(data: Path, edge: str) -> Path:
    """What an edge is enrolled with."""
    return data / edge / "data" / "identity.json"


def write_cloud(options: Options, data: Path, ports: dict[str, int]) -> Path:
    base = f"http://127.0.0.1:{ports['web']}"
    tunnel = f"ws://127.0.0.1:{ports['tunnel']}"
    config = {
        "data_dir": "data",
        "web": {"host": "127.0.0.1", "port": ports["web"], "public_url": base},
        "tunnel": {"host": "127.0.0.1", "port": ports["tunnel"], "public_url": tunnel},
        "stop": {"calls_s": 1},  # whoever plays with it does not want to wait for calls
        "webhooks": {"allow_private": ["127.0.0.1/32"]},
        "recognition": {"engines": {"en": "pocketsphinx"}},
    }
    return _write(cloud_path(data), config, _overrides(options, "cloud"))


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a site has, as the simulator announced it. ``number``: the site's, from 0."""

    number: int
    modems: list[dict[str, Any]]
    gateways: list[dict[str, Any]]
    smsc: dict[str, Any] | None = None


def write_edge(options: Options, data: Path, ports: dict[str, int], edge: str, has: Equipment) -> Path:
    config: dict[str, Any] = {
        "data_dir": "data",
        "cloud": {"url": f"http://127.0.0.1:{ports['web']}"},
        "status": {"port": ports[f"status-{edge}"]},
        "devices": [
            {"id": modem["name"], "port": modem["at"], "number": modem["number"]}
            | ({"audio": modem["pcm"]} if modem["pcm"] else {})
            for modem in has.modems
        ],
    }
    if has.gateways:
        config["sip"] = gateways.sip_section(has.number, ports[f"sip-{edge}"])
        config["devices"] += [gateways.device(box, ports[f"server-{edge}"], data / edge) for box in has.gateways]
    if has.smsc is not None:
        config["devices"].append(gateways.smsc(has.smsc, data / edge))
    return _write(data / edge / "agent.yaml", config, _overrides(options, "edge"))


def point_at(config: Path, tunnel_url: str) -> None:
    """Let an enrolled edge reach the tunnel where it is now, or at the proxy before it."""
    path = config.parent / "data" / "identity.json"
    identity = json.loads(path.read_text())
    identity["url"] = tunnel_url
    keep(path, identity)


def _write(path: Path, config: dict[str, Any], overrides: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(_merged(config, overrides), sort_keys=False))
    return path


def _overrides(options: Options, part: str) -> dict[str, Any]:
    if options.config is None:
        return {}
    try:
        given = yaml.safe_load(options.config.read_text()) or {}
    except (yaml.YAMLError, OSError) as error:
        raise Refusal(f"--config {options.config} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(given, dict) or not set(given) <= {"cloud", "edge"}:
        raise Refusal(f"--config {options.config} must be a mapping with the keys cloud and edge")
    chosen = given.get(part) or {}
    if not isinstance(chosen, dict):
        raise Refusal(f"--config {options.config}: {part} must be a mapping")
    return chosen


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    out = dict(below)
    for key, value in above.items():
        mine = out.get(key)
        out[key] = _merged(mine, value) if isinstance(mine, dict) and isinstance(value, dict) else value
    return out
