"""The command ``edge-agent``: run, check-config, probe, status, enrol, version.

Exit status: 0 done, 1 it did not work, 2 the configuration or the command line is at fault.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agent import __version__
from telecore.errors import InvalidRequest, TelecoreError

if TYPE_CHECKING:
    from edge_agent.config import AgentConfig

DEFAULT_CONFIG = Path("/etc/edge-agent/agent.yaml")
DEFAULT_STATUS = "http://127.0.0.1:9120"
_STATUS_TIMEOUT_S = 5.0
_STATUS_LIMIT = 4 << 20


class _Failed(Exception):
    """A command did not work; the sentence is for the operator."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    options = _parser().parse_args(_with_token(sys.argv[1:] if arguments is None else arguments))
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except (InvalidRequest, TelecoreError) as error:
        print(f"edge-agent: {error}", file=sys.stderr)
        return 2 if isinstance(error, InvalidRequest) else 1
    except (_Failed, OSError) as error:
        print(f"edge-agent: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _with_token(arguments: Sequence[str]) -> list[str]:
    """``--token X`` as ``--token=X``: a token may begin with a hyphen, which argparse takes for an option."""
    words = list(arguments)
    if "--token" in words[:-1]:
        at = words.index("--token")
        words[at : at + 2] = [f"--token={words[at + 1]}"]
    return words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edge-agent", description="Looks after the SIMs of one site and carries their calls and SMS to the cloud."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, run: Callable[[argparse.Namespace], int], summary: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        sub.set_defaults(command=run)
        return sub

    _config_option(add("run", _run, "run the agent in the foreground, until SIGTERM"))
    _config_option(add("check-config", _check_config, "read the configuration, tell every fault or what would be done"))
    probe = add("probe", _probe, "ask what modem is on a serial port, whether it works, and which profile fits")
    probe.add_argument("port", metavar="PORT", help="the modem's AT port, such as /dev/ttyUSB2")
    probe.add_argument("--baud", type=int, default=115200, help="speed of a real UART (default: %(default)s)")
    probe.add_argument("--profiles", type=Path, metavar="DIR", help="a folder with firmware profiles of your own")
    status = add("status", _status, "show channels, calls, tunnel and warnings of the running agent")
    status.add_argument("--config", type=Path, metavar="FILE", help="take the status port from this configuration")
    status.add_argument("--url", help=f"where the agent tells its status (default: {DEFAULT_STATUS})")
    status.add_argument("--json", action="store_true", help="as JSON instead of a table")
    enrol = add("enrol", _enrol, "make this site's key and tell the cloud, with a one-time token made there")
    enrol.add_argument("--cloud", metavar="URL", help="the controller's address (default: cloud.url in the config)")
    enrol.add_argument("--token", required=True, help="the one-time token; - reads it from standard input")
    enrol.add_argument("--data-dir", type=Path, metavar="DIR", help="where to keep the key, without a configuration")
    enrol.add_argument("--force", action="store_true", help="replace the identity this edge already has")
    _config_option(enrol)
    add("version", _version, "print the version")
    return parser


def _config_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help="agent.yaml (default: %(default)s)"
    )


def _load(path: Path) -> AgentConfig:
    from edge_agent.config import load_config

    return load_config(path)


def _run(options: argparse.Namespace) -> int:
    config = _load(options.config)
    from edge_agent import logs
    from edge_agent.agent import run

    logs.set_up(config.log.level, config.log.target)
    for warning in config.warnings:
        print(f"edge-agent: {options.config.name}: {warning}", file=sys.stderr)
    run(config)
    return 0


def _check_config(options: argparse.Namespace) -> int:
    config = _load(options.config)
    from edge_agent.plan import plan

    lines, problems = plan(config)
    print("\n".join(lines))
    for problem in problems:
        print(f"edge-agent: {problem}", file=sys.stderr)
    return 2 if problems else 0


def _probe(options: argparse.Namespace) -> int:
    from edge_agent.devices.profiles import load_profiles
    from edge_agent.drivers.at_modem.probe import probe

    profiles = load_profiles(*([options.profiles] if options.profiles else []))
    report = asyncio.run(probe(options.port, choose=profiles.choose, baud=options.baud))
    print("\n".join(report.lines()))
    return 0


def _status(options: argparse.Namespace) -> int:
    from edge_agent.status_table import as_table

    url = options.url or _status_url(options.config)
    status = _get_json(f"{url.rstrip('/')}/status")
    print(json.dumps(status, indent=2) if options.json else as_table(status))
    return 0


def _status_url(config: Path | None) -> str:
    if config is None:
        if not DEFAULT_CONFIG.exists():
            return DEFAULT_STATUS
        config = DEFAULT_CONFIG
    port = _load(config).status.port
    if port is None:
        raise InvalidRequest(f"{config}: status.port switches the status page off")
    return f"http://127.0.0.1:{port}"


def _get_json(url: str) -> Any:
    import urllib.error
    import urllib.request

    if not url.startswith(("http://", "https://")):
        raise InvalidRequest(f"{url!r} must begin with http:// or https://")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_STATUS_TIMEOUT_S) as answer:
            return json.loads(answer.read(_STATUS_LIMIT))
    except urllib.error.HTTPError as error:
        raise _Failed(f"{url} answered {error.code}") from error
    except OSError as error:
        raise _Failed(f"no agent answers at {url}: {getattr(error, 'reason', error)}") from error
    except ValueError as error:
        raise _Failed(f"{url} did not answer with an agent's status") from error


def _enrol(options: argparse.Namespace) -> int:
    from edge_agent.enrolment import enrol
    from edge_agent.spool.file import open_file

    config = None if options.data_dir and options.cloud else _load(options.config)
    data_dir: Path = options.data_dir or (config.data_dir if config else Path())
    cloud = options.cloud or (config.cloud.url if config else None)
    if cloud is None:
        raise InvalidRequest("give the controller's address with --cloud, or as cloud.url in the configuration")
    path = data_dir / "identity.json"
    if path.exists() and not options.force:
        raise _Failed(f"this edge is enrolled already, as {path} says; --force replaces that")
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    token = sys.stdin.readline().strip() if options.token == "-" else options.token
    identity = asyncio.run(enrol(cloud, token))
    identity.save(path)
    # Made here, where its migrations may load what a running agent can do without.
    spool, _ = open_file(data_dir / "spool.db")
    spool.close()
    print(f"enrolled as {identity.edge}; the key is in {path}")
    return 0


def _version(options: argparse.Namespace) -> int:
    print(f"edge-agent {__version__}, Python {sys.version.split()[0]}")
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
