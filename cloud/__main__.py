"""Command line of the cloud: serve, migrate, create-account, create-operator, enrol-edge, account,
channels, version."""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

from cloud.config import CloudConfig, ConfigError, load
from cloud.fleet import channel_table
from cloud.logs import set_up
from cloud.store import accounts, channels, edges, migrate, operators
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord
from cloud.store.records.accounts import COMPAT, LEVELS, MAX_DAYS
from cloud.web import passwords
from telecore.errors import InvalidRequest, NotFound, TelecoreError
from telecore.ids import AccountSid, EdgeId, is_slug

T = TypeVar("T")
PROGRAM = "simferry-cloud"
MIN_PASSWORD = 10
CANNOT_START = 2
"""Exit status that tells systemd not to try again: argparse's for a wrong command line, ours for a wrong file."""


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
        run: Callable[[CloudConfig, argparse.Namespace], Awaitable[int]] = asked.run
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_awaited(run, config, asked))
    except TelecoreError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{PROGRAM}: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


async def _awaited(
    run: Callable[[CloudConfig, argparse.Namespace], Awaitable[int]], config: CloudConfig, asked: argparse.Namespace
) -> int:
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
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--config",
        type=Path,
        default=Path("/etc/simferry-cloud/cloud.yaml"),
        metavar="FILE",
        help="configuration (default: %(default)s)",
    )
    result = argparse.ArgumentParser(add_help=False)
    result.add_argument("--json", action="store_true", help="print the result as one line of JSON")

    def add(name: str, run: object, help_: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        made = commands.add_parser(name, parents=[common, *parents], help=help_, description=help_)
        made.set_defaults(run=run)
        return made

    add("serve", _serve, "Run the controller until SIGTERM or Ctrl-C.")
    add("migrate", _migrate, "Bring the database to the newest schema; serve does it too.")
    made = add("create-account", _create_account, "Make an account and print its SID and token.", result)
    made.add_argument("name", help="what the account is called")
    made = add(
        "create-operator", _create_operator, "Let somebody see the operator's page, or change a password.", result
    )
    made.add_argument("name", help="the name to log in with")
    made.add_argument("--password", help="without it one is made and printed; '-' reads it from standard input")
    made = add("enrol-edge", _enrol_edge, "Print a token that enrols one edge, once, within 24 hours.", result)
    made.add_argument("name", help="the edge's name: lower-case letters, digits and hyphens, such as site-1")
    made.add_argument("--account", metavar="AC…", help="whose SIMs they are; needed when there are several accounts")
    made = add("account", _account_settings, "Show what an account has set, and set it.", result)
    made.add_argument("--account", metavar="AC…", help="needed when there are several accounts")
    made.add_argument("--compat", choices=COMPAT, help="whose statuses and codes errors have")
    made.add_argument("--webhook-log", choices=LEVELS, help="what is kept of requests to its applications")
    made.add_argument("--webhook-log-days", type=int, metavar="N", help=f"how long, from 1 to {MAX_DAYS}")
    made = add("channels", _channels, "List the channels of all edges as they were told last.", result)
    made.add_argument("--edge", metavar="NAME", help="only those of this edge")
    commands.add_parser("version", help="Print the version.")
    return parser


async def _serve(config: CloudConfig, asked: argparse.Namespace) -> int:
    from cloud import app  # the other commands need neither web servers nor templates

    await app.serve(config)
    return 0


async def _migrate(config: CloudConfig, asked: argparse.Namespace) -> int:
    async with Database(config.database_url):
        print(f"the database has revision {migrate.newest()}")
    return 0


async def _create_account(config: CloudConfig, asked: argparse.Namespace) -> int:
    made = await _written(config, lambda conn: accounts.create(conn, asked.name))
    _print(asked, {"sid": made.sid, "auth_token": made.auth_token})
    return 0


async def _create_operator(config: CloudConfig, asked: argparse.Namespace) -> int:
    given = sys.stdin.readline().rstrip("\n") if asked.password == "-" else asked.password
    password = given or secrets.token_urlsafe(12)
    if len(password) < MIN_PASSWORD:
        raise InvalidRequest(f"the password must have at least {MIN_PASSWORD} characters")
    hashed = passwords.make_hash(password)
    await _written(config, lambda conn: operators.put(conn, asked.name, hashed))
    _print(asked, {"user": asked.name, **({} if given else {"password": password})})
    return 0


async def _enrol_edge(config: CloudConfig, asked: argparse.Namespace) -> int:
    if not is_slug(asked.name):
        raise InvalidRequest(f"{asked.name!r} cannot name an edge: use lower-case letters, digits and hyphens")

    def write(conn: Connection) -> tuple[str, AccountSid]:
        account = _account(conn, asked.account)
        return edges.create(conn, EdgeId(asked.name), account.sid), account.sid

    token, account = await _written(config, write)
    _print(asked, {"edge": asked.name, "account": account, "token": token})
    if not asked.json:
        print(f"on the site: edge-agent enrol --cloud {config.public_url} --token {token}", file=sys.stderr)
    return 0


async def _account_settings(config: CloudConfig, asked: argparse.Namespace) -> int:
    changes = {
        name: value
        for name in ("compat", "webhook_log", "webhook_log_days")
        if (value := getattr(asked, name)) is not None
    }
    if not 1 <= changes.get("webhook_log_days", 1) <= MAX_DAYS:
        raise InvalidRequest(f"--webhook-log-days must be from 1 to {MAX_DAYS}")

    def write(conn: Connection) -> AccountRecord:
        record = _account(conn, asked.account)
        return (accounts.update(conn, record.sid, **changes) or record) if changes else record

    record = await _written(config, write)
    settings = {name: str(getattr(record, name)) for name in ("sid", "compat", "webhook_log", "webhook_log_days")}
    _print(asked, settings)
    return 0


async def _channels(config: CloudConfig, asked: argparse.Namespace) -> int:
    async with Database(config.database_url) as db:
        found = await db.read(lambda conn: channels.list_(conn, asked.edge))
    rows = [channel_table.row(record) for record in found]
    print(json.dumps(rows) if asked.json else channel_table.text(rows))
    return 0


def _account(conn: Connection, sid: str | None) -> AccountRecord:
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
        raise InvalidRequest("there are several accounts: say whose edge it is with --account")
    return roots[0]


async def _written(config: CloudConfig, write: Callable[[Connection], T]) -> T:
    async with Database(config.database_url) as db:
        return await db.write(write)


def _print(asked: argparse.Namespace, result: dict[str, str]) -> None:
    if asked.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name}: {value}")


def _print_version() -> int:
    try:
        print(f"{PROGRAM} {version('simferry')}")
    except PackageNotFoundError:
        print(f"{PROGRAM} (not installed)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
