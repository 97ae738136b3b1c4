"""``edge-agent enrol``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge_agent.cli.commands import Commands, Failed, config_option, load
from edge_agent.config.cloud import CloudConfig
from telecore.errors import InvalidRequest


def add(commands: Commands) -> None:
    enrol = commands.add("enrol", _enrol, "make this site's key and tell the cloud, with a one-time token made there")
    enrol.add_argument("--cloud", metavar="URL", help="the controller's address (default: cloud.url in the config)")
    enrol.add_argument("--token", required=True, help="the one-time token; - reads it from standard input")
    enrol.add_argument("--data-dir", type=Path, metavar="DIR", help="where to keep the key, without a configuration")
    enrol.add_argument("--insecure", action="store_true", help="without TLS beyond this machine, in a laboratory")
    enrol.add_argument("--force", action="store_true", help="replace the identity this edge already has")
    config_option(enrol)


def with_token(arguments: Sequence[str]) -> list[str]:
    """``--token X`` as ``--token=X``: a token may begin with a hyphen, which argparse takes for an option."""
    words = list(arguments)
    if "--token" in words[:-1]:
        at = words.index("--token")
        words[at : at + 2] = [f"--token={words[at + 1]}"]
    return words


def _enrol(options: argparse.Namespace) -> int:
    from edge_agent.enrolment import enrol
    from edge_agent.spool.file import open_file
    from edge_agent.tls import make_context

    config = None if options.data_dir and options.cloud else load(options.config)
    data_dir: Path = options.data_dir or (config.data_dir if config else Path())
    cloud = options.cloud or (config.cloud.url if config else None)
    if cloud is None:
        raise InvalidRequest("give the controller's address with --cloud, or as cloud.url in the configuration")
    section = config.cloud if config else CloudConfig()
    section = replace(section, insecure=section.insecure or options.insecure)
    path = data_dir / "identity.json"
    if path.exists() and not options.force:
        raise Failed(f"this edge is enrolled already, as {path} says; --force replaces that")
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    token = sys.stdin.readline().strip() if options.token == "-" else options.token
    enrolled = asyncio.run(enrol(cloud, token, tls=make_context(section), cloud=section))
    enrolled.save(data_dir)
    # Made here, where its migrations may load what a running agent can do without.
    spool, _ = open_file(data_dir / "spool.db")
    spool.close()
    print(f"enrolled as {enrolled.identity.edge}; the key is in {path}")
    return 0
