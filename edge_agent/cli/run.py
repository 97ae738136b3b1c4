"""``edge-agent run``."""

from __future__ import annotations

import argparse
import sys

from edge_agent.cli.commands import Commands, config_option, load


def add(commands: Commands) -> None:
    config_option(commands.add("run", _run, "run the agent in the foreground, until SIGTERM"))


def _run(options: argparse.Namespace) -> int:
    config = load(options.config)
    from edge_agent import logs
    from edge_agent.agent import run

    logs.set_up(config.log.level, config.log.target)
    for warning in config.warnings:
        print(f"edge-agent: {options.config.name}: {warning}", file=sys.stderr)
    run(config)
    return 0
