"""What every command of ``edge-agent`` shares: how it is declared, its configuration, how it fails."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_agent.config import AgentConfig

DEFAULT_CONFIG = Path("/etc/edge-agent/agent.yaml")


class Failed(Exception):
    """A command did not work; the sentence is for the operator."""


class Commands:
    """The words after ``edge-agent``."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(
        self, name: str, run: Callable[[argparse.Namespace], int], summary: str, *, more: str = "", examples: str = ""
    ) -> argparse.ArgumentParser:
        """Declare a command; ``run`` returns its exit status. ``more`` and ``examples`` are shown by its --help."""
        sub = self._commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.{f' {more}' if more else ''}",
            epilog=f"examples:\n{examples}" if examples else None,
            formatter_class=_Help,
        )
        sub.set_defaults(command=run)
        return sub


class _Help(argparse.HelpFormatter):
    """Descriptions are wrapped; examples keep their lines."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("examples:\n"):
            return "".join(f"{indent}{line}\n" for line in text.splitlines())
        return super()._fill_text(text, width, indent)


def config_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help="agent.yaml (default: %(default)s)"
    )


def load(path: Path) -> AgentConfig:
    """Raises ConfigError with every problem found."""
    from edge_agent.config import load_config

    return load_config(path)
