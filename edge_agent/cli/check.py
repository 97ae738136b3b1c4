"""``edge-agent check-config``."""

from __future__ import annotations

import argparse
import sys

from edge_agent.cli.commands import Commands, config_option, load


def add(commands: Commands) -> None:
    config_option(
        commands.add("check-config", _check, "read the configuration, tell every fault or what would be done")
    )


def _check(options: argparse.Namespace) -> int:
    config = load(options.config)
    from edge_agent.plan import plan

    lines, problems = plan(config)
    print("\n".join(lines))
    for problem in problems:
        print(f"edge-agent: {problem}", file=sys.stderr)
    return 2 if problems else 0
