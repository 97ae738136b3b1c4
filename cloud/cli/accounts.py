"""Accounts: create-account, account."""

from __future__ import annotations

import argparse

from cloud.cli.commands import Commands, account_named, by_hand, print_result, store, written
from cloud.config import CloudConfig
from cloud.store import accounts
from cloud.store.database import Connection
from cloud.store.records import AccountRecord
from cloud.store.records.accounts import COMPAT, LEVELS, MAX_DAYS, MAX_RETENTION_DAYS, RETENTION
from telecore.errors import InvalidRequest

_KEPT = ("message_days", "recording_days", "call_days")
_SETTINGS = ("compat", "webhook_log", "webhook_log_days", "requests_per_s", "message_retention", *_KEPT)


def add(commands: Commands) -> None:
    made = commands.add("create-account", _create_account, "Make an account and print its SID and token.", result=True)
    made.add_argument("name", help="what the account is called")
    made = commands.add("account", _account_settings, "Show what an account has set, and set it.", result=True)
    made.add_argument("--account", metavar="AC…", help="needed when there are several accounts")
    made.add_argument("--compat", choices=COMPAT, help="whose statuses and codes errors have")
    made.add_argument("--webhook-log", choices=LEVELS, help="what is kept of requests to its applications")
    made.add_argument("--webhook-log-days", type=int, metavar="N", help=f"how long, from 1 to {MAX_DAYS}")
    made.add_argument("--message-retention", choices=RETENTION, help="what becomes of messages after their days")
    for name in _KEPT:
        what = name.partition("_")[0]
        made.add_argument(f"--{what}-days", type=int, metavar="N", help=f"how long {what}s are kept; 0: for ever")
    made.add_argument("--requests-per-s", type=int, metavar="N", help="of its API; 0: as many as there come")


async def _create_account(config: CloudConfig, asked: argparse.Namespace) -> int:
    made = await written(config, lambda conn: accounts.create(conn, asked.name), by_hand("create-account", asked.name))
    print_result(asked, {"sid": made.sid, "auth_token": made.auth_token})
    return 0


async def _account_settings(config: CloudConfig, asked: argparse.Namespace) -> int:
    changes = {name: value for name in _SETTINGS if (value := getattr(asked, name)) is not None}
    if not 1 <= changes.get("webhook_log_days", 1) <= MAX_DAYS:
        raise InvalidRequest(f"--webhook-log-days must be from 1 to {MAX_DAYS}")
    for name in _KEPT:
        if not 0 <= changes.get(name, 0) <= MAX_RETENTION_DAYS:
            raise InvalidRequest(f"--{name.replace('_', '-')} must be from 0 to {MAX_RETENTION_DAYS}")
    if changes.get("requests_per_s", 0) < 0:
        raise InvalidRequest("--requests-per-s must not be below 0")

    def write(conn: Connection) -> AccountRecord:
        record = account_named(conn, asked.account)
        return accounts.update(conn, record.sid, **changes) or record

    if changes:
        record = await written(config, write, by_hand("account", asked.account or "", ", ".join(sorted(changes))))
    else:
        async with store(config) as db:
            record = await db.read(lambda conn: account_named(conn, asked.account))
    settings = {name: str(getattr(record, name)) for name in ("sid", *_SETTINGS)}
    print_result(asked, settings)
    return 0
