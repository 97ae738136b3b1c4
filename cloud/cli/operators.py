"""Who may see the operator's page: create-operator, operator."""

from __future__ import annotations

import argparse
import secrets
import sys

from cloud.cli.commands import Commands, by_hand, print_result, store, written
from cloud.config import CloudConfig
from cloud.store import accounts, operators
from cloud.store.database import Connection
from cloud.store.records import OperatorRecord
from cloud.store.records.accounts import MIN_PASSWORD, ROLES
from cloud.web import passwords
from telecore.errors import InvalidRequest, NotFound

ACTIONS = ("list", "disable", "enable", "reset-password", "reset-two-factor", "set-role")
_SWITCHES = ("disable", "enable")


def add(commands: Commands) -> None:
    text = "Let somebody see the operator's page, or change a password."
    made = commands.add("create-operator", _create, text, result=True)
    made.add_argument("name", help="the name to log in with")
    made.add_argument("--password", help="without it one is made and printed; '-' reads it from standard input")
    _with_role(made)
    made = commands.add("operator", _operator, "List operators, and change or shut out one.", result=True)
    made.add_argument("action", choices=ACTIONS)
    made.add_argument("name", nargs="?", help="whom")
    _with_role(made)


def _with_role(made: argparse.ArgumentParser) -> None:
    made.add_argument("--role", choices=ROLES, help="operator: all; account: one account's; auditor: reads")
    made.add_argument("--account", metavar="AC…", help="the account that the role account sees")


async def _create(config: CloudConfig, asked: argparse.Namespace) -> int:
    given = sys.stdin.readline().rstrip("\n") if asked.password == "-" else asked.password
    password = given or secrets.token_urlsafe(12)
    if len(password) < MIN_PASSWORD:
        raise InvalidRequest(f"the password must have at least {MIN_PASSWORD} characters")
    hashed = passwords.make_hash(password)

    def write(conn: Connection) -> None:
        account = _account(conn, asked)
        operators.put(conn, asked.name, hashed, role=asked.role, account=account)

    await written(config, write, by_hand("create-operator", f"operator {asked.name}", asked.role or ""))
    print_result(asked, {"user": asked.name, **({} if given else {"password": password})})
    return 0


async def _operator(config: CloudConfig, asked: argparse.Namespace) -> int:
    if asked.action == "list":
        return await _list(config, asked)
    if not asked.name:
        raise InvalidRequest("say whose name it is")
    shown: dict[str, str] = {"user": asked.name}
    changes: dict[str, object] = {"disabled": asked.action == "disable"} if asked.action in _SWITCHES else {}
    if asked.action == "reset-password":
        shown["password"] = secrets.token_urlsafe(12)
        changes = {"password": passwords.make_hash(shown["password"])}
    if asked.action == "reset-two-factor":
        changes = {"totp_secret": "", "recovery": ()}
    if asked.action == "set-role" and asked.role is None:
        raise InvalidRequest("say with --role which one")

    def write(conn: Connection) -> None:
        if operators.get(conn, asked.name) is None:
            raise NotFound(f"there is no operator {asked.name}")
        role = {"role": asked.role, "account": _account(conn, asked)} if asked.action == "set-role" else {}
        operators.change(conn, asked.name, **changes, **role)

    await written(config, write, by_hand(f"operator {asked.action}", f"operator {asked.name}", asked.role or ""))
    print_result(asked, shown)
    return 0


async def _list(config: CloudConfig, asked: argparse.Namespace) -> int:
    async with store(config) as db:
        found = await db.read(operators.all_)
    print_result(asked, {record.name: _words(record) for record in found})
    return 0


def _words(record: OperatorRecord) -> str:
    role = f"{record.role} {record.account}" if record.account else record.role
    second = "second factor" if record.totp_secret else "no second factor"
    return ", ".join([role, second, *(["disabled"] if record.disabled else [])])


def _account(conn: Connection, asked: argparse.Namespace) -> str | None:
    """The account that the role is to see. Raises InvalidRequest, NotFound."""
    if (asked.role == "account") != (asked.account is not None):
        raise InvalidRequest("--role account and --account belong together")
    if asked.account is not None and accounts.get(conn, asked.account) is None:
        raise NotFound(f"there is no account {asked.account}")
    return None if asked.account is None else str(asked.account)
