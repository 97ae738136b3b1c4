"""Command line of the cloud. The commands stand in ``cloud/cli``."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence

from cloud import __version__
from cloud.cli import accounts, audit, backup, caps, edges, operators, releases, seals, serve, store
from cloud.cli.commands import PROGRAM, Commands, Run
from cloud.config import CloudConfig, ConfigError, load
from cloud.logs import set_up
from cloud.sealing import SealBroken
from cloud.store.migrate import SchemaTooNew
from cloud.store.soundness import StoreBroken
from telecore.errors import TelecoreError

CANNOT_START = 2
"""Exit status that tells systemd not to try again: argparse's for a wrong command line, ours for a wrong file."""
UNREAD = 128 + signal.SIGPIPE
"""As a shell tells it of a program whose output nobody reads any more: ``simferry-cloud channels | head``."""
_KINDS = (serve, store, backup, accounts, caps, operators, edges, audit, releases, seals)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit status. Whatever is wrong is one sentence on standard error."""
    asked = _parser().parse_args(arguments)
    if asked.command == "version":
        return _print_version()
    try:
        config = load(asked.config)
    except ConfigError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return CANNOT_START
    try:
        set_up(config.log.level)
        run: Run = asked.run
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            status = runner.run(_awaited(run, config, asked))
        sys.stdout.flush()
        return status
    except (ConfigError, SchemaTooNew, StoreBroken, SealBroken) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return CANNOT_START
    except TelecoreError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at the end
        return UNREAD
    except OSError as error:
        print(f"{PROGRAM}: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


async def _awaited(run: Run, config: CloudConfig, asked: argparse.Namespace) -> int:
    return await run(config, asked)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed: its TLS takes a tenth of the memory."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description="The cloud controller of Simferry.")
    commands = Commands(parser)
    for kind in _KINDS:
        kind.add(commands)
    commands.add_bare("version", "Print the version.")
    return parser


def _print_version() -> int:
    print(f"{PROGRAM} {__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
