"""The command line of ``edge-agent``.

Exit status: 0 done, 1 it did not work, 2 the configuration or the command line is at fault, 141 nobody reads its output
any more (``edge-agent status | head``).
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence

from edge_agent import __version__
from edge_agent.cli import check, enrol, probe, recipes, run, site, status
from edge_agent.cli.commands import Commands, Failed
from telecore.errors import InvalidRequest, TelecoreError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    options = _parser().parse_args(enrol.with_token(sys.argv[1:] if arguments is None else arguments))
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        status = command(options)
        sys.stdout.flush()
        return status
    except (InvalidRequest, TelecoreError) as error:
        print(f"edge-agent: {error}", file=sys.stderr)
        return 2 if isinstance(error, InvalidRequest) else 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at the end
        return 128 + signal.SIGPIPE
    except (Failed, OSError) as error:
        print(f"edge-agent: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edge-agent", description="Looks after the SIMs of one site and carries their calls and SMS to the cloud."
    )
    commands = Commands(parser)
    for part in (run, check, status, site, recipes, probe, enrol):
        part.add(commands)
    commands.add("version", _version, "print the version")
    return parser


def _version(options: argparse.Namespace) -> int:
    print(f"edge-agent {__version__}, Python {sys.version.split()[0]}")
    return 0
