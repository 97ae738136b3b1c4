"""What all commands share: how they are named to the parser, how they write, and how a result is printed."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from cloud.config import CloudConfig
from cloud.store import accounts, audit, migrate
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord
from cloud.store.records.audit import Entry
from telecore.errors import InvalidRequest, NotFound, TelecoreError

log = logging.getLogger(__name__)
T = TypeVar("T")
PROGRAM = "simferry-cloud"
CONFIG = Path("/etc/simferry-cloud/cloud.yaml")

Run = Callable[[CloudConfig, argparse.Namespace], Awaitable[int]]
"""One command; its exit status. Raises TelecoreError, OSError."""


class Commands:
    """Names commands to the parser. Each has ``--config``; those with ``result`` have ``--json`` too."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._made = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        self._common = argparse.ArgumentParser(add_help=False)
        self._common.add_argument(
            "--config", type=Path, default=CONFIG, metavar="FILE", help="configuration (default: %(default)s)"
        )
        self._result = argparse.ArgumentParser(add_help=False)
        self._result.add_argument("--json", action="store_true", help="print the result as one line of JSON")

    def add(self, name: str, run: Run, help_: str, *, result: bool = False) -> argparse.ArgumentParser:
        """A command; its arguments are added to what is returned."""
        parents = [self._common, self._result] if result else [self._common]
        made = self._made.add_parser(name, parents=parents, help=help_, description=help_)
        made.set_defaults(run=run)
        return made

    def add_bare(self, name: str, help_: str) -> None:
        """One that needs no configuration."""
        self._made.add_parser(name, help=help_, description=help_)


def store(config: CloudConfig) -> Database:
    """The database of this configuration, to be opened, with the keys of its secrets."""
    return Database(config.database_url, seals=config.seals())


async def written(config: CloudConfig, write: Callable[[Connection], T], entry: Entry) -> T:
    """One write to the store and to the audit log, beside a controller that runs or without one."""

    def both(conn: Connection) -> T:
        result = write(conn)
        audit.append(conn, entry)
        return result

    async with store(config) as db:
        return await db.write(both)


async def noted(config: CloudConfig, entry: Entry) -> None:
    """To the audit log where the store can be written as it is, after something that does not depend on it.

    A store of another version is left alone: a backup must not be what migrates it.
    """
    if not await asyncio.to_thread(migrate.is_newest, config.database_url):
        log.warning("%s %s is not in the audit log: there is no database of this version", entry.action, entry.target)
        return
    try:
        await written(config, lambda conn: None, entry)
    except (TelecoreError, OSError) as error:
        log.warning("%s %s is not in the audit log: %s", entry.action, entry.target, error)


def by_hand(action: str, target: str, detail: str = "") -> Entry:
    """What somebody did at the command line; of those who became root by sudo, who it was before."""
    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container may know no names
        user = f"user {os.getuid()}"
    return Entry(f"{user} at the command line", action, target, detail=detail)


def account_named(conn: Connection, sid: str | None) -> AccountRecord:
    """The account named, or the only one there is. Raises NotFound, InvalidRequest."""
    if sid is not None:
        found = accounts.get(conn, sid)
        if found is None:
            raise NotFound(f"there is no account {sid}")
        return found
    roots = accounts.roots(conn)
    if not roots:
        raise NotFound(f"there is no account yet: make one with {PROGRAM} create-account")
    if len(roots) > 1:
        raise InvalidRequest("there are several accounts: say which with --account")
    return roots[0]


def print_result(asked: argparse.Namespace, result: dict[str, str]) -> None:
    """A line for each, or all as JSON."""
    if asked.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name}: {value}")
